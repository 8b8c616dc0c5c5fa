//===- Check.h - Comparing a run with the reference evaluator
//--------------------------------------===//
//
// Decides whether the outputs of a run are right. Two conditions must hold for a float tensor: the
// relative error of the whole, and a band for every element that scales with its row, so that one
// wrong element in a large tensor is found and a row of small values is not drowned by large ones.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_REFERENCE_CHECK_H
#define MOEC_COMPILER_REFERENCE_CHECK_H

#include "compiler/Reference/Evaluator.h"

#include <optional>
#include <span>
#include <string>

namespace moec {

/// The relative error that a correct lowering stays below, by the element type of the block's data:
/// bf16 1e-2, f16 2e-3, f32 1e-5, f64 1e-12, f8 1e-1.
///
/// Every stored tensor is rounded once, to a relative step of 2^-9 (bf16), 2^-12 (f16); with the
/// two or three stored tensors of a block and their products the error of a right answer is near
/// 3e-3 and 4e-4. For f32 the sums dominate: sqrt(K) * 2^-24 for K terms.
double defaultTolerance(moert::DType dtype);

/// The outcome for one tensor.
struct Comparison {
  std::string name;
  bool passed = false;
  double tolerance = 0.0;     ///< of the relative error
  double relativeError = 0.0; ///< ||actual - expected|| / ||expected|| over finite elements
  int64_t elements = 0;       ///< compared
  int64_t outsideBand = 0;    ///< elements outside their band, non-finite ones included
  int64_t actualNan = 0, expectedNan = 0;
  int64_t actualInf = 0, expectedInf = 0;
  /// The element furthest outside its band or, where all are inside, nearest to its edge.
  int64_t worstRow = -1, worstColumn = -1;
  double worstActual = 0.0, worstExpected = 0.0, worstBand = 0.0;

  /// One line: pass or fail, the error, the worst element, counts of NaN and Inf.
  std::string describe() const;
};

/// Compares `actual` (any type) with `expected` (f64, or i32 for index tensors) of the same shape.
///
/// The band of element (t, j) is `tolerance * (4 * rms(expected[t, :]) + |expected[t, j]|)` and at
/// least the smallest step of the element type (so that a row whose reference is zero must be
/// zero). NaN matches only NaN, Inf only Inf of that sign or a value that the type cannot hold.
/// Index tensors must be equal. `tolerance` 0 stands for the default of `actual`'s type. `rows`
/// names the row of the whole tensor that each row stands for in messages (sampled tokens).
Comparison compareTensors(std::string name, const moert::HostTensor &actual,
                          const moert::HostTensor &expected, double tolerance = 0.0,
                          std::span<const int64_t> rows = {});

struct CheckOptions {
  double tolerance = 0.0;  ///< 0: the default of the block's data type
  int64_t maxTokens = 64;  ///< with more tokens, a sample of this size is evaluated
  uint64_t sampleSeed = 0; ///< draws the sample
  unsigned threads = 0;    ///< 0: one per core
};

struct CheckReport {
  std::vector<Comparison> outputs;
  int64_t tokens = 0;                 ///< of the run
  std::vector<int64_t> sampledTokens; ///< ascending; empty where all were checked
  uint64_t sampleSeed = 0;

  bool passed() const;
  /// One line per output and one on the sample with its seed.
  std::string describe() const;
};

/// The reference's side of a check, for any number of runs on the same arguments.
struct Expectation {
  std::vector<moert::HostTensor> outputs; ///< f64 or i32; of the sampled tokens where there is a sample
  double tolerance = 0.0;
  int64_t tokens = 0;
  std::vector<int64_t> sampledTokens; ///< ascending; empty where all were evaluated
  uint64_t sampleSeed = 0;
};

/// Evaluates `func` on `arguments`. Draws a sample where there are more than `maxTokens` tokens and
/// tokens are independent.
mlir::FailureOr<Expectation> expectResult(mlir::func::FuncOp func,
                                          llvm::ArrayRef<moert::HostTensor> arguments,
                                          const CheckOptions &options = {});

/// Compares a run's `outputs` (in the order of the results) with what was expected.
mlir::FailureOr<CheckReport> checkResult(mlir::func::FuncOp func, const Expectation &expectation,
                                         llvm::ArrayRef<moert::HostTensor> outputs);

/// Evaluates `func` on the run's `arguments` and compares the run's `outputs` (in the order of the
/// results). Draws a sample where there are more than `maxTokens` tokens and tokens are
/// independent.
mlir::FailureOr<CheckReport> checkResult(mlir::func::FuncOp func,
                                         llvm::ArrayRef<moert::HostTensor> arguments,
                                         llvm::ArrayRef<moert::HostTensor> outputs,
                                         const CheckOptions &options = {});

} // namespace moec

#endif // MOEC_COMPILER_REFERENCE_CHECK_H
