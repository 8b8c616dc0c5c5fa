//===- Shortlist.h - the schedules worth measuring --------------------------===//

#ifndef MOEC_COMPILER_SEARCH_SHORTLIST_H
#define MOEC_COMPILER_SEARCH_SHORTLIST_H

#include "compiler/Search/CostModel.h"
#include "compiler/Search/Space.h"

namespace moec::search {

/// One grouped matmul of a block, at one T and one routing.
struct Task {
  Setting setting;
  schedule::MatmulProblem problem;
  std::vector<int64_t> groups; ///< routed rows of each expert
  int64_t tokens = 0;
  Machine machine;
};

/// A schedule with what the model says.
struct Candidate {
  kernel::ScheduleAttr schedule;
  Cost predicted;
};

/// The whole space, cheapest first. Refinements start where the groups suggest.
std::vector<Candidate> rank(const Space &space, const Task &task);

/// Schedules that were the fastest of some shape before, as far as they are legal: those of the
/// default tables, whatever their T, and winners of test/bench/RESULTS.md.
std::vector<Candidate> proven(const Task &task);

/// At most `count` schedules to measure, cheapest first. Half of the places are the model's, no form
/// taking all of them while others are near; then come the proven ones, as the model is better at
/// telling forms apart than at telling tiles apart. Tiles that differ in warps and blocks alone, or in
/// a height that no group reaches, count as one. What should take half as long again as the best is
/// left out.
std::vector<Candidate> shortlist(llvm::ArrayRef<Candidate> ranked, llvm::ArrayRef<Candidate> proven,
                                 size_t count);

} // namespace moec::search

#endif // MOEC_COMPILER_SEARCH_SHORTLIST_H
