//===- ExpandActivation.cpp - named activations spelled out as bodies -----===//

#include "dialects/Moe/IR/MoeActivations.h"
#include "dialects/Moe/Transforms/Passes.h"

namespace moec::moe {
#define GEN_PASS_DEF_EXPANDACTIVATIONPASS
#include "dialects/Moe/Transforms/Passes.h.inc"
} // namespace moec::moe

using namespace mlir;
using namespace moec::moe;

namespace {
struct ExpandActivationPass : moec::moe::impl::ExpandActivationPassBase<ExpandActivationPass> {
  void runOnOperation() override {
    getOperation()->walk([](ActivationOp op) {
      if (!op.getKind())
        return;
      buildActivationBody(*op.getKind(), op.getBody(), op.getLoc());
      op.removeKindAttr();
    });
  }
};
} // namespace
