//===- Passes.td - from moe to moe_kernel -----------------------*- tablegen -*-===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_PASSES_TD
#define MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertMoeToKernelPass : Pass<"convert-moe-to-kernel", "::mlir::ModuleOp"> {
  let summary = "Lower moe blocks on tensors to moe_kernel launches on buffers";
  let description = [{
    Every function of moe ops, fused or not, becomes its variants: functions named after it with
    `_t<first T>` appended, which take the inputs and then the results as memrefs. Nothing of the
    moe dialect and no tensor is left.

    1. *Extents.* Every leading extent is derived as an expression in T. A function's T is its
       smallest token extent; an argument of another extent gets `moe_kernel.size`. A static T is
       generalised.
    2. *Variants.* compiler/Schedule divides [0, inf) by the mean rows of an expert and chooses the
       schedules; `tokens` keeps only the variants that serve the listed T, each then serving what
       lies below it too.
    3. *Kernels.* One or more kernel ops for each moe op, in program order, results into workspace
       buffers or straight into the outputs. Tile maps are written by the kernel that makes the
       offsets, one for each tile height that is used.

    A combine that was fused into a matmul becomes, with `combine=ordered`, weighted rows and an
    ordered sum; with `combine=accumulate`, reductions into f32 sums that are cleared before and
    rounded after, and the function is marked `moe_kernel.nondeterministic`.

    What no kernel can do is an error on the op that starts with "unsupported problem": f32 data, row
    lengths that are no multiple of 8, more experts than the sort's counters have room for, scalar
    ops without a CUDA form, arguments that kernels cannot take.

    Example: `test/Conversion/MoeToMoeKernel/block.mlir`.

    ```mlir
    func.func @block(%rows: tensor<?x64xbf16> {moe.name = "rows"}, %w: tensor<?x2xf32> {moe.name = "w"},
                     %routes: tensor<?xi32> {moe.name = "routes"})
        -> (tensor<?x64xbf16> {moe.name = "y"}) {
      %y = moe.combine %rows, %w, %routes : (...) -> tensor<?x64xbf16>
      return %y : tensor<?x64xbf16>
    }
    // becomes
    func.func @block_t0(%rows: memref<?x64xbf16> {moe.name = "rows", moe_kernel.size = #twice}, ...,
                        %y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output})
        attributes {moe_kernel.block = "block", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
      %positions = moe_kernel.buffer "positions" size(#twice) : memref<?xi32>
      moe_kernel.fill outs(%positions : memref<?xi32>) bits(-1) schedule<...>
      moe_kernel.invert_routes ins(%routes : memref<?xi32>) outs(%positions : memref<?xi32>) schedule<...>
      moe_kernel.combine ins(%rows, %positions : ...) weights(%w : ...) outs(%y : ...) top_k(2) schedule<...>
      return
    }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"sm_90a\"", "compute architecture">,
    ListOption<"tokens", "tokens", "int64_t",
               "token counts to compile variants for (none: all variants)">,
    Option<"combine", "combine", "::moec::CombineForm", "::moec::CombineForm::Ordered",
           "how a fused combine sums", [{::llvm::cl::values(
             clEnumValN(::moec::CombineForm::Ordered, "ordered", "in slot order, deterministic"),
             clEnumValN(::moec::CombineForm::Accumulate, "accumulate",
                        "by f32 reductions in any order"))}]>,
    Option<"schedule", "schedule", "std::string", "\"\"",
           "schedules of matmuls: 'N: mma, block_m = ...; ...', N the matmul's number or *, in "
           "variants for some token counts N@FIRST-LAST">
  ];
  let dependentDialects = ["::moec::kernel::MoeKernelDialect", "::mlir::func::FuncDialect"];
}

#endif // MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_PASSES_TD
