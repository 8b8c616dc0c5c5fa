//===- FusePadding.cpp - padded groups become masked partial tiles --------===//
//
// Padding serves kernels that cannot end inside a tile. Ours can: between a pad and its unpads the
// padded rows are replaced by the rows themselves.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/IR/MoeRowGroups.h"
#include "dialects/Moe/Transforms/FusionRemarks.h"
#include "dialects/Moe/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

namespace moec::moe {
#define GEN_PASS_DEF_FUSEPADDINGPASS
#include "dialects/Moe/Transforms/Passes.h.inc"
} // namespace moec::moe

using namespace mlir;
using namespace moec::moe;

static constexpr StringLiteral kFlag("moe-fuse-padding");

namespace {
/// Everything between one pad and its unpads.
class PaddedRegion {
public:
  explicit PaddedRegion(PadOp pad) : pad(pad) {}

  /// Collects the ops that work on padded rows. Returns why the pad has to stay; empty where it
  /// does not.
  StringRef collect() {
    padded.insert(pad.getPadded());
    for (size_t i = 0; i < padded.size(); ++i)
      for (OpOperand &use : padded[i].getUses())
        if (StringRef reason = add(use); !reason.empty())
          return reason;
    for (Operation *user : pad.getPaddedOffsets().getUsers())
      if (!members.contains(user))
        return "the padded offsets have another user";
    for (Operation *member : members)
      if (StringRef reason = check(member); !reason.empty())
        return reason;
    return {};
  }

  void remove(RewriterBase &rewriter) {
    int64_t rowCount = pad.getRows().getType().getDimSize(0);
    for (Value value : padded.getArrayRef().drop_front())
      value.setType(withRowCount(value, rowCount));
    rewriter.replaceAllUsesWith(pad.getPadded(), pad.getRows());
    rewriter.replaceAllUsesWith(pad.getPaddedOffsets(), pad.getOffsets());
    for (Operation *member : members)
      if (auto unpad = dyn_cast<UnpadOp>(member))
        rewriter.replaceOp(unpad, unpad.getPadded());
    rewriter.eraseOp(pad);
  }

private:
  static RankedTensorType withRowCount(Value value, int64_t rowCount) {
    auto type = cast<RankedTensorType>(value.getType());
    return type.clone({rowCount, type.getDimSize(1)});
  }

  /// Takes in the user of a padded value, and with it the padded values that it makes.
  StringRef add(OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto matmul = dyn_cast<GroupedMatmulOp>(user)) {
      if (&use != &matmul.getRowsMutable())
        return "a grouped matmul takes padded rows for something else than its rows";
      if (matmul.hasGather() || matmul.hasCombine() ||
          matmul.getOffsets() != pad.getPaddedOffsets())
        return "a grouped matmul reads padded rows by other offsets";
      padded.insert_range(matmul.getResults());
    } else if (auto activation = dyn_cast<ActivationOp>(user)) {
      padded.insert(activation.getResult());
    } else if (auto unpad = dyn_cast<UnpadOp>(user)) {
      if (unpad.getPaddedOffsets() != pad.getPaddedOffsets() ||
          unpad.getOffsets() != pad.getOffsets())
        return "an unpad of the padded rows has other offsets";
    } else {
      return "padded rows have a user that is no grouped matmul, activation or unpad";
    }
    members.insert(user);
    return {};
  }

  /// Whether `value`, once its rows are not padded, is zero from `offsets[E]` on.
  bool willHaveZeroTail(Value value) {
    if (value == pad.getPadded())
      return hasZeroTail(pad.getRows(), pad.getOffsets());
    auto activation = value.getDefiningOp<ActivationOp>();
    return !activation ||
           (mapsZeroToZero(activation) &&
            llvm::all_of(activation.getInputs(), [&](Value v) { return willHaveZeroTail(v); }));
  }

  /// What can only be told once the whole region is known.
  StringRef check(Operation *member) {
    if (auto activation = dyn_cast<ActivationOp>(member)) {
      if (!llvm::all_of(activation.getInputs(), [&](Value v) { return padded.contains(v); }))
        return "an activation joins padded rows with others";
    } else if (auto unpad = dyn_cast<UnpadOp>(member)) {
      if (!haveSameRowCount(pad.getRows(), unpad.getRoutes()))
        return "the rows before the pad and the routes of an unpad may differ in number";
      if (unpad.getType() != withRowCount(unpad.getPadded(), pad.getRows().getType().getDimSize(0)))
        return "an unpad has another type than its rows had before the pad";
      if (!willHaveZeroTail(unpad.getPadded()) &&
          !isTailUnread(unpad.getRows(), unpad.getOffsets()))
        return "rows that belong to no expert are read after an unpad and may not be zero";
    }
    return {};
  }

  PadOp pad;
  llvm::SmallSetVector<Value, 8> padded;
  llvm::SmallSetVector<Operation *, 8> members;
};

struct FusePaddingPass : moec::moe::impl::FusePaddingPassBase<FusePaddingPass> {
  void runOnOperation() override {
    SmallVector<PadOp> pads;
    getOperation()->walk([&](PadOp op) { pads.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (PadOp pad : pads) {
      PaddedRegion region(pad);
      if (StringRef reason = region.collect(); !reason.empty()) {
        remarkNotFused(pad, kFlag, reason);
        continue;
      }
      remarkFused(pad, kFlag, "padding became masked partial tiles");
      region.remove(rewriter);
    }
  }
};
} // namespace
