//===- MoeKernelBase.td - buffers, yield, the base of kernel ops -*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELBASE_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELBASE_TD

include "dialects/MoeKernel/IR/MoeKernelAttrs.td"
include "dialects/MoeKernel/IR/MoeKernelInterfaces.td"
include "dialects/MoeKernel/IR/MoeKernelTypes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class MoeKernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<MoeKernel_Dialect, mnemonic, traits>;

/// A kernel that moves or computes whole rows, scheduled by #moe_kernel.launch. `grid` is the body
/// of getGrid().
class MoeKernel_LaunchOp<string mnemonic, list<Trait> traits = []>
    : MoeKernel_Op<mnemonic,
        [DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getGrid"]>]
        # traits> {
  let hasVerifier = 1;
}

def MoeKernel_BufferOp : MoeKernel_Op<"buffer", [MemoryEffects<[MemAlloc]>]> {
  let summary = "a temporary in the workspace";
  let description = [{
    Its bytes are undefined until a kernel writes them. `size` gives the leading extent of a
    dynamic type; several results mean their minimum.

    Constraints:
    * C1: the type is compact, and dynamic in at most its leading extent.
    * C2: `size` is there exactly when the leading extent is dynamic; it maps one dimension, T, and
      divides by positive numbers only.

    Example:

    ```mlir
    %offsets = moe_kernel.buffer "offsets" : memref<129xi32>
    %padded = moe_kernel.buffer "padded" size(affine_map<(d0) -> (d0 * 64, d0 * 8 + 896)>)
        : memref<?x2048xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$name, OptionalAttr<AffineMapAttr>:$size);
  let results = (outs MoeKernel_AnyMemRef:$result);
  let assemblyFormat = "$name (`size` `(` $size^ `)`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_YieldOp : MoeKernel_Op<"yield", [Pure, Terminator,
    ParentOneOf<["GroupedMatmulOp", "ActivationOp"]>]> {
  let summary = "ends an epilogue or activation body with its value";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELBASE_TD
