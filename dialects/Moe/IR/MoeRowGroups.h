//===- MoeRowGroups.h - what is known about rows grouped by expert --------===//
//
// Rows grouped by expert have a tail: the rows from `offsets[E]` on, which belong to no expert. Ops
// leave zeros there, yet hardly any op reads them. Folds and fusions that replace one row tensor by
// another ask here whether the difference can be seen.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEROWGROUPS_H
#define MOEC_DIALECTS_MOE_IR_MOEROWGROUPS_H

#include "dialects/Moe/IR/MoeOps.h"

namespace moec::moe {

/// Whether `op` maps zeros to zero. True of every named kind; a body is evaluated.
bool mapsZeroToZero(ActivationOp op);

/// Whether the rows of `rows` from `offsets[E]` on are known to be zero.
bool hasZeroTail(mlir::Value rows, mlir::Value offsets);

/// Whether `routes` are known to be -1 from `offsets[E]` on: a combine by them reads no row there.
bool nameNoTail(mlir::Value routes, mlir::Value offsets);

/// Whether no user of `rows` can see its rows from `offsets[E]` on.
bool isTailUnread(mlir::Value rows, mlir::Value offsets);

/// Whether `a` and `b` are known to have equally many rows (entries, for 1-D tensors) at run time.
bool haveSameRowCount(mlir::Value a, mlir::Value b);

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_IR_MOEROWGROUPS_H
