//===- MoeKernelTypes.td - operand constraints of moe_kernel ----*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELTYPES_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELTYPES_TD

include "mlir/IR/CommonTypeConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def MoeKernel_DataType : AnyTypeOf<[BF16, F16], "bf16 or f16">;
def MoeKernel_ResultType : AnyTypeOf<[BF16, F16, F32], "bf16, f16 or f32">;

def MoeKernel_Data2D : MemRefRankOf<[MoeKernel_DataType], [2]>;
def MoeKernel_Data3D : MemRefRankOf<[MoeKernel_DataType], [3]>;
def MoeKernel_Result2D : MemRefRankOf<[MoeKernel_ResultType], [2]>;
def MoeKernel_Float2D : MemRefRankOf<[F32], [2]>;
def MoeKernel_Index1D : MemRefRankOf<[I32], [1]>;
def MoeKernel_Index2D : MemRefRankOf<[I32], [2]>;

class MoeKernel_In<Constraint type, string doc = ""> : Arg<type, doc, [MemRead]>;
class MoeKernel_Out<Constraint type, string doc = ""> : Arg<type, doc, [MemWrite]>;

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELTYPES_TD
