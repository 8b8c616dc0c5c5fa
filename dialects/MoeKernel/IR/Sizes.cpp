//===- Sizes.cpp - extents as expressions in T ----------------------------===//

#include "dialects/MoeKernel/IR/Sizes.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"

#include <limits>

using namespace mlir;

namespace moec::kernel {

static AffineMap getExtent(MLIRContext *context, ArrayRef<AffineExpr> minimumOf) {
  SmallVector<AffineExpr> unique;
  for (AffineExpr expression : minimumOf) {
    AffineExpr simple = simplifyAffineExpr(expression, 1, 0);
    if (!llvm::is_contained(unique, simple))
      unique.push_back(simple);
  }
  return AffineMap::get(1, 0, unique, context);
}

template <class FunctionT>
static AffineMap mapExtent(AffineMap extent, FunctionT function) {
  SmallVector<AffineExpr> results;
  for (AffineExpr result : extent.getResults())
    function(result, results);
  return getExtent(extent.getContext(), results);
}

bool isExtent(AffineMap map) {
  bool divides = true;
  map.walkExprs([&](AffineExpr expression) {
    if (auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
        binary && binary.getKind() != AffineExprKind::Add &&
        binary.getKind() != AffineExprKind::Mul) {
      auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
      divides &= divisor && divisor.getValue() >= 1;
    }
  });
  return divides && map.getNumDims() == 1 && map.getNumSymbols() == 0 && map.getNumResults() != 0;
}

AffineMap getTokensExtent(MLIRContext *context, int64_t factor) {
  return getExtent(context, getAffineDimExpr(0, context) * factor);
}

AffineMap getConstantExtent(MLIRContext *context, int64_t value) {
  return getExtent(context, getAffineConstantExpr(value, context));
}

AffineMap getLeadingExtent(Value value) {
  auto type = cast<MemRefType>(value.getType());
  MLIRContext *context = value.getContext();
  if (!type.isDynamicDim(0))
    return getConstantExtent(context, type.getDimSize(0));
  if (auto buffer = value.getDefiningOp<BufferOp>())
    if (std::optional<AffineMap> size = buffer.getSize())
      return *size;
  if (auto argument = dyn_cast<BlockArgument>(value))
    if (auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()))
      if (auto size = function.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(),
                                                               MoeKernelDialect::kSizeAttr))
        return size.getValue();
  return getTokensExtent(context);
}

AffineMap scaleExtent(AffineMap extent, int64_t factor) {
  return mapExtent(extent, [&](AffineExpr e, auto &out) { out.push_back(e * factor); });
}

AffineMap ceilDivExtent(AffineMap extent, int64_t divisor) {
  return mapExtent(extent, [&](AffineExpr e, auto &out) { out.push_back(e.ceilDiv(divisor)); });
}

AffineMap minExtent(AffineMap a, AffineMap b) {
  SmallVector<AffineExpr> results(a.getResults());
  results.append(b.getResults().begin(), b.getResults().end());
  return getExtent(a.getContext(), results);
}

AffineMap getTileMapExtent(AffineMap rows, int64_t experts, int64_t tileRows) {
  return mapExtent(rows, [&](AffineExpr e, auto &out) {
    out.push_back(e.floorDiv(tileRows) + experts);
    out.push_back(e.floorDiv(tileRows) + e);
  });
}

AffineMap getPaddedExtent(AffineMap rows, int64_t experts, int64_t multiple) {
  return mapExtent(rows, [&](AffineExpr e, auto &out) {
    out.push_back(e + experts * (multiple - 1));
    out.push_back(e * multiple);
  });
}

bool areSameExtents(AffineMap a, AffineMap b) {
  AffineMap first = getExtent(a.getContext(), a.getResults());
  AffineMap second = getExtent(b.getContext(), b.getResults());
  auto within = [](AffineMap part, AffineMap whole) {
    return llvm::all_of(part.getResults(),
                        [&](AffineExpr e) { return llvm::is_contained(whole.getResults(), e); });
  };
  return within(first, second) && within(second, first);
}

static int64_t evaluate(AffineExpr expression, int64_t tokens) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (isa<AffineDimExpr>(expression))
    return tokens;
  auto binary = cast<AffineBinaryOpExpr>(expression);
  int64_t lhs = evaluate(binary.getLHS(), tokens), rhs = evaluate(binary.getRHS(), tokens);
  int64_t result = 0;
  constexpr int64_t kInfinity = std::numeric_limits<int64_t>::max();
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    return llvm::AddOverflow(lhs, rhs, result) ? kInfinity : result;
  case AffineExprKind::Mul:
    return llvm::MulOverflow(lhs, rhs, result) ? kInfinity : result;
  case AffineExprKind::FloorDiv:
    return lhs / rhs;
  case AffineExprKind::CeilDiv:
    return lhs / rhs + (lhs % rhs != 0);
  default:
    return lhs % rhs;
  }
}

int64_t evaluateExtent(AffineMap extent, int64_t tokens) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (AffineExpr result : extent.getResults())
    least = std::min(least, evaluate(result, tokens));
  return least;
}

} // namespace moec::kernel
