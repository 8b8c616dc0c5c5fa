//===- MoeKernelDialect.td - the moe_kernel dialect -------------*- tablegen -*-===//
//
// How a Mixture-of-Experts block runs: one op per kernel launch, on buffers. What it computes is the
// business of the moe dialect.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELDIALECT_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELDIALECT_TD

include "mlir/IR/OpBase.td"

def MoeKernel_Dialect : Dialect {
  let name = "moe_kernel";
  let cppNamespace = "::moec::kernel";
  let summary = "Mixture-of-Experts blocks as kernel launches on buffers: how, never what";
  let description = [{
    A block is a set of functions, its *variants*, that take the same memrefs (inputs, then
    outputs marked `moe_kernel.output`) and serve disjoint intervals of T which together are
    `[0, inf)`. A body is a list of workspace buffers and of kernel ops in launch order; every
    kernel op names its schedule and writes into buffers it is given.

    ```mlir
    module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448,
                                                              registers = 65536, multiprocessors = 132>} {
      func.func @moe_block_t0(%hidden: memref<?x2048xbf16> {moe.name = "hidden"}, ...,
                              %output: memref<?x2048xbf16> {moe.name = "output", moe_kernel.output})
          attributes {moe_kernel.block = "moe_block", moe_kernel.tokens = #moe_kernel.tokens<0, 63>}
    ```

    A leading `?` is T, unless `moe_kernel.size` on the argument or the `size` of the buffer gives
    another expression in T. Such an expression is an affine map of one dimension, T, that divides
    by positive numbers only; where the map has several results, their minimum is meant.

    Discardable attributes:
    * `moe_kernel.target` (module): what the schedules were checked against.
    * `moe_kernel.block` (function): the name of the block of which it is a variant.
    * `moe_kernel.tokens` (function): the T that it serves.
    * `moe_kernel.nondeterministic` (function): results may differ in the last bits between runs.
    * `moe_kernel.output` (argument): written, not read, by the function.
    * `moe_kernel.size` (argument): the leading extent where it is not T.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::moec::moe::MoeDialect"];
  let extraClassDeclaration = [{
    void registerAttributes();
    static constexpr ::llvm::StringLiteral kTargetAttr{"moe_kernel.target"};
    static constexpr ::llvm::StringLiteral kBlockAttr{"moe_kernel.block"};
    static constexpr ::llvm::StringLiteral kTokensAttr{"moe_kernel.tokens"};
    static constexpr ::llvm::StringLiteral kNondeterministicAttr{"moe_kernel.nondeterministic"};
    static constexpr ::llvm::StringLiteral kOutputAttr{"moe_kernel.output"};
    static constexpr ::llvm::StringLiteral kSizeAttr{"moe_kernel.size"};
  }];
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELDIALECT_TD
