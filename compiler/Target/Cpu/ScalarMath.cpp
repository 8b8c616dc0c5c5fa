//===- ScalarMath.cpp - math functions and copies without a runtime -------===//

#include "compiler/Target/Cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace moec::cpu {
#define GEN_PASS_DEF_CPUSCALARMATHPASS
#include "compiler/Target/Cpu/Passes.h.inc"
} // namespace moec::cpu

using namespace mlir;

namespace {
struct CopyToLoops : OpRewritePattern<memref::CopyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::CopyOp op, PatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, linalg::makeMemRefCopyOp(rewriter, op.getLoc(), op.getSource(), op.getTarget()));
    return success();
  }
};

struct CpuScalarMathPass : moec::cpu::impl::CpuScalarMathPassBase<CpuScalarMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    auto isOneOf = [](StringRef name) {
      return name == math::ExpOp::getOperationName() || name == math::TanhOp::getOperationName() ||
             name == math::ErfOp::getOperationName();
    };
    populateMathPolynomialApproximationPatterns(patterns, isOneOf);
    patterns.add<CopyToLoops>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
