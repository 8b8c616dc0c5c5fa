//===- Passes.td - passes of the CPU pipeline -------------------*- tablegen -*-===//

#ifndef MOEC_COMPILER_TARGET_CPU_PASSES_TD
#define MOEC_COMPILER_TARGET_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def CpuBindResultsPass : Pass<"cpu-bind-results", "::mlir::ModuleOp"> {
  let summary = "functions write their results into buffers of the caller";
  let description = [{
    Every public function with a body gets one memref argument per tensor result, after its own
    arguments, and returns nothing: the caller owns inputs and outputs. Bufferization computes a
    result in its buffer where it can, and never in place of an input.

    ```mlir
    func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> { ... return %y : tensor<?xf32> }
    // becomes
    func.func @f(%x: tensor<?xf32> {bufferization.writable = false}, %out: memref<?xf32>) {
      ...
      bufferization.materialize_in_destination %y in restrict writable %out
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def CpuParallelizeRowsPass : Pass<"cpu-parallelize-rows", "::mlir::func::FuncOp"> {
  let summary = "linalg ops outside of loops run in parallel over blocks of rows";
  let description = [{
    A `linalg` op on tensors that stands in the body of a function itself (element-wise work over
    all rows) is tiled along its first dimension into an `scf.forall` of blocks of about
    `block-elements` elements. Ops that are smaller than a block stay as they are.
  }];
  let options = [
    Option<"blockElements", "block-elements", "int64_t", "16384",
           "elements that one iteration computes">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def CpuRegisterTilesPass : Pass<"cpu-register-tiles", "::mlir::func::FuncOp"> {
  let summary = "lower the inner products on buffers to vector registers";
  let description = [{
    Two forms that `convert-moe-to-linalg` makes, once they work on buffers:

    1. The register tile `sums[i, j, l] += rows[i, g, l] * weights[j, g, l]` of static shape: all
       sums live in vector registers over a loop along `g`.
    2. The sum over lanes `sums[i, j] += lanes[i, j, l]`: one vector reduction per sum.

    ```mlir
    linalg.generic {...} ins(%rows, %weights : memref<3x32x16xf32>, memref<8x32x16xf32>)
        outs(%sums : memref<3x8x16xf32>)
    // becomes
    %0 = vector.load %sums[0, 0, 0] ...                                       // 24 of them
    %24:24 = scf.for %g = 0 to 32 iter_args(%s0 = %0, ...) -> (vector<16xf32>, ...) {
      %w = vector.load %weights[0, %g, 0] ...
      %r = vector.load %rows[0, %g, 0] ...
      %n0 = vector.fma %r, %w, %s0 : vector<16xf32>
      ...
    }
    vector.store %24#0, %sums[0, 0, 0] ...
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def CpuScalarMathPass : Pass<"cpu-scalar-math", "::mlir::func::FuncOp"> {
  let summary = "exp, tanh, erf and others as arithmetic, copies as loops";
  let description = [{
    `math.exp`, `math.expm1`, `math.log1p`, `math.tanh`, `math.erf` and `math.erfc` on f32 become the
    polynomials of MLIR's math dialect, which LLVM vectorises together with the loop around them;
    other functions are left to libm. `1 + erf(x)` becomes `erfc(-x)`, which does not cancel;
    `math.isinf` and `math.clampf`, which no later pass knows, become comparisons and extrema.
    Scalars of a float type that LLVM lacks are errors.
    Copies of buffers become loops, so that nothing of MLIR's runner libraries is needed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // MOEC_COMPILER_TARGET_CPU_PASSES_TD
