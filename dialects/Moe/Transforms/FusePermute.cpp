//===- FusePermute.cpp - the gather moves into the matmul's operand load --===//
//
// The permuted copy of the rows costs a write and a read of R x H elements. A matmul that follows
// the routes while it loads reads the T token rows in place.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/Transforms/FusionRemarks.h"
#include "dialects/Moe/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"

namespace moec::moe {
#define GEN_PASS_DEF_FUSEPERMUTEPASS
#include "dialects/Moe/Transforms/Passes.h.inc"
} // namespace moec::moe

using namespace mlir;
using namespace moec::moe;

static constexpr StringLiteral kFlag("moe-fuse-permute");

/// Why some reader of the permuted rows needs them in memory; empty where none does. Where one
/// does, the others read that copy as well.
static StringRef findReader(PermuteOp op) {
  for (OpOperand &use : op.getRows().getUses()) {
    auto matmul = dyn_cast<GroupedMatmulOp>(use.getOwner());
    if (!matmul)
      return "the permuted rows have a user that is no grouped matmul";
    if (&use != &matmul.getRowsMutable() || matmul.hasGather())
      return "a grouped matmul takes the permuted rows for something else than its rows";
    // No kernel follows two routes.
    if (matmul.hasCombine() && (matmul.getCombineRoutes() != op.getRoutes() ||
                                matmul.getCombineWeights().getType().getDimSize(1) !=
                                    op.getExperts().getType().getDimSize(1)))
      return "a grouped matmul combines its rows by other routes or another top_k";
  }
  return {};
}

static void fuse(PermuteOp op, RewriterBase &rewriter) {
  rewriter.setInsertionPoint(op);
  auto metadata = PermuteOp::create(rewriter, op.getLoc(), op.getExperts(), /*x=*/Value(),
                                    op.getNumExpertsAttr());
  metadata->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  // The inferred types may be more static than the ones in use.
  metadata.getRoutes().setType(op.getRoutes().getType());
  metadata.getOffsets().setType(op.getOffsets().getType());
  int64_t topK = op.getExperts().getType().getDimSize(1);
  for (Operation *user : llvm::make_early_inc_range(op.getRows().getUsers())) {
    auto matmul = cast<GroupedMatmulOp>(user);
    rewriter.modifyOpInPlace(matmul, [&] {
      matmul.getRowsMutable().assign(op.getX());
      matmul.getGatherRoutesMutable().assign(metadata.getRoutes());
      matmul.setTopK(topK);
    });
    remarkFused(matmul, kFlag, "the gather of token rows moved into the operand load");
  }
  rewriter.replaceOp(op, {Value(), metadata.getRoutes(), metadata.getOffsets()});
}

namespace {
struct FusePermutePass : moec::moe::impl::FusePermutePassBase<FusePermutePass> {
  void runOnOperation() override {
    SmallVector<PermuteOp> permutes;
    getOperation()->walk([&](PermuteOp op) {
      if (op.getRows() && !op.getRows().use_empty())
        permutes.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (PermuteOp op : permutes) {
      if (StringRef reason = findReader(op); !reason.empty())
        remarkNotFused(op, kFlag, reason);
      else
        fuse(op, rewriter);
    }
  }
};
} // namespace
