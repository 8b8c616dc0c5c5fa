//===- MoeKernelTypes.td - operand constraints of moe_kernel ----*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELTYPES_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELTYPES_TD

include "mlir/IR/CommonTypeConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def MoeKernel_DataType : AnyTypeOf<[BF16, F16], "bf16 or f16">;
def MoeKernel_ResultType : AnyTypeOf<[BF16, F16, F32], "bf16, f16 or f32">;

/// What kernels read and write: isCompactMemRef says what that is.
def MoeKernel_AnyMemRef : Type<CPred<"::moec::kernel::isCompactMemRef($_self)">,
    "compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent",
    "::mlir::MemRefType">;

class MoeKernel_MemRef<Type element, int rank>
    : ConfinedType<MemRefRankOf<[element], [rank]>, [MoeKernel_AnyMemRef.predicate],
                   "compact " # MemRefRankOf<[element], [rank]>.summary
                              # ", dynamic in at most its leading extent",
                   "::mlir::MemRefType">;

def MoeKernel_Data2D : MoeKernel_MemRef<MoeKernel_DataType, 2>;
def MoeKernel_Data3D : MoeKernel_MemRef<MoeKernel_DataType, 3>;
def MoeKernel_Result2D : MoeKernel_MemRef<MoeKernel_ResultType, 2>;
def MoeKernel_Float2D : MoeKernel_MemRef<F32, 2>;
def MoeKernel_Index1D : MoeKernel_MemRef<I32, 1>;
def MoeKernel_Index2D : MoeKernel_MemRef<I32, 2>;

class MoeKernel_In<Constraint type, string doc = ""> : Arg<type, doc, [MemRead]>;
class MoeKernel_Out<Constraint type, string doc = ""> : Arg<type, doc, [MemWrite]>;

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELTYPES_TD
