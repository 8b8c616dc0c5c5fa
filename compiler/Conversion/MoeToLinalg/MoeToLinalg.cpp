//===- MoeToLinalg.cpp - the pass convert-moe-to-linalg -------------------===//

#include "compiler/Conversion/MoeToLinalg/MoeToLinalg.h"

#include "compiler/Conversion/MoeToLinalg/Patterns.h"
#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

namespace moec {
#define GEN_PASS_DEF_CONVERTMOETOLINALGPASS
#include "compiler/Conversion/MoeToLinalg/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

namespace {
struct ConvertMoeToLinalgPass : moec::impl::ConvertMoeToLinalgPassBase<ConvertMoeToLinalgPass> {
  using ConvertMoeToLinalgPassBase::ConvertMoeToLinalgPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    for (auto [name, value] : {std::pair<StringRef, int64_t>{"tile-rows", tileRows},
                               {"tile-columns", tileColumns},
                               {"lanes", lanes},
                               {"block-rows", blockRows},
                               {"block-columns", blockColumns},
                               {"block-depth", blockDepth}})
      if (value < 1)
        return emitError(UnknownLoc::get(context)) << "convert-moe-to-linalg expects " << name
                                                   << " to be at least 1, but got " << value;
    return success();
  }

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    linalg_lowering::populateRoutePatterns(patterns);
    linalg_lowering::populatePermutePatterns(patterns);
    linalg_lowering::populatePaddingPatterns(patterns);
    linalg_lowering::populateCombinePatterns(patterns);
    linalg_lowering::populateActivationPatterns(patterns);
    linalg_lowering::populateProductPatterns(
        patterns, {tileRows, tileColumns, lanes, blockRows, blockColumns, blockDepth});

    ConversionTarget target(*context);
    target.addIllegalDialect<moe::MoeDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
