//===- MoeKernelEnums.td - enumerations of the moe_kernel dialect -*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELENUMS_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELENUMS_TD

include "dialects/MoeKernel/IR/MoeKernelDialect.td"
include "mlir/IR/EnumAttr.td"

class MoeKernel_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::moec::kernel";
  let genSpecializedAttr = 0;
}

/// A new form is a case here, its legality in MatmulLegality.cpp, its candidates in
/// compiler/Schedule, its device template and the branch that prints the caller.
def MoeKernel_MatmulForm : MoeKernel_Enum<"MatmulForm",
    "the device template that computes a grouped matmul", [
  I32EnumAttrCase<"Mma", 0, "mma">,
  I32EnumAttrCase<"Wgmma", 1, "wgmma">,
  I32EnumAttrCase<"WgmmaSwapped", 2, "wgmma_swapped">
]>;

def MoeKernel_WeightPolicy : MoeKernel_Enum<"WeightPolicy", "how weights are kept in L2", [
  I32EnumAttrCase<"Normal", 0, "normal">,
  I32EnumAttrCase<"EvictFirst", 1, "evict_first">,
  I32EnumAttrCase<"EvictLast", 2, "evict_last">
]>;

def MoeKernel_SoftmaxOver : MoeKernel_Enum<"SoftmaxOver",
    "over which logits of a token the softmax runs", [
  I32EnumAttrCase<"All", 0, "all">,
  I32EnumAttrCase<"Selected", 1, "selected">
]>;
def MoeKernel_SoftmaxOverAttr : EnumAttr<MoeKernel_Dialect, MoeKernel_SoftmaxOver, "softmax"> {
  let assemblyFormat = "`(` $value `)`";
}

def MoeKernel_StoreForm : MoeKernel_Enum<"StoreForm", "where a grouped matmul's results go", [
  I32EnumAttrCase<"Rows", 0, "rows">,
  I32EnumAttrCase<"WeightedRows", 1, "weighted_rows">,
  I32EnumAttrCase<"Accumulate", 2, "accumulate">
]>;
def MoeKernel_StoreFormAttr : EnumAttr<MoeKernel_Dialect, MoeKernel_StoreForm, "store"> {
  let assemblyFormat = "`(` $value `)`";
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELENUMS_TD
