//===- Space.h - the schedules of one grouped matmul ------------------------===//

#ifndef MOEC_COMPILER_SEARCH_SPACE_H
#define MOEC_COMPILER_SEARCH_SPACE_H

#include "compiler/Search/Axes.h"
#include "compiler/Search/ScheduleText.h"

#include <map>

namespace moec::search {

/// Every combination of the shape axes, with the first legal depth and the first value of every
/// refinement.
struct Space {
  std::vector<kernel::ScheduleAttr> legal;
  size_t points = 0;                     ///< combinations looked at
  std::map<std::string, size_t> reasons; ///< why the others are illegal, and how many
};

Space enumerate(const Setting &setting);

/// One step along one axis.
struct Neighbour {
  llvm::StringRef parameter, value;
  kernel::ScheduleAttr schedule;
};

/// Legal schedules that differ from `schedule` in one parameter: in depths and refinements, and
/// with `shapes` in the others too (to the next smaller and larger value). In the order of the
/// axes' values, one value of each axis before the second of any: whoever stops early has tried the
/// most axes.
std::vector<Neighbour> neighbours(kernel::ScheduleAttr schedule, const Setting &setting,
                                  bool shapes = false);

} // namespace moec::search

#endif // MOEC_COMPILER_SEARCH_SPACE_H
