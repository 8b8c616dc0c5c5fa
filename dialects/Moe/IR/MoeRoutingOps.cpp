//===- MoeRoutingOps.cpp - inference and verifiers of the routing ops -----===//
//
// Inference answers with dynamic sizes where an attribute is out of range: the verifier, which
// runs first, has the words for that.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/IR/MoeVerify.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec::moe;

/// Most choices per token: a warp selects them, one per lane.
static constexpr int64_t kMaxTopK = 32;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static RankedTensorType tensorOf(Type element, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, element);
}

/// A size given by an attribute.
static int64_t sizeOf(uint64_t attribute) {
  auto size = static_cast<int64_t>(attribute);
  return size < 0 ? ShapedType::kDynamic : size;
}

//===----------------------------------------------------------------------===//
// route
//===----------------------------------------------------------------------===//

LogicalResult RouteOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape{typeOf(adaptor.getLogits()).getDimSize(0), sizeOf(adaptor.getTopK())};
  Builder builder(context);
  types.assign({tensorOf(builder.getF32Type(), shape), tensorOf(builder.getI32Type(), shape)});
  return success();
}

bool RouteOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult RouteOp::verify() {
  // route_c1: top_k. (route_c2 is the type constraint of the operand.)
  auto topK = static_cast<int64_t>(getTopK());
  int64_t experts = getLogits().getType().getDimSize(1);
  if (topK < 1 || topK > std::min(experts, kMaxTopK))
    return emitOpError() << "expects a top_k between 1 and min(E, " << kMaxTopK
                         << ") = " << std::min(experts, kMaxTopK) << ", but got " << topK;
  // route_c3: the shapes of the results.
  int64_t tokens = getLogits().getType().getDimSize(0);
  Builder builder(getContext());
  if (failed(verifyType(*this, "weights", getWeights().getType(),
                        tensorOf(builder.getF32Type(), {tokens, topK}))) ||
      failed(verifyType(*this, "experts", getExperts().getType(),
                        tensorOf(builder.getI32Type(), {tokens, topK}))))
    return failure();
  // route_c4: the scores of the selected experts sum to 1 already.
  if (getRenormalize() && getOrder() != SelectOrder::ScoreThenSelect)
    return emitOpError() << "expects order(score_then_select) with renormalize, but got order("
                         << stringifySelectOrder(getOrder()) << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// permute
//===----------------------------------------------------------------------===//

LogicalResult PermuteOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType experts = typeOf(adaptor.getExperts());
  int64_t routed = multiplySizes(experts.getDimSize(0), experts.getDimSize(1));
  int64_t numExperts = sizeOf(adaptor.getNumExperts());
  int64_t entries = numExperts < kMaxIndex ? numExperts + 1 : ShapedType::kDynamic;
  Builder builder(context);
  if (Value x = adaptor.getX())
    types.push_back(tensorOf(typeOf(x).getElementType(), {routed, typeOf(x).getDimSize(1)}));
  types.push_back(tensorOf(builder.getI32Type(), {routed}));
  types.push_back(tensorOf(builder.getI32Type(), {entries}));
  return success();
}

bool PermuteOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult PermuteOp::verify() {
  // permute_c1: the number of experts.
  auto numExperts = static_cast<int64_t>(getNumExperts());
  if (numExperts < 1 || numExperts >= kMaxIndex)
    return emitOpError() << "expects at least 1 and fewer than " << kMaxIndex
                         << " experts, but got " << numExperts;
  // permute_c2: the tokens.
  RankedTensorType experts = getExperts().getType();
  if (getX() && !mayBeEqual(getX().getType().getDimSize(0), experts.getDimSize(0)))
    return emitOpError() << "expects x with the " << experts.getDimSize(0)
                         << " tokens of the experts, but got " << getX().getType();
  // permute_c4: the number of routes.
  int64_t routed = multiplySizes(experts.getDimSize(0), experts.getDimSize(1));
  if (routed > kMaxIndex ||
      (ShapedType::isDynamic(routed) && ShapedType::isStatic(experts.getDimSize(0))))
    return emitOpError() << "expects at most " << kMaxIndex << " routes, but got "
                         << experts.getDimSize(0) << " * " << experts.getDimSize(1);
  // permute_c3: the shapes of the results.
  if (static_cast<bool>(getRows()) != static_cast<bool>(getX()))
    return emitOpError() << "expects rows exactly when x is given, but got "
                         << (getX() ? "x without rows" : "rows without x");
  Builder builder(getContext());
  if (getRows() &&
      failed(verifyType(*this, "rows", getRows().getType(),
                        getX().getType().clone({routed, getX().getType().getDimSize(1)}))))
    return failure();
  if (failed(verifyType(*this, "routes", getRoutes().getType(),
                        tensorOf(builder.getI32Type(), {routed}))))
    return failure();
  return verifyType(*this, "offsets", getOffsets().getType(),
                    tensorOf(builder.getI32Type(), {numExperts + 1}));
}

