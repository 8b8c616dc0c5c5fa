//===- CostModel.h - what a grouped matmul should take ----------------------===//
//
// Good enough to leave most of a space unmeasured: the tiles of the actual groups, cut and taken as
// the kernels cut and take them, each limited by the tensor cores, the shared-memory port or
// L2, against the stream of weights from memory. Its constants come from test/bench/RESULTS.md.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_SEARCH_COSTMODEL_H
#define MOEC_COMPILER_SEARCH_COSTMODEL_H

#include "compiler/Schedule/Problem.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include <vector>

namespace moec::search {

/// The card, under sustained load.
struct Machine {
  double multiprocessors = 132;
  double clockHz = 1.30e9;         ///< 1.25 to 1.34 GHz, power-limited
  double bytesPerSecond = 4.6e12; ///< weights streamed from memory (H200; H100: 3.07e12)
  double l2BytesPerClock = 48;     ///< a multiprocessor
  double sharedBytesPerClock = 128;
  double multipliesPerClock = 2048; ///< bf16, a multiprocessor
  double launchSeconds = 2e-6;
};

/// Microseconds by what limits them.
struct Cost {
  double total = 0;
  double compute = 0; ///< tiles on the busiest multiprocessor
  double memory = 0;  ///< weights and rows from device memory
  double padding = 1; ///< rows computed for each routed row
  int64_t tiles = 0;
  int64_t tallest = 0; ///< rows computed in the tallest tile
};

/// `groups`: routed rows of each expert; their sum is R. `tokens`: distinct rows where they are
/// gathered.
Cost predict(kernel::ScheduleAttr schedule, const schedule::MatmulProblem &problem,
             llvm::ArrayRef<int64_t> groups, int64_t tokens, const Machine &machine = {});

} // namespace moec::search

#endif // MOEC_COMPILER_SEARCH_COSTMODEL_H
