//===- Schedule.h - default schedules -------------------------------------===//
//
// Which variants a block gets and how each of their kernels runs. Tables.cpp holds the numbers.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_SCHEDULE_SCHEDULE_H
#define MOEC_COMPILER_SCHEDULE_SCHEDULE_H

#include "compiler/Schedule/Problem.h"
#include "dialects/MoeKernel/IR/MatmulLegality.h"

namespace moec::schedule {

/// How routes get sorted.
enum class SortForm {
  RouteSort,   ///< routing and sorting in one launch of one block
  SingleBlock, ///< one launch of one block
  MultiBlock,  ///< a histogram, then the sort, on many blocks
};

/// An interval of T that one variant serves, and what was decided for all of it.
struct Bucket {
  int64_t minTokens = 0;
  int64_t maxTokens = -1; ///< inclusive; -1: unbounded
  int64_t decidedFor = 0; ///< a T that the decisions are meant for, whatever else it serves
  unsigned matmulRow = 0; ///< row of the matmul table
  SortForm sort = SortForm::MultiBlock;
  int64_t sortBlocks = 1; ///< blocks of the multi-block sort
  bool tokenSets = false; ///< sort by the sets of tokens that the block's own route leaves
};

/// Token counts from `first` to `last`.
struct TokenRange {
  int64_t first = 0, last = 0;
};

/// Variants of `problem`, in order of T, together [0, inf). Few, because each brings its own
/// kernels. With `representatives` (tokens, ascending or not) only buckets that hold one of them
/// are kept; each then serves everything from the end of the one before, the last everything
/// beyond. `ranges` (ascending and apart) are variants of their own, whatever the table says.
std::vector<Bucket> getBuckets(const BlockProblem &problem, kernel::TargetAttr target,
                               llvm::ArrayRef<int64_t> representatives = {},
                               llvm::ArrayRef<TokenRange> ranges = {});

/// The schedule of a matmul in `bucket`: the table's, shrunk until it is legal on `target`. Every
/// table ends in tiles that all problems and targets admit.
kernel::ScheduleAttr getMatmulSchedule(mlir::MLIRContext *context, const MatmulProblem &problem,
                                       const Bucket &bucket, kernel::TargetAttr target);

/// Whether weights leave L2 first, at `meanRows` rows an expert, for what the block's matmuls store
/// to stay there until it is read. The columns of either matmul are taken for the reduction of the
/// other. Sums, which are no results of 16 bits, do not stay.
bool weightsLeaveFirst(const MatmulProblem &problem, double meanRows);

/// What the legality of a schedule of `problem` depends on.
kernel::MatmulTraits getMatmulTraits(const MatmulProblem &problem);

/// Kernels other than matmuls.
enum class RowKernel {
  Route,
  RouteSort,
  Sort,
  TileMaps,
  Index,
  Copy,
  Activation,
  Combine,
  Fill,
  Cast
};

/// Threads and vectors in flight of a kernel over `experts` experts (index kernels) with `arrays`
/// arrays for tile maps (countMapArrays). Index kernels get the most threads whose counters fit the
/// shared memory; null where none do.
kernel::LaunchAttr getLaunch(mlir::MLIRContext *context, RowKernel kernel, int64_t experts = 1,
                             int64_t arrays = 0);

/// That of a route kernel that leaves sets of tokens.
kernel::LaunchAttr getRouteSetsLaunch(mlir::MLIRContext *context, int64_t experts, int64_t topK);

/// The most tokens that `route_sort` takes: one block routes them in a few rounds.
int64_t getRouteSortTokens();

/// The most tokens whose rows, `bytes` of each token, L2 holds until they are read again.
int64_t getHeldTokens(int64_t bytes);

/// Whether kernels may start before their predecessor ends on `target`.
bool usesDependentLaunch(kernel::TargetAttr target);

} // namespace moec::schedule

#endif // MOEC_COMPILER_SCHEDULE_SCHEDULE_H
