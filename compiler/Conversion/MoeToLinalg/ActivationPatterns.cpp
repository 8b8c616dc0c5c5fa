//===- ActivationPatterns.cpp - moe.activation: scalar functions on rows --===//

#include "compiler/Conversion/MoeToLinalg/Patterns.h"
#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"
#include "dialects/Moe/IR/MoeActivations.h"

using namespace mlir;
using namespace moec::linalg_lowering;
using namespace moec::moe;

namespace {
struct LowerActivation : OpRewritePattern<ActivationOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ActivationOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = b.typeOf(op.getResult());
    int64_t features = type.getDimSize(1);
    if (ShapedType::isDynamic(features))
      return rewriter.notifyMatchFailure(op, "expects a static number of features");
    Value rows = b.dim(op.getInputs().front(), 0);

    SmallVector<Value> inputs(op.getInputs());
    if (std::optional<GateLayoutAttr> layout = op.getGateLayout())
      inputs = {half(b, op.getInputs().front(), rows, features, *layout, /*gate=*/true),
                half(b, op.getInputs().front(), rows, features, *layout, /*gate=*/false)};
    Value result = b.elementwise(inputs, b.empty(type, rows), [&](ValueRange scalars) {
      SmallVector<Value> values = llvm::map_to_vector(scalars, [&](Value v) { return b.toF32(v); });
      return b.fromF32(inlineActivation(b, op, values), type.getElementType());
    });
    rewriter.replaceOp(op, result);
    return success();
  }

  /// The gate (or up) features of rows that hold both.
  static Value half(TensorBuilder &b, Value input, Value rows, int64_t features,
                    GateLayoutAttr layout, bool gate) {
    int64_t first = layout.getEntry(0, features, gate);
    int64_t stride = layout.getPacking() == GatePacking::Interleaved ? 2 : 1;
    RankedTensorType type = b.typeOf(input);
    Slice slice{{b.getIndexAttr(0), b.getIndexAttr(first)},
                {b.fold(rows), b.getIndexAttr(features)},
                {b.getIndexAttr(1), b.getIndexAttr(stride)}};
    return b.extractSlice(input, slice,
                          b.tensorType({type.getDimSize(0), features}, type.getElementType()));
  }
};
} // namespace

void moec::linalg_lowering::populateActivationPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerActivation>(patterns.getContext());
}