//===----------------------------------------------------------------------===//
// pad, unpad
//===----------------------------------------------------------------------===//

/// P = R + min(E, R) * (multiple - 1); dynamic where R is, or where P is no int64_t.
static int64_t getPaddedRowCount(int64_t rowCount, int64_t numExperts, int64_t multiple) {
  int64_t added = multiplySizes(std::min(numExperts, rowCount), multiple - 1);
  int64_t padded = 0;
  if (ShapedType::isDynamic(rowCount) || ShapedType::isDynamic(added) ||
      llvm::AddOverflow(rowCount, added, padded))
    return ShapedType::kDynamic;
  return padded;
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  RankedTensorType rows = typeOf(adaptor.getRows());
  RankedTensorType offsets = typeOf(adaptor.getOffsets());
  int64_t multiple = sizeOf(adaptor.getMultiple());
  int64_t padded = multiple < 1
                       ? ShapedType::kDynamic
                       : getPaddedRowCount(rows.getDimSize(0), offsets.getDimSize(0) - 1, multiple);
  types.assign({rows.clone({padded, rows.getDimSize(1)}), offsets});
  return success();
}

bool PadOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult PadOp::verify() {
  // pad_c1: the multiple.
  auto multiple = static_cast<int64_t>(getMultiple());
  if (multiple < 1 || multiple > kMaxIndex)
    return emitOpError() << "expects a multiple between 1 and " << kMaxIndex << ", but got "
                         << multiple;
  // pad_c3: the number of padded rows.
  RankedTensorType rows = getRows().getType();
  RankedTensorType offsets = getOffsets().getType();
  int64_t padded = getPaddedRowCount(rows.getDimSize(0), offsets.getDimSize(0) - 1, multiple);
  if (padded > kMaxIndex ||
      (ShapedType::isDynamic(padded) && ShapedType::isStatic(rows.getDimSize(0))))
    return emitOpError() << "expects at most " << kMaxIndex << " padded rows, but got "
                         << rows.getDimSize(0) << " rows in " << offsets.getDimSize(0) - 1
                         << " groups padded to multiples of " << multiple;
  // pad_c2: the shapes of the results.
  if (failed(verifyType(*this, "padded rows", getPadded().getType(),
                        rows.clone({padded, rows.getDimSize(1)}))))
    return failure();
  return verifyType(*this, "padded offsets", getPaddedOffsets().getType(), offsets);
}

LogicalResult UnpadOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  RankedTensorType padded = typeOf(adaptor.getPadded());
  types.assign({padded.clone({typeOf(adaptor.getRoutes()).getDimSize(0), padded.getDimSize(1)})});
  return success();
}

bool UnpadOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult UnpadOp::verify() {
  // unpad_c1: offsets of one type.
  if (getPaddedOffsets().getType() != getOffsets().getType())
    return emitOpError() << "expects padded offsets of the offsets' type " << getOffsets().getType()
                         << ", but got " << getPaddedOffsets().getType();
  // unpad_c2: the shape of the result.
  RankedTensorType padded = getPadded().getType();
  return verifyType(*this, "rows", getType(),
                    padded.clone({getRoutes().getType().getDimSize(0), padded.getDimSize(1)}));
}

//===----------------------------------------------------------------------===//
// combine
//===----------------------------------------------------------------------===//

LogicalResult CombineOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  RankedTensorType rows = typeOf(adaptor.getRows());
  types.assign({rows.clone({typeOf(adaptor.getWeights()).getDimSize(0), rows.getDimSize(1)})});
  return success();
}

bool CombineOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult CombineOp::verify() {
  // combine_c1: one route for every row and every weight.
  int64_t routes = getRoutes().getType().getDimSize(0);
  RankedTensorType rows = getRows().getType();
  if (!mayBeEqual(routes, rows.getDimSize(0)))
    return emitOpError() << "expects one route for each of " << rows.getDimSize(0)
                         << " rows, but got " << routes;
  RankedTensorType weights = getWeights().getType();
  if (!mayBeEqual(routes, multiplySizes(weights.getDimSize(0), weights.getDimSize(1))))
    return emitOpError() << "expects one route for each entry of " << weights << ", but got "
                         << routes;
  // combine_c2: the shape of the result.
  return verifyType(*this, "an output", getType(),
                    rows.clone({weights.getDimSize(0), rows.getDimSize(1)}));
}
