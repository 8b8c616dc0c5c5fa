//===- MoeAttrs.td - attributes of the moe dialect --------------*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEATTRS_TD
#define MOEC_DIALECTS_MOE_IR_MOEATTRS_TD

include "dialects/Moe/IR/MoeEnums.td"
include "mlir/IR/AttrTypeBase.td"

def Moe_GateLayoutAttr : AttrDef<Moe_Dialect, "GateLayout"> {
  let mnemonic = "gate_layout";
  let summary = "where gate and up lie on one axis of 2I entries";
  let description = [{
    `halves`: entries `[0, I)` and `[I, 2I)`; `interleaved`: entries `2i` and `2i + 1`. The order
    names which of the two comes first. Checkpoints of Mixtral, Qwen3 and OLMoE, once their gate
    and up projections are stacked, are `<halves, gate_first>`; gpt-oss is
    `<interleaved, gate_first>`.

    ```mlir
    #moe.gate_layout<halves, gate_first>
    ```
  }];
  let parameters = (ins EnumParameter<Moe_GatePacking>:$packing,
                        EnumParameter<Moe_GateOrder>:$order);
  let assemblyFormat = "`<` $packing `,` $order `>`";
  let extraClassDeclaration = [{
    /// The entry of the 2I axis that holds feature `feature` of the gate (or of up).
    int64_t getEntry(int64_t feature, int64_t intermediate, bool gate) const {
      bool second = gate != (getOrder() == GateOrder::GateFirst);
      return getPacking() == GatePacking::Halves ? feature + (second ? intermediate : 0)
                                                 : 2 * feature + (second ? 1 : 0);
    }
  }];
}

#endif // MOEC_DIALECTS_MOE_IR_MOEATTRS_TD
