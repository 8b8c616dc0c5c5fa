//===- MoeRowCounts.h - what ops say of the row counts of tensors ---------===//
//
// The ops of a block relate the row counts of their operands and results by constant factors. A
// block may begin or end anywhere in the chain from permute to combine, so what an argument has for
// each token is often told by an op far behind its own uses.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEROWCOUNTS_H
#define MOEC_DIALECTS_MOE_IR_MOEROWCOUNTS_H

#include "dialects/Moe/IR/MoeOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace moec::moe {

/// Row counts, the leading dimensions of tensors, in units of T: the smallest count of those that
/// ops relate to each other. Padding is no constant factor: padded rows are related to padded rows
/// alone.
class RowCounts {
public:
  /// Of all ops inside `function`.
  explicit RowCounts(mlir::Operation *function);

  /// All tensors whose leading dimension counts rows, as ops take them, in order.
  llvm::ArrayRef<mlir::Value> values() const { return members; }
  /// What is the same for all that are related to `value`, one of `values()`.
  unsigned setOf(mlir::Value value) const { return find(value)->set; }
  /// Rows of `value` for each row of the one of its set that has the fewest; nothing where that is
  /// no whole number or `value` is none of `values()`.
  std::optional<int64_t> perUnit(mlir::Value value) const;

  /// The leading dimension of `value` divided by T; nothing also where it counts padded rows.
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
  void relate(mlir::Value value, mlir::Value other, int64_t factor = 1);
  void relateOperands(mlir::Operation *op);
  void findUnits();

  llvm::DenseMap<mlir::Value, unsigned> numbers;
  std::vector<mlir::Value> members; ///< by number
  std::vector<Count> counts;        ///< by number
  std::vector<Set> sets;
};

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_IR_MOEROWCOUNTS_H
