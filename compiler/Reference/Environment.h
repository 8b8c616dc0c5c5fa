//===- Environment.h - What the evaluation of an op sees
//------------------------------------------===//
//
// Private to the reference evaluator: the values computed so far, and one `evaluateOp` per op.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_REFERENCE_ENVIRONMENT_H
#define MOEC_COMPILER_REFERENCE_ENVIRONMENT_H

#include "dialects/Moe/IR/MoeOps.h"
#include "runtime/Tensor/HostTensor.h"

#include "llvm/ADT/DenseMap.h"

namespace moec::reference {

/// Values by SSA name. Floats are arguments of any type or computed f64 tensors; indices are i32.
struct Environment {
  llvm::DenseMap<mlir::Value, moert::HostTensor> values;
  unsigned threads = 0;

  moert::HostTensor operator[](mlir::Value value) const { return values.lookup(value); }
  /// Binds `value` to a new zero-filled tensor and returns a handle to it. Emits an error on `op`
  /// where memory runs out.
  mlir::FailureOr<moert::HostTensor> create(mlir::Operation *op, mlir::Value value,
                                            moert::DType dtype, std::vector<int64_t> shape);
};

mlir::LogicalResult evaluateOp(moe::RouteOp op, Environment &env);
mlir::LogicalResult evaluateOp(moe::PermuteOp op, Environment &env);
mlir::LogicalResult evaluateOp(moe::PadOp op, Environment &env);
mlir::LogicalResult evaluateOp(moe::UnpadOp op, Environment &env);
mlir::LogicalResult evaluateOp(moe::CombineOp op, Environment &env);
mlir::LogicalResult evaluateOp(moe::ActivationOp op, Environment &env);
mlir::LogicalResult evaluateOp(moe::GroupedMatmulOp op, Environment &env);

/// `output[t, :] = sum over slots s of weights[t, s] * rows[i, :]` with `routes[i] = t * k + s`;
/// `output` is zero-filled on entry. Shared by `combine` and the fused form of `grouped_matmul`.
void combineRows(const moert::HostTensor &rows, const moert::HostTensor &weights,
                 const moert::HostTensor &routes, moert::HostTensor output, unsigned threads);

/// Fails with an error on `op` unless 0 <= offsets[0] <= offsets[1] <= ... <= rows.
mlir::LogicalResult checkOffsets(mlir::Operation *op, const moert::HostTensor &offsets,
                                 int64_t rows);

/// Fails with an error on `op` unless the two sizes are equal.
mlir::LogicalResult checkSize(mlir::Operation *op, llvm::StringRef what, int64_t expected,
                              int64_t actual);

} // namespace moec::reference

#endif // MOEC_COMPILER_REFERENCE_ENVIRONMENT_H
