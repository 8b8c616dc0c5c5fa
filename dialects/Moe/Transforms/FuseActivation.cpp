//===- FuseActivation.cpp - activations move into the matmul's epilogue ---===//
//
// The epilogue region works on accumulators that are still in registers and in f32: the product is
// neither stored nor rounded in between.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeActivations.h"
#include "dialects/Moe/IR/MoeRowGroups.h"
#include "dialects/Moe/Transforms/FusionRemarks.h"
#include "dialects/Moe/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"

namespace moec::moe {
#define GEN_PASS_DEF_FUSEACTIVATIONPASS
#include "dialects/Moe/Transforms/Passes.h.inc"
} // namespace moec::moe

using namespace mlir;
using namespace moec::moe;

static constexpr StringLiteral kFlag("moe-fuse-activation");

/// Why `activation` stays an op of its own; empty where it can move into `matmul`, the op that
/// makes its first input.
static StringRef findObstacle(ActivationOp activation, GroupedMatmulOp matmul) {
  if (!matmul)
    return "the input does not come straight from a grouped matmul";
  for (Value input : activation.getInputs())
    if (input.getDefiningOp() != matmul)
      return "gate and up do not come from one grouped matmul";
  if (matmul->getBlock() != activation->getBlock())
    return "the grouped matmul is in another block";
  if (matmul.hasCombine())
    return "the grouped matmul combines its rows before the activation";
  for (Value result : matmul.getResults()) {
    if (!llvm::is_contained(activation.getInputs(), result))
      return "the activation reads one of the two products only";
    for (Operation *user : result.getUsers())
      if (user != activation)
        return "the product has another user";
  }
  if (activation.getGateLayout() && matmul.isGated())
    return "gate and up of the activation are neighbours in a gated product";
  if (!mapsZeroToZero(activation) && !isTailUnread(activation.getResult(), matmul.getOffsets()))
    return "rows that belong to no expert are read after the activation and may not be zero";
  return {};
}

/// Fills `epilogue` with the activation of `matmul`'s values. `arguments` is how many values the
/// new epilogue sees; an epilogue that is there already applies first.
static void buildEpilogue(ActivationOp activation, GroupedMatmulOp matmul, Region &epilogue,
                          unsigned arguments) {
  OpBuilder builder(activation.getContext());
  Location loc = activation.getLoc();
  Block *block = builder.createBlock(&epilogue, epilogue.end(),
                                     SmallVector<Type>(arguments, builder.getF32Type()),
                                     SmallVector<Location>(arguments, loc));
  SmallVector<Value> values(block->getArguments());
  if (matmul.hasEpilogue()) {
    // With a layout on the activation the old epilogue is plain and applies to gate and to up.
    SmallVector<Value> done;
    if (activation.getGateLayout())
      for (Value value : values)
        done.push_back(inlineScalarBody(builder, matmul.getEpilogue(), value));
    else
      done.push_back(inlineScalarBody(builder, matmul.getEpilogue(), values));
    values = done;
  }
  SmallVector<Value> inputs;
  if (activation.getGateLayout())
    inputs = values;
  else
    for (Value input : activation.getInputs())
      inputs.push_back(values[cast<OpResult>(input).getResultNumber()]);
  YieldOp::create(builder, loc, inlineActivation(builder, activation, inputs));
}

static void fuse(ActivationOp activation, GroupedMatmulOp matmul, RewriterBase &rewriter) {
  rewriter.setInsertionPoint(matmul);
  GateLayoutAttr layout = activation.getGateLayoutAttr();
  auto fused = GroupedMatmulOp::create(
      rewriter, rewriter.getFusedLoc({matmul.getLoc(), activation.getLoc()}),
      TypeRange(activation.getType()), matmul.getRows(), matmul.getOffsets(), matmul.getWeights(),
      matmul.getBias(), matmul.getGatherRoutes(), Value(), Value(), matmul.getTopKAttr(),
      matmul.getTransposedAttr(), layout ? layout : matmul.getGateLayoutAttr());
  fused->setDiscardableAttrs(matmul->getDiscardableAttrDictionary());
  buildEpilogue(activation, matmul, fused.getEpilogue(), fused.isGated() ? 2 : 1);
  remarkFused(fused, kFlag, "the activation moved into the epilogue");
  rewriter.replaceOp(activation, fused.getResults());
  rewriter.eraseOp(matmul);
}

namespace {
struct FuseActivationPass : moec::moe::impl::FuseActivationPassBase<FuseActivationPass> {
  void runOnOperation() override {
    // In program order: of two activations in a row the first must be fused for the second.
    SmallVector<ActivationOp> activations;
    getOperation()->walk([&](ActivationOp op) { activations.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (ActivationOp op : activations) {
      auto matmul = op.getInputs().front().getDefiningOp<GroupedMatmulOp>();
      if (StringRef reason = findObstacle(op, matmul); !reason.empty())
        remarkNotFused(op, kFlag, reason);
      else
        fuse(op, matmul, rewriter);
    }
  }
};
} // namespace
