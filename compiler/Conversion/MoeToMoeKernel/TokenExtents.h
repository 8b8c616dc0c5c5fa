//===- TokenExtents.h - leading extents as expressions in T ---------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_TOKENEXTENTS_H
#define MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_TOKENEXTENTS_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace moec {

/// The leading extents of a function's tensors that count tokens, routes or rows, each as an affine
/// map of T (see dialects/MoeKernel/IR/Sizes.h). The ops relate extents by constant factors;
/// padding alone is not linear. T is the smallest extent of those related.
class TokenExtents {
public:
  /// Derives all extents; an extent that is no whole multiple of T is an error on its op.
  mlir::LogicalResult analyze(mlir::func::FuncOp function);

  /// The extent of `value`; null where its leading extent counts something else.
  mlir::AffineMap find(mlir::Value value) const;

  /// Extent divided by T for large T (8 for the rows of a block with k = 8; padding not counted).
  double getRowsPerToken(mlir::Value value) const;

private:
  /// extent(value) = numerator / denominator * extent(parent).
  struct Node {
    unsigned parent;
    int64_t numerator = 1, denominator = 1;
  };
  /// extent(padded) is that of `rows`, every group padded.
  struct Padding {
    unsigned padded, rows;
    int64_t experts, multiple;
  };

  unsigned getNode(mlir::Value value);
  Node findRoot(unsigned node) const;
  /// extent(value) = factor * extent(other).
  void relate(mlir::Value value, mlir::Value other, int64_t factor);
  void relateOperands(mlir::Operation *op);
  mlir::LogicalResult solve(mlir::func::FuncOp function);
  /// What counts experts cannot count tokens as well: an error on the op that takes it so.
  mlir::LogicalResult verifyExpertSized(mlir::Operation *op) const;

  llvm::DenseMap<mlir::Value, unsigned> numbers;
  llvm::SmallVector<mlir::Value> values;
  llvm::SmallVector<Node> nodes;
  llvm::SmallVector<Padding> paddings;
  llvm::DenseMap<mlir::Value, mlir::AffineMap> extents;
};

} // namespace moec

#endif // MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_TOKENEXTENTS_H
