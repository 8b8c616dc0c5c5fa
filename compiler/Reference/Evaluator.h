//===- Evaluator.h - The executable meaning of the moe dialect
//------------------------------------===//
//
// Evaluates a function of moe ops, fused or not, in double precision, straight from the formulas of
// the op contracts. It is the oracle of the tests, of `moec run --check` and of the tuner, so it
// shares nothing with the lowerings and is written to be read.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_REFERENCE_EVALUATOR_H
#define MOEC_COMPILER_REFERENCE_EVALUATOR_H

#include "runtime/Tensor/HostTensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <vector>

namespace moec {

struct EvaluationOptions {
  unsigned threads = 0; ///< 0: one per core
};

/// Whether the evaluator knows everything in `func`, whatever its arguments; emits an error on the
/// first thing that it does not.
mlir::LogicalResult verifyEvaluable(mlir::func::FuncOp func);

/// The results of `func` for `arguments`, which are in the order and of the types of its arguments
/// (dynamic dimensions take any size on which the ops agree). Float results are f64 tensors and
/// never rounded on the way, whatever their IR type; index results are i32.
///
/// The body is one block of moe ops and `arith.constant`, ended by `func.return`. Weights are read
/// in place; beside the arguments, memory holds the intermediate rows that are still needed.
///
/// Emits an error, on the op where there is one, and fails where `func` is not evaluable, an
/// argument does not have its type, sizes disagree, offsets do not ascend, or memory runs out.
mlir::FailureOr<std::vector<moert::HostTensor>>
evaluate(mlir::func::FuncOp func, llvm::ArrayRef<moert::HostTensor> arguments,
         const EvaluationOptions &options = {});

} // namespace moec

#endif // MOEC_COMPILER_REFERENCE_EVALUATOR_H
