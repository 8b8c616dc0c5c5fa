//===- PaddingPatterns.cpp - moe.pad and moe.unpad ------------------------===//
//
// Both are row gathers: what differs is the table that says where each row comes from.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/MoeToLinalg/Patterns.h"
#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"
#include "dialects/Moe/IR/MoeOps.h"

using namespace mlir;
using namespace moec::linalg_lowering;
using namespace moec::moe;

/// A table of `length` entries that sends row `to[e] + i` to row `from[e] + i` for the rows of
/// group `e` of `groups`, and every other row to none (-1). No entry outside the table is written.
static Value buildRowTable(TensorBuilder &b, int64_t staticLength, Value length, Value groups,
                           Value groupRows, Value from, Value to) {
  Value experts = b.index(b.typeOf(groups).getDimSize(0) - 1);
  Value table = b.filled(b.tensorType({staticLength}, b.getI32Type()), b.constI32(-1), length);
  return b.loop(experts, table, [&](Value e, Value outer) {
    auto [begin, end] = b.group(groups, e, groupRows);
    Value source = b.toIndex(b.extract(from, e));
    Value target = b.maximum(b.toIndex(b.extract(to, e)), b.index(0));
    Value count = b.minimum(b.sub(end, begin), b.sub(length, target));
    return b.loop(count, outer, [&](Value i, Value table) {
      return b.insert(b.toI32(b.add(source, i)), table, b.add(target, i));
    });
  });
}

namespace {
struct LowerPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    Value offsets = op.getOffsets();
    Value rows = b.dim(op.getRows(), 0);
    int64_t multiple = static_cast<int64_t>(op.getMultiple());
    RankedTensorType type = b.typeOf(op.getPadded());
    Value experts = b.index(b.typeOf(offsets).getDimSize(0) - 1);
    Value bound = b.add(rows, b.mul(b.minimum(experts, rows), b.index(multiple - 1)));

    Value paddedOffsets = b.zeros(b.typeOf(op.getPaddedOffsets()));
    paddedOffsets = b.loop(experts, paddedOffsets, [&](Value e, Value sums) {
      auto [begin, end] = b.group(offsets, e, rows);
      Value size = b.mul(b.ceilDivide(b.sub(end, begin), multiple), b.index(multiple));
      Value sum = b.add(b.extract(sums, e), b.toI32(size));
      return b.insert(sum, sums, b.add(e, b.index(1)));
    });
    Value table = buildRowTable(b, type.getDimSize(0), bound, /*groups=*/offsets, rows,
                                /*from=*/offsets, /*to=*/paddedOffsets);
    Value padded = b.gatherRows(op.getRows(), table, /*divisor=*/1, type);
    rewriter.replaceOp(op, {padded, paddedOffsets});
    return success();
  }
};

struct LowerUnpad : OpRewritePattern<UnpadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpadOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    Value rows = b.dim(op.getRoutes(), 0);
    RankedTensorType type = b.typeOf(op.getRows());
    Value table = buildRowTable(b, type.getDimSize(0), rows, /*groups=*/op.getOffsets(), rows,
                                /*from=*/op.getPaddedOffsets(), /*to=*/op.getOffsets());
    rewriter.replaceOp(op, b.gatherRows(op.getPadded(), table, /*divisor=*/1, type));
    return success();
  }
};
} // namespace

void moec::linalg_lowering::populatePaddingPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerPad, LowerUnpad>(patterns.getContext());
}
