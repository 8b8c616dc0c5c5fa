//===- RowCounts.h - rows of a function's tensors for each token ------------===//
//
// The ops of a block relate the row counts of their operands and results by constant factors. A
// block may begin or end anywhere in the chain from permute to combine, so what an argument has for
// each token is often told by an op far behind its own uses.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_INPUTS_ROWCOUNTS_H
#define MOEC_COMPILER_INPUTS_ROWCOUNTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace moec {

/// Row counts in units of T. T is the smallest count of those that ops relate to each other, as in
/// the lowering to kernels (TokenExtents); padded rows are no multiple of it.
class RowCounts {
public:
  explicit RowCounts(mlir::func::FuncOp function);

  /// The leading dimension of `value` divided by T; nothing where no op takes it for a number of
  /// rows, where it counts padded rows, and where it is no multiple of T.
  std::optional<int64_t> perToken(mlir::Value value) const;
  /// Whether an op says that `value` or rows related to it come one or several a token. Rows of a
  /// product alone may be those of any number of tokens.
  bool isToldByOps(mlir::Value value) const;

private:
  /// rows = numerator / denominator * the unit of its set.
  struct Count {
    unsigned set;
    int64_t numerator = 1, denominator = 1;
  };
  struct Set {
    llvm::SmallVector<unsigned> members;
    bool isPadded = false;
    bool isToldByOps = false;
    unsigned unit = 0; ///< the member that is T
  };

  unsigned numberOf(mlir::Value value);
  const Count *find(mlir::Value value) const;
  /// rows(value) = factor * rows(other). Factors beyond 63 bits relate nothing.
  void relate(mlir::Value value, mlir::Value other, int64_t factor);
  void relateOperands(mlir::Operation *op);
  void findUnits();

  llvm::DenseMap<mlir::Value, unsigned> numbers;
  std::vector<Count> counts; ///< by number
  std::vector<Set> sets;
};

} // namespace moec

#endif // MOEC_COMPILER_INPUTS_ROWCOUNTS_H
