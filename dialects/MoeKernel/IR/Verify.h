//===- Verify.h - checks that verifiers of several ops share --------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_VERIFY_H
#define MOEC_DIALECTS_MOEKERNEL_IR_VERIFY_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"
#include "dialects/MoeKernel/IR/Sizes.h"

namespace moec::kernel {

inline mlir::MemRefType getType(mlir::Value value) {
  return mlir::cast<mlir::MemRefType>(value.getType());
}

/// The leading extent of `value`, called `name`, is `expected`.
inline mlir::LogicalResult verifyExtent(mlir::Operation *op, llvm::StringRef name,
                                        mlir::Value value, mlir::AffineMap expected) {
  mlir::AffineMap extent = getLeadingExtent(value);
  if (areSameExtents(extent, expected))
    return mlir::success();
  return op->emitOpError() << "expects the leading extent of " << name << " to be "
                           << mlir::AffineMapAttr::get(expected) << ", but got "
                           << mlir::AffineMapAttr::get(extent);
}

/// `value`, called `name`, has `expected` columns.
inline mlir::LogicalResult verifyColumns(mlir::Operation *op, llvm::StringRef name,
                                         mlir::Value value, int64_t expected) {
  int64_t columns = getType(value).getDimSize(1);
  if (columns == expected)
    return mlir::success();
  return op->emitOpError() << "expects " << name << " to have " << expected << " columns, but got "
                           << columns;
}

/// Rows of `value` are whole 16-byte vectors of 16-bit elements.
inline mlir::LogicalResult verifyVectorRows(mlir::Operation *op, mlir::Value value) {
  int64_t columns = getType(value).getDimSize(1);
  if (columns > 0 && columns % 8 == 0)
    return mlir::success();
  return op->emitOpError() << "expects rows of a multiple of 8 elements, but got " << columns;
}

/// `offsets` are those of a static number of groups, of one at least.
inline mlir::LogicalResult verifyOffsets(mlir::Operation *op, mlir::Value offsets) {
  if (getType(offsets).getDimSize(0) >= 2) // not dynamic either
    return mlir::success();
  return op->emitOpError() << "expects offsets of E + 1 entries, but got " << offsets.getType();
}

inline mlir::LogicalResult verifySameType(mlir::Operation *op, llvm::StringRef what, mlir::Value a,
                                          mlir::Value b) {
  if (a.getType() == b.getType())
    return mlir::success();
  return op->emitOpError() << "expects " << what << " of one type, but got " << a.getType()
                           << " and " << b.getType();
}

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_VERIFY_H
