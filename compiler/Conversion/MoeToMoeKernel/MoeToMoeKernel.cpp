//===- MoeToMoeKernel.cpp - the pass: blocks to variants ------------------===//

#include "compiler/Conversion/MoeToMoeKernel/Supported.h"
#include "compiler/Conversion/MoeToMoeKernel/VariantLowering.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"

namespace moec {
#define GEN_PASS_DEF_CONVERTMOETOKERNELPASS
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// What the division into variants depends on.
static schedule::BlockProblem getBlockProblem(func::FuncOp block, const TokenExtents &extents,
                                              CombineForm combine) {
  schedule::BlockProblem problem;
  block.walk([&](moe::PermuteOp permute) {
    problem.experts = permute.getNumExperts();
    problem.rowsPerToken = extents.getRowsPerToken(permute.getRoutes());
    problem.routes |= permute.getExperts().getDefiningOp<moe::RouteOp>() != nullptr;
  });
  block.walk([&](moe::GroupedMatmulOp matmul) {
    problem.matmuls.push_back(getMatmulProblem(matmul, extents, combine));
  });
  if (!problem.matmuls.empty()) {
    problem.experts = problem.matmuls.front().experts;
    problem.rowsPerToken = problem.matmuls.front().rowsPerToken;
  }
  return problem;
}

namespace {
struct ConvertMoeToKernelPass
    : public moec::impl::ConvertMoeToKernelPassBase<ConvertMoeToKernelPass> {
  using ConvertMoeToKernelPassBase::ConvertMoeToKernelPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    kernel::TargetAttr targetAttr = kernel::getKnownTarget(&getContext(), target);
    if (!targetAttr) {
      module.emitError() << "expects one of the targets " << kernel::listKnownTargets()
                         << ", but got '" << target << '\'';
      return signalPassFailure();
    }
    for (int64_t count : tokens)
      if (count < 0) {
        module.emitError() << "expects token counts of at least 0, but got " << count;
        return signalPassFailure();
      }
    auto overrides =
        schedule::parseOverrides(&getContext(), schedule, [&] { return module.emitError(); });
    if (failed(overrides))
      return signalPassFailure();

    module->setAttr(kernel::MoeKernelDialect::kTargetAttr, targetAttr);
    for (func::FuncOp block : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (block->hasAttr(kernel::MoeKernelDialect::kBlockAttr))
        continue;
      if (failed(lowerBlock(block, targetAttr, *overrides)))
        return signalPassFailure();
      block.erase();
    }
  }

  LogicalResult lowerBlock(func::FuncOp block, kernel::TargetAttr targetAttr,
                           const schedule::Overrides &overrides) {
    if (block.isExternal() || !block.getBody().hasOneBlock())
      return block.emitError() << "expects a body of one basic block";
    TokenExtents extents;
    if (failed(verifySupported(block)) || failed(extents.analyze(block)))
      return failure();
    schedule::BlockProblem problem = getBlockProblem(block, extents, combine);
    if (failed(overrides.verify(problem.matmuls.size(), [&] { return block.emitError(); })))
      return failure();
    BlockContext context{block, extents, targetAttr, combine, overrides};
    for (const schedule::Bucket &bucket :
         schedule::getBuckets(problem, targetAttr, tokens, overrides.ranges()))
      if (failed(VariantLowering(context, bucket).run()))
        return failure();
    return success();
  }
};
} // namespace
