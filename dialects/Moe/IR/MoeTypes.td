//===- MoeTypes.td - operand constraints of the moe dialect -----*- tablegen -*-===//
//
// Only row counts (T, R and P) may be dynamic. E, k, H, I and everything else that shapes a kernel
// is static and at least 1, so no pass or lowering has to ask.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOETYPES_TD
#define MOEC_DIALECTS_MOE_IR_MOETYPES_TD

include "mlir/IR/CommonTypeConstraints.td"

/// Element types of activations and weights. f32 is there for the CPU and for tests.
def Moe_DataType : AnyTypeOf<[BF16, F16, F32], "bf16, f16 or f32">;

/// No encoding, and a size in bytes that 63 bits hold (dynamic sizes counted as 1).
def Moe_IsPlain : CPred<"::moec::moe::detail::isPlainTensor($_self)">;

/// The size of one axis is static and at least 1. (A dynamic size is a negative number.)
class Moe_HasStaticDim<int dim>
    : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getDimSize(" # dim # ") > 0">;

class Moe_Tensor<list<Type> elements, int rank, list<int> staticDims, string axes, string words>
    : ConfinedType<TensorRankOf<elements, [rank]>,
                   !listconcat([Moe_IsPlain], !foreach(dim, staticDims, Moe_HasStaticDim<dim>)),
                   "plain " # axes # " tensor of " # words, "::mlir::RankedTensorType">;

def Moe_DataTensor2D : Moe_Tensor<[Moe_DataType], 2, [1],
    "[rows, columns]", "bf16, f16 or f32 with a static, positive number of columns">;
def Moe_DataTensor3D : Moe_Tensor<[Moe_DataType], 3, [0, 1, 2],
    "[E, N, K]", "bf16, f16 or f32 with static, positive sizes">;
def Moe_FloatTensor2D : Moe_Tensor<[F32], 2, [1],
    "[rows, columns]", "f32 with a static, positive number of columns">;
def Moe_IndexTensor2D : Moe_Tensor<[I32], 2, [1],
    "[rows, columns]", "i32 with a static, positive number of columns">;
def Moe_RoutesTensor : Moe_Tensor<[I32], 1, [], "[R]", "i32">;
def Moe_OffsetsTensor : Moe_Tensor<[I32], 1, [0],
    "[E + 1]", "i32 with a static, positive size">;

#endif // MOEC_DIALECTS_MOE_IR_MOETYPES_TD
