//===- Problem.h - what schedules are chosen for --------------------------===//
//
// Plain data, free of IR, so that tables, tests and a later search can make problems of their own.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_SCHEDULE_PROBLEM_H
#define MOEC_COMPILER_SCHEDULE_PROBLEM_H

#include <cstdint>
#include <string>
#include <vector>

namespace moec::schedule {

/// One grouped matmul.
struct MatmulProblem {
  int64_t experts = 1;
  int64_t columns = 0;     ///< of one result
  int64_t reduction = 0;   ///< K
  double rowsPerToken = 1; ///< R / T
  bool gated = false;      ///< two weight rows a column
  bool twoOutputs = false; ///< gate and up are both stored
  bool transposed = false; ///< weights [E, K, N]
  bool apart = false;      ///< gate and up are halves of a weight, or a weight each
  bool hasBias = false;
  bool gathered = false;    ///< rows by routes
  bool weighted = false;    ///< stores times routing weights
  int64_t outputBytes = 2;  ///< of a stored element
  int64_t epilogueCost = 0; ///< operations of the epilogue, about

  bool operator==(const MatmulProblem &) const = default;
};

/// A whole block, as far as its division into variants depends on it.
struct BlockProblem {
  int64_t experts = 1;
  double rowsPerToken = 1; ///< k, where the block sorts routes
  bool routes = false;     ///< it holds a route op whose choice it sorts
  std::vector<MatmulProblem> matmuls;
};

/// "experts=128 columns=768 reduction=2048 rows_per_token=8 gated", for headers and logs.
std::string toString(const MatmulProblem &problem);

} // namespace moec::schedule

#endif // MOEC_COMPILER_SCHEDULE_PROBLEM_H
