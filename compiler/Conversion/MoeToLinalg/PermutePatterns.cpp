//===- PermutePatterns.cpp - moe.permute: grouping routes by expert -------===//

#include "compiler/Conversion/MoeToLinalg/Patterns.h"
#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"
#include "dialects/Moe/IR/MoeOps.h"

using namespace mlir;
using namespace moec::linalg_lowering;
using namespace moec::moe;

namespace {
/// A stable counting sort of the routes by expert id; ids outside [0, E) are skipped.
class RouteSorter {
public:
  RouteSorter(TensorBuilder &builder, PermuteOp op)
      : b(builder), op(op), tokens(b.dim(op.getExperts(), 0)), slots(b.dim(op.getExperts(), 1)),
        numExperts(b.index(static_cast<int64_t>(op.getNumExperts()))) {}

  Value countRoutes() { return b.mul(tokens, slots); }

  /// Entry e + 1 first counts the routes of expert e, then those of all experts up to e.
  Value makeOffsets() {
    Value counts = b.zeros(b.typeOf(op.getOffsets()));
    counts = forEachRoute(counts, [&](Value e, Value, ValueRange carried) {
               Value place = b.add(e, b.index(1));
               Value more = b.add(b.extract(carried[0], place), b.constI32(1));
               return SmallVector<Value>{b.insert(more, carried[0], place)};
             }).front();
    return b.loop(numExperts, counts, [&](Value e, Value sums) {
      Value next = b.add(e, b.index(1));
      return b.insert(b.add(b.extract(sums, e), b.extract(sums, next)), sums, next);
    });
  }

  /// Each expert's cursor starts at its first row and moves on by one for every route of its own.
  Value makeRoutes(Value offsets) {
    Value cursors = b.copy(offsets, b.empty(b.typeOf(op.getOffsets())));
    Value unused = b.filled(b.typeOf(op.getRoutes()), b.constI32(-1), countRoutes());
    return forEachRoute({unused, cursors},
                        [&](Value e, Value route, ValueRange carried) {
                          Value place = b.extract(carried[1], e);
                          return SmallVector<Value>{
                              b.insert(b.toI32(route), carried[0], b.toIndex(place)),
                              b.insert(b.add(place, b.constI32(1)), carried[1], e)};
                        })
        .front();
  }

private:
  /// Walks the routes in order; `body(expert, route, carried)` runs for those that have an expert.
  SmallVector<Value> forEachRoute(ValueRange init,
                                  function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) {
    Value zero = b.index(0);
    Value one = b.index(1);
    return b.loop(zero, tokens, one, init, [&](Value token, ValueRange outer) {
      return b.loop(zero, slots, one, outer, [&](Value slot, ValueRange carried) {
        Value e = b.toIndex(b.extract(op.getExperts(), {token, slot}));
        return b.when(b.isWithin(e, zero, numExperts), carried,
                      [&] { return body(e, b.add(b.mul(token, slots), slot), carried); });
      });
    });
  }

  TensorBuilder &b;
  PermuteOp op;
  Value tokens;
  Value slots;
  Value numExperts;
};

struct LowerPermute : OpRewritePattern<PermuteOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PermuteOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    int64_t topK = b.typeOf(op.getExperts()).getDimSize(1);
    if (ShapedType::isDynamic(topK))
      return rewriter.notifyMatchFailure(op, "expects a static number of slots");
    RouteSorter sorter(b, op);
    Value offsets = sorter.makeOffsets();
    Value routes = sorter.makeRoutes(offsets);
    SmallVector<Value> results;
    if (Value x = op.getX())
      results.push_back(b.gatherRows(x, routes, topK, b.typeOf(op.getRows())));
    results.append({routes, offsets});
    rewriter.replaceOp(op, results);
    return success();
  }
};
} // namespace

void moec::linalg_lowering::populatePermutePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerPermute>(patterns.getContext());
}
