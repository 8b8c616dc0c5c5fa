//===- RoutePatterns.cpp - moe.route: choosing and weighing experts -------===//

#include "compiler/Conversion/MoeToLinalg/Patterns.h"
#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"
#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace moec::linalg_lowering;
using namespace moec::moe;

namespace {
/// Writes the lowering of one token's routing; all loops are short and sequential.
class TokenRouter {
public:
  TokenRouter(TensorBuilder &builder, RouteOp op)
      : b(builder), op(op), experts(b.typeOf(op.getLogits()).getDimSize(1)),
        topK(static_cast<int64_t>(op.getTopK())) {}

  /// Fills the rows `weights` and `ids` ([k] each) from the row `logits` ([E]).
  std::pair<Value, Value> route(Value logits, Value weights, Value ids) {
    ids = select(logits, ids);
    if (op.getOrder() == SelectOrder::ScoreThenSelect) {
      auto [exponentials, sum] = exponentiate(logits, experts);
      weights = b.loop(b.index(topK), weights, [&](Value slot, Value row) {
        Value id = b.toIndex(b.extract(ids, slot));
        return b.insert(quotient(b.extract(exponentials, id), sum), row, slot);
      });
      if (op.getRenormalize())
        weights = normalize(weights, total(weights, topK));
      return {weights, ids};
    }
    Value winners = b.loop(b.index(topK), weights, [&](Value slot, Value row) {
      return b.insert(b.extract(logits, b.toIndex(b.extract(ids, slot))), row, slot);
    });
    auto [exponentials, sum] = exponentiate(winners, topK);
    return {normalize(exponentials, sum), ids};
  }

private:
  /// An integer per expert whose descending order is the order of the contract: the logit's bits
  /// made monotone in the upper half (-0 equals 0, NaN below -inf), the expert id counted backwards
  /// in the lower half.
  Value orderKeys(Value logits) {
    Value keys = b.empty(b.tensorType({experts}, b.getI64Type()));
    return b.elementwise(logits, keys, [&](ValueRange scalars) {
      Value logit = scalars[0];
      Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, logit, logit);
      Value positiveZero = arith::AddFOp::create(b, logit, b.constF32(0.0f));
      Value bits = arith::BitcastOp::create(b, b.getI32Type(), positiveZero);
      Value sign = arith::ShRSIOp::create(b, bits, b.constI32(31));
      Value mask = arith::AndIOp::create(b, sign, b.constI32(0x7fffffff));
      Value monotone = arith::XOrIOp::create(b, bits, mask);
      monotone = b.choose(isNan, b.constI32(std::numeric_limits<int32_t>::min()), monotone);
      Value upper = arith::ShLIOp::create(b, arith::ExtSIOp::create(b, b.getI64Type(), monotone),
                                          b.constI64(32));
      Value id = arith::IndexCastOp::create(b, b.getI64Type(), linalg::IndexOp::create(b, 0));
      return arith::OrIOp::create(b, upper, b.sub(b.constI64(experts - 1), id)).getResult();
    });
  }

  /// The winners' ids in order: each time the largest key below the one before.
  Value select(Value logits, Value ids) {
    Value keys = orderKeys(logits);
    Value least = b.constI64(std::numeric_limits<int64_t>::min());
    Value greatest = b.constI64(std::numeric_limits<int64_t>::max());
    auto result = b.loop(b.index(0), b.index(topK), b.index(1), {greatest, ids},
                         [&](Value slot, ValueRange carried) {
                           Value best = b.loop(b.index(experts), least, [&](Value e, Value best) {
                             Value key = b.extract(keys, e);
                             Value isLeft = b.compare(arith::CmpIPredicate::slt, key, carried[0]);
                             return b.maximum(best, b.choose(isLeft, key, least));
                           });
                           Value backwards = arith::TruncIOp::create(b, b.getI32Type(), best);
                           Value id =
                               b.sub(b.constI32(static_cast<int32_t>(experts - 1)), backwards);
                           return SmallVector<Value>{best, b.insert(id, carried[1], slot)};
                         });
    return result[1];
  }

  /// exp(l - max) per entry, 0 for NaN and -inf, 1 for the maximum itself (be it +inf), and the sum
  /// of these.
  std::pair<Value, Value> exponentiate(Value logits, int64_t count) {
    Value lowest = b.constF32(-std::numeric_limits<float>::infinity());
    Value greatest = b.loop(b.index(count), lowest, [&](Value i, Value greatest) {
      return arith::MaxNumFOp::create(b, greatest, b.extract(logits, i)).getResult();
    });
    Value out = b.empty(b.tensorType({count}, b.getF32Type()));
    Value exponentials = b.elementwise(logits, out, [&](ValueRange scalars) {
      Value logit = scalars[0];
      Value counts = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, logit, lowest);
      Value isGreatest = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, logit, greatest);
      Value value = math::ExpOp::create(b, arith::SubFOp::create(b, logit, greatest));
      return b.choose(counts, b.choose(isGreatest, b.constF32(1.0f), value), b.constF32(0.0f));
    });
    return {exponentials, total(exponentials, count)};
  }

  Value total(Value row, int64_t count) {
    return b.loop(b.index(count), b.constF32(0.0f), [&](Value i, Value sum) {
      return arith::AddFOp::create(b, sum, b.extract(row, i)).getResult();
    });
  }

  /// a / b, and 0 for a zero denominator.
  Value quotient(Value numerator, Value denominator) {
    Value zero = b.constF32(0.0f);
    Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, denominator, zero);
    return b.choose(isZero, zero, arith::DivFOp::create(b, numerator, denominator));
  }

  Value normalize(Value row, Value sum) {
    return b.loop(b.index(topK), row, [&](Value slot, Value row) {
      return b.insert(quotient(b.extract(row, slot), sum), row, slot);
    });
  }

  TensorBuilder &b;
  RouteOp op;
  int64_t experts;
  int64_t topK;
};

struct LowerRoute : OpRewritePattern<RouteOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RouteOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    int64_t experts = b.typeOf(op.getLogits()).getDimSize(1);
    int64_t topK = static_cast<int64_t>(op.getTopK());
    Value tokens = b.dim(op.getLogits(), 0);
    RankedTensorType weightsType = b.typeOf(op.getWeights());
    RankedTensorType idsType = b.typeOf(op.getExperts());
    SmallVector<Value> outs{b.empty(weightsType, tokens), b.empty(idsType, tokens)};
    auto results = b.forall({tokens}, outs, [&](ValueRange ivs, ValueRange outputs) {
      Slice to = b.row(outputs[0], ivs[0]);
      Value logits = b.extractSlice(op.getLogits(), b.row(op.getLogits(), ivs[0]),
                                    b.tensorType({experts}, b.getF32Type()));
      Value weights =
          b.extractSlice(outputs[0], to, b.tensorType({topK}, weightsType.getElementType()));
      Value ids = b.extractSlice(outputs[1], to, b.tensorType({topK}, idsType.getElementType()));
      std::tie(weights, ids) = TokenRouter(b, op).route(logits, weights, ids);
      return SmallVector<std::pair<Value, Slice>>{{weights, to}, {ids, to}};
    });
    rewriter.replaceOp(op, results);
    return success();
  }
};
} // namespace

void moec::linalg_lowering::populateRoutePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerRoute>(patterns.getContext());
}
