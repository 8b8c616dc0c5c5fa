//===- MoeFolds.cpp - folds and canonicalisations of moe ------------------===//
//
// The rows after the last group belong to no expert, yet a pad or unpad writes zeros there: it
// folds away only where those rows are zero already or nobody reads them.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/IR/MoeRowGroups.h"
#include "dialects/Moe/IR/MoeVerify.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Threading.h"

using namespace mlir;
using namespace moec::moe;

/// Rows that nobody reads need not be gathered: the permute becomes metadata only.
static LogicalResult dropUnreadRows(PermuteOp op, PatternRewriter &rewriter) {
  if (!op.getRows() || !op.getRows().use_empty())
    return failure();
  auto metadata = PermuteOp::create(rewriter, op.getLoc(),
                                    TypeRange{op.getRoutes().getType(), op.getOffsets().getType()},
                                    op.getExperts(), /*x=*/Value(), op.getNumExpertsAttr());
  metadata->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  rewriter.replaceOp(op, {Value(), metadata.getRoutes(), metadata.getOffsets()});
  return success();
}

namespace {
/// Gives the results of a moe op the static sizes that follow from its operands. Only results that
/// moe ops alone read: these take any type that agrees with their other operands. A size that does
/// not agree stays untold.
struct RefineResultTypes : RewritePattern {
  RefineResultTypes(StringRef op, MLIRContext *context) : RewritePattern(op, 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    SmallVector<Type> inferred = infer(op);
    if (inferred.size() != op->getNumResults())
      return failure();
    bool changed = false;
    for (auto [index, type] : llvm::enumerate(inferred)) {
      OpResult result = op->getResult(index);
      auto old = cast<RankedTensorType>(result.getType());
      if (type == old || !cast<RankedTensorType>(type).hasStaticShape() ||
          !llvm::all_of(result.getUsers(), [](Operation *user) {
            return isa_and_present<MoeDialect>(user->getDialect());
          }))
        continue;
      rewriter.startOpModification(op);
      result.setType(type);
      if (!llvm::all_of(result.getUsers(), isValid)) {
        result.setType(old);
        rewriter.cancelOpModification(op);
        continue;
      }
      rewriter.finalizeOpModification(op);
      changed = true;
    }
    return success(changed);
  }

private:
  /// Whether `op` verifies; says nothing where it does not.
  static bool isValid(Operation *op) {
    // Other threads' errors go their way.
    ScopedDiagnosticHandler silence(op->getContext(),
                                    [thread = llvm::get_threadid()](Diagnostic &) {
                                      return success(llvm::get_threadid() == thread);
                                    });
    return succeeded(verify(op, /*verifyRecursively=*/false));
  }

  static SmallVector<Type> infer(Operation *op) {
    SmallVector<Type> types;
    if (auto matmul = dyn_cast<GroupedMatmulOp>(op))
      return matmul.inferTypes();
    if (auto activation = dyn_cast<ActivationOp>(op))
      return {activation.inferType()};
    if (auto inferable = dyn_cast<InferTypeOpInterface>(op))
      if (failed(inferable.inferReturnTypes(op->getContext(), op->getLoc(), op->getOperands(),
                                            op->getDiscardableAttrDictionary(),
                                            op->getPropertiesStorage(), op->getRegions(), types)))
        types.clear();
    return types;
  }
};
} // namespace

void MoeDialect::getCanonicalizationPatterns(RewritePatternSet &patterns) const {
  patterns.add(dropUnreadRows);
  for (StringRef op :
       {RouteOp::getOperationName(), PermuteOp::getOperationName(), PadOp::getOperationName(),
        UnpadOp::getOperationName(), CombineOp::getOperationName(),
        GroupedMatmulOp::getOperationName(), ActivationOp::getOperationName()})
    patterns.add<RefineResultTypes>(op, getContext());
}

/// Whether the `rows` and `offsets` can stand for `result`, which has zeros from `offsets[E]` on.
static bool canReplace(Value result, Value resultOffsets, Value rows, Value offsets) {
  return result.getType() == rows.getType() &&
         (hasZeroTail(rows, offsets) || isTailUnread(result, resultOffsets));
}

/// Padding to multiples of one is no padding.
LogicalResult PadOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  if (getMultiple() != 1 || !canReplace(getPadded(), getPaddedOffsets(), getRows(), getOffsets()))
    return failure();
  results.assign({getRows(), getOffsets()});
  return success();
}

/// Unpadding by equal offsets moves nothing; unpadding what was just padded gives it back.
OpFoldResult UnpadOp::fold(FoldAdaptor) {
  auto pad = getPadded().getDefiningOp<PadOp>();
  Value rows;
  if (getPaddedOffsets() == getOffsets())
    rows = getPadded();
  else if (pad && getPadded() == pad.getPadded() && getPaddedOffsets() == pad.getPaddedOffsets() &&
           getOffsets() == pad.getOffsets())
    rows = pad.getRows();
  if (rows && haveSameRowCount(rows, getRoutes()) &&
      canReplace(getRows(), getOffsets(), rows, getOffsets()))
    return rows;
  return {};
}
