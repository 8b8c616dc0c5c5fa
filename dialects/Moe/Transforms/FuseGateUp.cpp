//===- FuseGateUp.cpp - two products of the same rows become one ----------===//
//
// Gate and up are often two weight tensors. One matmul with both reads the rows once and has gate
// and up of the same place in the same thread. The weights are not repacked.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/Transforms/FusionRemarks.h"
#include "dialects/Moe/Transforms/Passes.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"

namespace moec::moe {
#define GEN_PASS_DEF_FUSEGATEUPPASS
#include "dialects/Moe/Transforms/Passes.h.inc"
} // namespace moec::moe

using namespace mlir;
using namespace moec::moe;

static constexpr StringLiteral kFlag("moe-fuse-gate-up");

/// One weight and nothing fused after the product.
static bool isPlainProduct(GroupedMatmulOp op) {
  return op && op.getWeights().size() == 1 && !op.hasEpilogue() && !op.hasCombine();
}

/// Why `a` and `b` cannot share one op; empty where they can.
static StringRef findMismatch(GroupedMatmulOp a, GroupedMatmulOp b) {
  if (a->getBlock() != b->getBlock())
    return "the two products are in different blocks";
  if (a.getRows() != b.getRows() || a.getGatherRoutes() != b.getGatherRoutes() ||
      a.getTopK() != b.getTopK())
    return "the two products read different rows";
  if (a.getOffsets() != b.getOffsets())
    return "the two products have different offsets";
  if (a.getWeights().getTypes() != b.getWeights().getTypes() ||
      a.getTransposed() != b.getTransposed())
    return "the two products have weights of different types";
  if (a.getBias().getTypes() != b.getBias().getTypes())
    return "the two products have biases of different types";
  if (a.getResultTypes() != b.getResultTypes())
    return "the two products have results of different types";
  return {};
}

/// A product that only a plain activation reads fuses better with that activation.
static bool hasActivationOfItsOwn(GroupedMatmulOp op) {
  return op->hasOneUse() && isa<ActivationOp>(*op->user_begin());
}

/// Where an op with the operands and users of both may stand; null where it cannot.
static Operation *findInsertionPoint(GroupedMatmulOp a, GroupedMatmulOp b, DominanceInfo &info) {
  GroupedMatmulOp first = a->isBeforeInBlock(b) ? a : b;
  GroupedMatmulOp second = first == a ? b : a;
  if (llvm::all_of(second->getOperands(),
                   [&](Value operand) { return info.properlyDominates(operand, first); }))
    return first;
  if (llvm::all_of(first->getUsers(),
                   [&](Operation *user) { return info.properlyDominates(second, user); }))
    return second;
  return nullptr;
}

static LogicalResult fuse(GroupedMatmulOp gate, GroupedMatmulOp up, DominanceInfo &info,
                          RewriterBase &rewriter) {
  Operation *place = findInsertionPoint(gate, up, info);
  if (!place)
    return failure();
  SmallVector<Value> weights{gate.getWeights().front(), up.getWeights().front()};
  SmallVector<Value> bias(gate.getBias());
  llvm::append_range(bias, up.getBias());
  rewriter.setInsertionPoint(place);
  auto fused = GroupedMatmulOp::create(
      rewriter, rewriter.getFusedLoc({gate.getLoc(), up.getLoc()}),
      TypeRange{gate.getResultTypes().front(), up.getResultTypes().front()}, gate.getRows(),
      gate.getOffsets(), weights, bias, gate.getGatherRoutes(), Value(), Value(),
      gate.getTopKAttr(), gate.getTransposedAttr(), GateLayoutAttr());
  fused->setDiscardableAttrs(gate->getDiscardableAttrDictionary());
  remarkFused(fused, kFlag, "two products of the same rows became one");
  rewriter.replaceOp(gate, fused.getResults().front());
  rewriter.replaceOp(up, fused.getResults().back());
  return success();
}

namespace {
struct FuseGateUpPass : moec::moe::impl::FuseGateUpPassBase<FuseGateUpPass> {
  void runOnOperation() override {
    info = &getAnalysis<DominanceInfo>();
    getOperation()->walk([&](ActivationOp op) { fuseInputs(op); });
    getOperation()->walk([&](Block *block) { fuseRest(*block); });
    markAnalysesPreserved<DominanceInfo>();
  }

private:
  /// Gate and up of one activation: the pairs that matter come first, in the activation's order.
  void fuseInputs(ActivationOp op) {
    if (op.getInputs().size() != 2)
      return;
    auto gate = op.getInputs()[0].getDefiningOp<GroupedMatmulOp>();
    auto up = op.getInputs()[1].getDefiningOp<GroupedMatmulOp>();
    if (!gate || !up || gate == up)
      return;
    IRRewriter rewriter(op.getContext());
    StringRef reason = "one of the two products has other ops fused into it";
    if (isPlainProduct(gate) && isPlainProduct(up)) {
      reason = findMismatch(gate, up);
      if (reason.empty() && succeeded(fuse(gate, up, *info, rewriter)))
        return;
      if (reason.empty())
        reason = "a use of the first product precedes an operand of the second";
    }
    remarkNotFused(op, kFlag, reason);
  }

  /// Products of the same rows that no activation joins, in program order.
  void fuseRest(Block &block) {
    SmallVector<GroupedMatmulOp> products;
    for (auto op : block.getOps<GroupedMatmulOp>())
      if (isPlainProduct(op) && !hasActivationOfItsOwn(op))
        products.push_back(op);
    IRRewriter rewriter(block.getParentOp()->getContext());
    for (size_t i = 0; i < products.size(); ++i) {
      for (size_t j = i + 1; products[i] && j < products.size(); ++j) {
        if (!products[j] || !findMismatch(products[i], products[j]).empty() ||
            failed(fuse(products[i], products[j], *info, rewriter)))
          continue;
        products[i] = products[j] = GroupedMatmulOp();
      }
    }
  }

  DominanceInfo *info = nullptr;
};
} // namespace
