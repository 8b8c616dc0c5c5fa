//===- Sizes.h - extents as expressions in T ------------------------------===//
//
// An extent is an affine map of one dimension, T. Several results mean their minimum. Every extent
// is non-negative and non-decreasing in T, which makes f(min(a, b)) = min(f(a), f(b)) for the
// functions below.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_SIZES_H
#define MOEC_DIALECTS_MOEKERNEL_IR_SIZES_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Value.h"

namespace moec::kernel {

/// Whether `map` is an extent as far as its form tells: of one dimension, with one result or more,
/// and with divisors of at least 1.
bool isExtent(mlir::AffineMap map);

/// `factor * T`.
mlir::AffineMap getTokensExtent(mlir::MLIRContext *context, int64_t factor = 1);
mlir::AffineMap getConstantExtent(mlir::MLIRContext *context, int64_t value);

/// The leading extent of a memref: the size of its buffer or argument, or a constant.
mlir::AffineMap getLeadingExtent(mlir::Value value);

/// `extent * factor`, `ceil(extent / divisor)`, the minimum of two.
mlir::AffineMap scaleExtent(mlir::AffineMap extent, int64_t factor);
mlir::AffineMap ceilDivExtent(mlir::AffineMap extent, int64_t divisor);
mlir::AffineMap minExtent(mlir::AffineMap a, mlir::AffineMap b);

/// Entries of a tile map over `rows` rows in `experts` groups, in tiles of `tileRows`:
/// `floor(rows / tileRows) + min(experts, rows)`. n non-empty groups need at most
/// `floor((rows - n) / tileRows) + n` tiles, which grows with n.
mlir::AffineMap getTileMapExtent(mlir::AffineMap rows, int64_t experts, int64_t tileRows);

/// Rows once every group was padded: `rows + min(experts, rows) * (multiple - 1)`.
mlir::AffineMap getPaddedExtent(mlir::AffineMap rows, int64_t experts, int64_t multiple);

/// Whether two extents are the minimum of the same expressions.
bool areSameExtents(mlir::AffineMap a, mlir::AffineMap b);

/// The value at T = `tokens`.
int64_t evaluateExtent(mlir::AffineMap extent, int64_t tokens);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_SIZES_H
