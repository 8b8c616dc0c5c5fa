//===- FuseCombine.cpp - the combine moves into the matmul before it ------===//
//
// What follows the last product of a block is a sum over each token's rows with the routing
// weights. Inside the matmul the weights apply to accumulators that are still in registers.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/Transforms/FusionRemarks.h"
#include "dialects/Moe/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"

namespace moec::moe {
#define GEN_PASS_DEF_FUSECOMBINEPASS
#include "dialects/Moe/Transforms/Passes.h.inc"
} // namespace moec::moe

using namespace mlir;
using namespace moec::moe;

static constexpr StringLiteral kFlag("moe-fuse-combine");

/// Why `combine` stays an op of its own; empty where it can move into `matmul`.
static StringRef findObstacle(CombineOp combine, GroupedMatmulOp matmul) {
  if (!matmul)
    return "the combined rows do not come straight from a grouped matmul";
  if (matmul.hasCombine() || matmul.getNumResults() != 1)
    return "the grouped matmul has two results or combines already";
  if (!matmul->hasOneUse())
    return "the product has another user";
  if (matmul->getBlock() != combine->getBlock())
    return "the grouped matmul is in another block";
  // No kernel follows two routes.
  if (matmul.hasGather() &&
      (matmul.getGatherRoutes() != combine.getRoutes() ||
       static_cast<int64_t>(*matmul.getTopK()) != combine.getWeights().getType().getDimSize(1)))
    return "the grouped matmul gathers by other routes or another top_k";
  return {};
}

static void fuse(CombineOp combine, GroupedMatmulOp matmul, RewriterBase &rewriter) {
  // The weights may be computed after the product, whose only reader is the combine.
  rewriter.moveOpBefore(matmul, combine);
  rewriter.modifyOpInPlace(matmul, [&] {
    matmul.getCombineWeightsMutable().assign(combine.getWeights());
    matmul.getCombineRoutesMutable().assign(combine.getRoutes());
    matmul->setLoc(rewriter.getFusedLoc({matmul.getLoc(), combine.getLoc()}));
  });
  Value result = matmul.getResults().front();
  Type type = combine.getType();
  remarkFused(matmul, kFlag, "the weighted sum over each token's rows moved into the epilogue");
  rewriter.replaceOp(combine, result);
  result.setType(type);
}

namespace {
struct FuseCombinePass : moec::moe::impl::FuseCombinePassBase<FuseCombinePass> {
  void runOnOperation() override {
    SmallVector<CombineOp> combines;
    getOperation()->walk([&](CombineOp op) { combines.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (CombineOp op : combines) {
      auto matmul = op.getRows().getDefiningOp<GroupedMatmulOp>();
      if (StringRef reason = findObstacle(op, matmul); !reason.empty())
        remarkNotFused(op, kFlag, reason);
      else
        fuse(op, matmul, rewriter);
    }
  }
};
} // namespace
