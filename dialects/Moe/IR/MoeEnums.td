//===- MoeEnums.td - enumerations of the moe dialect ------------*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEENUMS_TD
#define MOEC_DIALECTS_MOE_IR_MOEENUMS_TD

include "dialects/Moe/IR/MoeDialect.td"
include "mlir/IR/EnumAttr.td"

class Moe_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::moec::moe";
  let genSpecializedAttr = 0;
}

def Moe_ScoreFunction : Moe_Enum<"ScoreFunction", "how router logits become scores", [
  I32EnumAttrCase<"Softmax", 0, "softmax">
]>;
def Moe_ScoreFunctionAttr : EnumAttr<Moe_Dialect, Moe_ScoreFunction, "score"> {
  let assemblyFormat = "`(` $value `)`";
}

def Moe_SelectOrder : Moe_Enum<"SelectOrder",
    "whether scores are taken over all experts before the selection or over the selected ones", [
  I32EnumAttrCase<"ScoreThenSelect", 0, "score_then_select">,
  I32EnumAttrCase<"SelectThenScore", 1, "select_then_score">
]>;
def Moe_SelectOrderAttr : EnumAttr<Moe_Dialect, Moe_SelectOrder, "order"> {
  let assemblyFormat = "`(` $value `)`";
}

def Moe_GatePacking : Moe_Enum<"GatePacking",
    "how gate and up features share one axis of 2I entries", [
  I32EnumAttrCase<"Halves", 0, "halves">,
  I32EnumAttrCase<"Interleaved", 1, "interleaved">
]>;
def Moe_GateOrder : Moe_Enum<"GateOrder", "which of gate and up comes first", [
  I32EnumAttrCase<"GateFirst", 0, "gate_first">,
  I32EnumAttrCase<"UpFirst", 1, "up_first">
]>;

def Moe_ActivationKind : Moe_Enum<"ActivationKind", "named activations: shorthands for regions", [
  I32EnumAttrCase<"SiluGate", 0, "silu_gate">,
  I32EnumAttrCase<"GeluGate", 1, "gelu_gate">,
  I32EnumAttrCase<"GeluTanhGate", 2, "gelu_tanh_gate">,
  I32EnumAttrCase<"ReluGate", 3, "relu_gate">,
  I32EnumAttrCase<"GptOssSwiglu", 4, "gpt_oss_swiglu">,
  I32EnumAttrCase<"Silu", 5, "silu">,
  I32EnumAttrCase<"Gelu", 6, "gelu">,
  I32EnumAttrCase<"GeluTanh", 7, "gelu_tanh">,
  I32EnumAttrCase<"Relu", 8, "relu">,
  I32EnumAttrCase<"Relu2", 9, "relu2">
]>;
def Moe_ActivationKindAttr : EnumAttr<Moe_Dialect, Moe_ActivationKind, "activation_kind"> {
  let assemblyFormat = "`(` $value `)`";
}

#endif // MOEC_DIALECTS_MOE_IR_MOEENUMS_TD
