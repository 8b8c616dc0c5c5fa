//===- MoeTypes.td - operand constraints of the moe dialect -----*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOE_IR_MOETYPES_TD
#define MOEC_DIALECTS_MOE_IR_MOETYPES_TD

include "mlir/IR/CommonTypeConstraints.td"

/// Element types of activations and weights. f32 is there for the CPU and for tests.
def Moe_DataType : AnyTypeOf<[BF16, F16, F32], "bf16, f16 or f32">;

def Moe_DataTensor2D : TensorRankOf<[Moe_DataType], [2]>;
def Moe_DataTensor3D : TensorRankOf<[Moe_DataType], [3]>;
def Moe_FloatTensor2D : TensorRankOf<[F32], [2]>;
def Moe_IndexTensor1D : TensorRankOf<[I32], [1]>;
def Moe_IndexTensor2D : TensorRankOf<[I32], [2]>;

#endif // MOEC_DIALECTS_MOE_IR_MOETYPES_TD
