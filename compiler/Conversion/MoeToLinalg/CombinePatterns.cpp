//===- CombinePatterns.cpp - moe.combine: summing a token's rows ----------===//

#include "compiler/Conversion/MoeToLinalg/Combine.h"
#include "compiler/Conversion/MoeToLinalg/Patterns.h"
#include "dialects/Moe/IR/MoeOps.h"

using namespace mlir;
using namespace moec::linalg_lowering;
using namespace moec::moe;

/// Where each route's row lies: entry `t * k + s` is the sorted row, -1 where there is none.
static Value invertRoutes(TensorBuilder &b, Value routes, Value tokens, Value slots) {
  Value count = b.mul(tokens, slots);
  Value none =
      b.filled(b.tensorType({ShapedType::kDynamic}, b.getI32Type()), b.constI32(-1), count);
  return b.loop(b.dim(routes, 0), none, [&](Value i, Value table) {
    Value route = b.toIndex(b.extract(routes, i));
    return b
        .when(b.isWithin(route, b.index(0), count), table,
              [&] { return SmallVector<Value>{b.insert(b.toI32(i), table, route)}; })
        .front();
  });
}

Value moec::linalg_lowering::buildCombine(TensorBuilder &b, Value rows, Value weights, Value routes,
                                          RankedTensorType type) {
  Value tokens = b.dim(weights, 0);
  Value slots = b.dim(weights, 1);
  Value table = invertRoutes(b, routes, tokens, slots);
  RankedTensorType rowType = b.tensorType({type.getDimSize(1)}, b.typeOf(rows).getElementType());
  RankedTensorType outType = b.tensorType({type.getDimSize(1)}, type.getElementType());
  RankedTensorType sumType = b.tensorType({type.getDimSize(1)}, b.getF32Type());
  Value out = b.empty(type, tokens);
  return b
      .forall({tokens}, out,
              [&](ValueRange ivs, ValueRange outputs) {
                Value sums = b.loop(slots, b.zeros(sumType), [&](Value slot, Value sums) {
                  Value row = b.toIndex(b.extract(table, b.add(b.mul(ivs[0], slots), slot)));
                  Value named = b.compare(arith::CmpIPredicate::sge, row, b.index(0));
                  return b
                      .when(named, sums,
                            [&] {
                              Value weight = b.extract(weights, {ivs[0], slot});
                              Value part = b.extractSlice(rows, b.row(rows, row), rowType);
                              Value next = b.accumulate(part, sums, [&](Value data, Value sum) {
                                Value product = arith::MulFOp::create(b, weight, b.toF32(data));
                                return arith::AddFOp::create(b, sum, product).getResult();
                              });
                              return SmallVector<Value>{next};
                            })
                      .front();
                });
                Slice to = b.row(outputs[0], ivs[0]);
                Value rounded = b.elementwise(sums, b.extractSlice(outputs[0], to, outType),
                                              [&](ValueRange scalars) {
                                                return b.fromF32(scalars[0], type.getElementType());
                                              });
                return SmallVector<std::pair<Value, Slice>>{{rounded, to}};
              })
      .front();
}

namespace {
struct LowerCombine : OpRewritePattern<CombineOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CombineOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, buildCombine(b, op.getRows(), op.getWeights(), op.getRoutes(),
                                        b.typeOf(op.getOutput())));
    return success();
  }
};
} // namespace

void moec::linalg_lowering::populateCombinePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerCombine>(patterns.getContext());
}
