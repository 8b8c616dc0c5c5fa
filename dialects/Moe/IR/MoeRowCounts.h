//===- MoeRowCounts.h - how ops relate the row counts of tensors ----------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEROWCOUNTS_H
#define MOEC_DIALECTS_MOE_IR_MOEROWCOUNTS_H

#include "dialects/Moe/IR/MoeOps.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace moec::moe {

/// rows(value) = factor * rows(other), where rows counts the leading dimension.
using RelateRows =
    llvm::function_ref<void(mlir::Value value, mlir::Value other, int64_t factor)>;

/// Tells all that `op` says so of its operands and results; of another dialect's op nothing. Padding
/// is no constant factor: padded rows are related to padded rows alone.
void relateRows(mlir::Operation *op, RelateRows relate);

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_IR_MOEROWCOUNTS_H
