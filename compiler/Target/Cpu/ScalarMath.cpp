//===- ScalarMath.cpp - math functions and copies without a runtime -------===//

#include "compiler/Target/Cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
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

/// The larger of value and min, then the smaller of that and max; a NaN of any of them stays. As in
/// CUDA and SPIR-V; MLIR's own expansion exchanges the two and never gives the value itself.
struct ExpandClamp : OpRewritePattern<math::ClampFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ClampFOp op, PatternRewriter &rewriter) const override {
    Value raised = arith::MaximumFOp::create(rewriter, op.getLoc(), op.getValue(), op.getMin(),
                                             op.getFastmath());
    rewriter.replaceOpWithNewOp<arith::MinimumFOp>(op, raised, op.getMax(), op.getFastmath());
    return success();
  }
};

struct ExpandIsInf : OpRewritePattern<math::IsInfOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::IsInfOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<FloatType>(op.getOperand().getType());
    if (!type || !APFloat::semanticsHasInf(type.getFloatSemantics()))
      return failure();
    Location loc = op.getLoc();
    Value size = math::AbsFOp::create(rewriter, loc, op.getOperand());
    Value infinity = arith::ConstantOp::create(
        rewriter, loc, rewriter.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics())));
    rewriter.replaceOpWithNewOp<arith::CmpFOp>(op, arith::CmpFPredicate::OEQ, size, infinity);
    return success();
  }
};

/// expm1(x) = tanh(x / 2) * (exp(x) + 1) in f64, which has no polynomial and of which MLIR's
/// lowering leaves no digit near 0.
struct ExpandWideExpM1 : OpRewritePattern<math::ExpM1Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpM1Op op, PatternRewriter &rewriter) const override {
    if (!op.getType().isF64())
      return failure();
    Location loc = op.getLoc();
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(rewriter, loc, rewriter.getF64FloatAttr(value));
    };
    Value half = arith::MulFOp::create(rewriter, loc, op.getOperand(), constant(0.5));
    Value tanh = math::TanhOp::create(rewriter, loc, half);
    Value exp = math::ExpOp::create(rewriter, loc, op.getOperand());
    Value sum = arith::AddFOp::create(rewriter, loc, exp, constant(1.0));
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, tanh, sum);
    return success();
  }
};

/// 1 + erf(x) = erfc(-x), in gelu's expansion: near -1 erf has no digits left to cancel.
struct ShiftedErfToErfc : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp op, PatternRewriter &rewriter) const override {
    auto erf = op.getLhs().getDefiningOp<math::ErfOp>();
    if (!erf || !matchPattern(op.getRhs(), m_OneFloat()))
      return failure();
    Value negative = arith::NegFOp::create(rewriter, op.getLoc(), erf.getOperand());
    rewriter.replaceOpWithNewOp<math::ErfcOp>(op, negative);
    return success();
  }
};

/// Types such as f8 are integers to LLVM, and arithmetic on them no error before it makes code.
static LogicalResult verifyScalarTypes(Operation *root) {
  auto isForeign = [](Type type) {
    return isa<FloatType>(type) && !LLVM::isCompatibleFloatingPointType(type);
  };
  WalkResult result = root->walk([&](Operation *op) {
    for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
      if (isForeign(type)) {
        op->emitOpError() << "expects a float type that the CPU target knows, but got " << type;
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

struct CpuScalarMathPass : moec::cpu::impl::CpuScalarMathPassBase<CpuScalarMathPass> {
  void runOnOperation() override {
    if (failed(verifyScalarTypes(getOperation())))
      return signalPassFailure();
    // Before erf becomes a polynomial.
    RewritePatternSet shifted(&getContext());
    shifted.add<ShiftedErfToErfc>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(shifted))))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    auto isOneOf = [](StringRef name) {
      return name == math::ExpOp::getOperationName() || name == math::TanhOp::getOperationName() ||
             name == math::ErfOp::getOperationName() || name == math::ErfcOp::getOperationName() ||
             isNearZero(name);
    };
    populateMathPolynomialApproximationPatterns(patterns, isOneOf);
    populateMathF32ExpansionPatterns(patterns, isNearZero);
    patterns.add<CopyToLoops, ExpandClamp, ExpandIsInf, ExpandWideExpM1>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  /// Functions whose digits near 0 MLIR's lowering to LLVM would lose, of any type.
  static bool isNearZero(StringRef name) {
    return name == math::ExpM1Op::getOperationName() || name == math::Log1pOp::getOperationName();
  }
};
} // namespace
