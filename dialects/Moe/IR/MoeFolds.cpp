//===- MoeFolds.cpp - folds and canonicalisations of moe ------------------===//

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace moec::moe;

/// Rows that nobody reads need not be gathered: the permute becomes metadata only.
LogicalResult PermuteOp::canonicalize(PermuteOp op, PatternRewriter &rewriter) {
  if (!op.getX() || !op.getRows().use_empty())
    return failure();
  auto metadata = PermuteOp::create(rewriter, op.getLoc(), op.getExperts(), /*x=*/Value(),
                                    op.getNumExpertsAttr());
  rewriter.replaceOp(op, {Value(), metadata.getRoutes(), metadata.getOffsets()});
  return success();
}

/// Padding to multiples of one is no padding.
LogicalResult PadOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  if (getMultiple() != 1 || getRows().getType() != getPadded().getType())
    return failure();
  results.assign({getRows(), getOffsets()});
  return success();
}

/// Unpadding by equal offsets moves nothing.
OpFoldResult UnpadOp::fold(FoldAdaptor) {
  if (getPaddedOffsets() == getOffsets() && getPadded().getType() == getRows().getType())
    return getPadded();
  return {};
}
