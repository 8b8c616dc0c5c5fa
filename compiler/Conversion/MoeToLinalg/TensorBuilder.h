//===- TensorBuilder.h - building tensor programs tersely -----------------===//
//
// The lowering writes loops over tensors by hand; this builder keeps such code close to the loops
// it means: constants, clamped indices, slices, loops that carry a tensor, and element-wise ops.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_TENSORBUILDER_H
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_TENSORBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace moec::linalg_lowering {

using mlir::OpFoldResult;
using mlir::RankedTensorType;
using mlir::SmallVector;
using mlir::Type;
using mlir::Value;
using mlir::ValueRange;

/// A part of a tensor; dimensions of constant size 1 that the part's type lacks are dropped.
struct Slice {
  SmallVector<OpFoldResult> offsets;
  SmallVector<OpFoldResult> sizes;
  SmallVector<OpFoldResult> strides; ///< empty: all 1
};

class TensorBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  // Scalars. Index arithmetic folds constants.
  Value index(int64_t value);
  Value constI32(int32_t value);
  Value constI64(int64_t value);
  Value constF32(float value);
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  /// Signed quotient rounded down; `b` is a positive constant and `a` not negative.
  Value divide(Value a, int64_t b);
  /// Signed quotient rounded up, under the same conditions.
  Value ceilDivide(Value a, int64_t b);
  Value minimum(Value a, Value b);
  Value maximum(Value a, Value b);
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b);
  /// `low <= value < high`
  Value isWithin(Value value, Value low, Value high);
  Value both(Value a, Value b);
  Value choose(Value condition, Value a, Value b);
  Value toIndex(Value i32);
  Value toI32(Value index);
  /// Widens a data element to f32, exactly.
  Value toF32(Value data);
  /// Rounds f32 to the data type, to nearest even.
  Value fromF32(Value f32, Type data);
  /// `value` as an attribute where it is a constant, so that slices get static sizes.
  static OpFoldResult fold(Value value);

  // Tensors.
  static RankedTensorType typeOf(Value tensor);
  static RankedTensorType tensorType(llvm::ArrayRef<int64_t> shape, Type element);
  /// A vector of `size` elements, static where `size` is a constant; likewise the part of a matrix.
  RankedTensorType vectorType(Value size, Type element);
  RankedTensorType partType(const Slice &slice, Type element);
  /// Size of a dimension: a constant where the type knows it.
  Value dim(Value tensor, int64_t i);
  /// An undefined tensor; `rows` is the size of dimension 0 where that is dynamic.
  Value empty(RankedTensorType type, Value rows = {});
  Value filled(RankedTensorType type, Value scalar, Value rows = {});
  Value zeros(RankedTensorType type, Value rows = {});
  Value fill(Value scalar, Value tensor);
  Value extract(Value tensor, ValueRange indices);
  Value insert(Value scalar, Value tensor, ValueRange indices);
  Value extractSlice(Value tensor, const Slice &slice, RankedTensorType type);
  Value insertSlice(Value part, Value tensor, const Slice &slice);
  Value castTo(Value tensor, Type type);
  /// Slice of one row of a matrix.
  Slice row(Value matrix, Value i);

  // Loops. Bodies return the next value of what they carry.
  using LoopBody = llvm::function_ref<SmallVector<Value>(Value iv, ValueRange carried)>;
  SmallVector<Value> loop(Value from, Value to, Value step, ValueRange init, LoopBody body);
  Value loop(Value to, Value init, llvm::function_ref<Value(Value iv, Value carried)> body);
  /// `then()` where `condition` holds, else `otherwise`.
  SmallVector<Value> when(Value condition, ValueRange otherwise,
                          llvm::function_ref<SmallVector<Value>()> then);
  /// `then()` where `condition` holds, else `otherwise()`; both are of `type`.
  Value ifElse(Value condition, Type type, llvm::function_ref<Value()> then,
               llvm::function_ref<Value()> otherwise);
  /// Iterations in any order, each of which gives the parts of `outputs` that it returns.
  using ForallBody =
      llvm::function_ref<SmallVector<std::pair<Value, Slice>>(ValueRange ivs, ValueRange outputs)>;
  SmallVector<Value> forall(llvm::ArrayRef<Value> bounds, ValueRange outputs, ForallBody body);

  /// `out[i...] = body(ins[i...])` for every place of `out`, by default with identity maps.
  using ScalarBody = llvm::function_ref<Value(ValueRange scalars)>;
  Value elementwise(ValueRange ins, Value out, ScalarBody body,
                    llvm::ArrayRef<mlir::AffineMap> inMaps = {});
  /// A generic that folds `ins` into `sums`; the last scalar of the body is the sum.
  Value reduction(ValueRange ins, Value sums, llvm::ArrayRef<mlir::AffineMap> maps,
                  llvm::ArrayRef<mlir::utils::IteratorType> iterators, ScalarBody body);
  /// `sums[i] = body(ins[i], sums[i])` for every place of a vector.
  Value accumulate(Value in, Value sums, llvm::function_ref<Value(Value, Value)> body);
  /// `out` with the elements of `source`.
  Value copy(Value source, Value out);

  /// Whole rows by index: `result[i] = source[indices[i] / divisor]`, zero where the index is
  /// negative or the row is not there. `type` is the result type.
  Value gatherRows(Value source, Value indices, int64_t divisor, RankedTensorType type);
  /// The rows `[begin, end)` of group `e`, kept within `[0, rows]` whatever the offsets hold.
  std::pair<Value, Value> group(Value offsets, Value e, Value rows);
};

} // namespace moec::linalg_lowering

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_TENSORBUILDER_H
