//===- TokenExtents.h - leading extents as expressions in T ---------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_TOKENEXTENTS_H
#define MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_TOKENEXTENTS_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace moec {

/// The leading extents of a function's tensors that count tokens, routes or rows, each as an affine
/// map of T (see dialects/MoeKernel/IR/Sizes.h). The ops relate extents by constant factors
/// (dialects/Moe/IR/MoeRowCounts.h); padding alone is not linear.
class TokenExtents {
public:
  /// Derives all extents; an extent that is no whole multiple of T is an error on its op.
  mlir::LogicalResult analyze(mlir::func::FuncOp function);

  /// The extent of `value`; null where its leading extent counts something else.
  mlir::AffineMap find(mlir::Value value) const;

  /// Extent divided by T for large T (8 for the rows of a block with k = 8; padding not counted).
  double getRowsPerToken(mlir::Value value) const;

private:
  mlir::LogicalResult solve(mlir::func::FuncOp function);
  /// What counts experts cannot count tokens as well: an error on the op that takes it so.
  mlir::LogicalResult verifyExpertSized(mlir::Operation *op) const;

  llvm::DenseMap<mlir::Value, mlir::AffineMap> extents;
};

} // namespace moec

#endif // MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_TOKENEXTENTS_H
