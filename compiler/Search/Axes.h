//===- Axes.h - what a schedule may vary in ---------------------------------===//
//
// The one description of the search space of a grouped matmul. A member that the schedule attribute
// gains is a row of this table.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_SEARCH_AXES_H
#define MOEC_COMPILER_SEARCH_AXES_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

namespace moec::search {

enum class AxisKind {
  Shape,      ///< enumerated with every other one; the cost model tells its values apart
  Depth,      ///< values from the best guess on: the first legal one, the others are refinements
  Refinement, ///< varied one at a time on schedules that are fast already
};

/// A parameter of the schedule and the values worth trying in each form, none where the form has no
/// such parameter. The first value of a refinement is what enumerated schedules start with.
struct Axis {
  llvm::StringLiteral parameter;
  AxisKind kind;
  llvm::ArrayRef<llvm::StringLiteral> mma, wgmma, swapped;

  llvm::ArrayRef<llvm::StringLiteral> values(kernel::MatmulForm form) const;
};

/// All axes but the form itself: shapes, refinements, and last the depth, whose legality depends on
/// all others.
llvm::ArrayRef<Axis> axes();

} // namespace moec::search

#endif // MOEC_COMPILER_SEARCH_AXES_H
