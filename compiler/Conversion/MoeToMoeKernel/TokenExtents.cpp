//===- TokenExtents.cpp - leading extents as expressions in T -------------===//

#include "compiler/Conversion/MoeToMoeKernel/TokenExtents.h"
#include "compiler/Conversion/MoeToMoeKernel/Passes.h"
#include "dialects/Moe/IR/MoeRowCounts.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace moec {

LogicalResult TokenExtents::solve(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  moe::RowCounts counts(function);
  DenseMap<unsigned, AffineMap> padded; ///< by set: what padding makes of its unit
  auto fail = [&](Value value, StringRef why) {
    return emitError(value.getLoc()) << kUnsupportedPrefix << why << ", in a tensor of type "
                                     << value.getType();
  };
  auto assign = [&](Value value) -> LogicalResult {
    std::optional<int64_t> factor = counts.perUnit(value);
    if (AffineMap extent = padded.lookup(counts.setOf(value))) {
      if (factor != 1)
        return fail(value, "expects padded rows to be used one by one");
      extents[value] = extent;
      return success();
    }
    if (!factor)
      return fail(value, "expects the leading extent to be a multiple of T");
    extents[value] = kernel::getTokensExtent(context, *factor);
    return success();
  };
  // In program order the rows of each padding are known before its own.
  WalkResult result = function.walk([&](moe::PadOp pad) -> WalkResult {
    if (failed(assign(pad.getRows())))
      return failure();
    int64_t experts = cast<RankedTensorType>(pad.getOffsets().getType()).getDimSize(0) - 1;
    padded[counts.setOf(pad.getPadded())] = kernel::getPaddedExtent(
        extents.lookup(pad.getRows()), experts, static_cast<int64_t>(pad.getMultiple()));
    return success();
  });
  if (result.wasInterrupted())
    return failure();
  for (Value value : counts.values())
    if (failed(assign(value)))
      return failure();
  return success();
}

LogicalResult TokenExtents::verifyExpertSized(Operation *op) const {
  auto verify = [&](StringRef what, ValueRange values) -> LogicalResult {
    for (Value value : values)
      if (find(value))
        return op->emitError() << kUnsupportedPrefix << "expects " << what
                               << " that no op takes for rows or routes, but got one of type "
                               << value.getType();
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](moe::PermuteOp permute) { return verify("offsets", permute.getOffsets()); })
      .Case([&](moe::PadOp pad) {
        return verify("offsets", {pad.getOffsets(), pad.getPaddedOffsets()});
      })
      .Case([&](moe::UnpadOp unpad) {
        return verify("offsets", {unpad.getOffsets(), unpad.getPaddedOffsets()});
      })
      .Case([&](moe::GroupedMatmulOp matmul) -> LogicalResult {
        if (failed(verify("offsets", matmul.getOffsets())))
          return failure();
        return verify("a bias", matmul.getBias());
      })
      .Default(success());
}

LogicalResult TokenExtents::analyze(func::FuncOp function) {
  if (failed(solve(function)))
    return failure();
  WalkResult result =
      function.walk([&](Operation *op) { return WalkResult(verifyExpertSized(op)); });
  return failure(result.wasInterrupted());
}

AffineMap TokenExtents::find(Value value) const { return extents.lookup(value); }

double TokenExtents::getRowsPerToken(Value value) const {
  constexpr int64_t kLarge = 1 << 24;
  AffineMap extent = find(value);
  return extent ? static_cast<double>(kernel::evaluateExtent(extent, kLarge)) / kLarge : 1.0;
}

} // namespace moec
