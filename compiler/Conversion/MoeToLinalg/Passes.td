//===- Passes.td - lowering of moe to stock dialects ------------*- tablegen -*-===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_PASSES_TD
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertMoeToLinalgPass : Pass<"convert-moe-to-linalg"> {
  let summary = "lower every moe op to linalg, scf, tensor, arith and math on tensors";
  let description = [{
    Every op of the `moe` dialect, unfused or fused, becomes ops of MLIR's own dialects on tensors;
    nothing of `moe` is left but the names of arguments and results (`moe.name`), which stock tools
    accept as they are. Everything else in the module stays.

    1. Routing and row movement become loops that follow the contracts word for word; work on
       different tokens or rows stands in `scf.forall`.
    2. Element-wise work becomes `linalg.generic`, with the scalar function of an activation or
       epilogue as its body.
    3. `moe.grouped_matmul` becomes an `scf.forall` over (block of columns, expert). A block walks
       the expert's rows: operands are widened into f32 blocks of a fixed size (rows gathered, a
       short last block filled with zeros), a static `linalg.generic` multiplies `tile-rows` x
       `tile-columns` outputs at a time, and the epilogue is applied to the rows that are there.

    The product keeps `lanes` partial sums per output and adds them up at the end, so both operands
    are read along the reduction as checkpoints store them, and one vector register holds the
    partial sums of one output.

    Example, `moe.activation %x kind(relu) : (tensor<?x8xbf16>) -> tensor<?x8xbf16>`:

    ```mlir
    %0 = tensor.empty(%rows) : tensor<?x8xbf16>
    %1 = linalg.generic {...} ins(%x : tensor<?x8xbf16>) outs(%0 : tensor<?x8xbf16>) {
    ^bb0(%in: bf16, %out: bf16):
      %2 = arith.extf %in : bf16 to f32
      %3 = arith.maximumf %2, %zero : f32
      %4 = arith.truncf %3 : f32 to bf16
      linalg.yield %4 : bf16
    } -> tensor<?x8xbf16>
    ```
  }];
  let options = [
    Option<"tileRows", "tile-rows", "int64_t", "3", "rows of one register tile of a product">,
    Option<"tileColumns", "tile-columns", "int64_t", "8",
           "columns of one register tile of a product">,
    Option<"lanes", "lanes", "int64_t", "16",
           "partial sums per output of a product: the f32 lanes of a vector register">,
    Option<"blockRows", "block-rows", "int64_t", "48", "most rows of a block held in f32">,
    Option<"blockColumns", "block-columns", "int64_t", "128",
           "most columns of a block of weights held in f32, of all factors together">,
    Option<"blockDepth", "block-depth", "int64_t", "1024",
           "most steps along the reduction of a block held in f32">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_PASSES_TD
