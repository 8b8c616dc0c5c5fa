//===- MoeRoutingOps.cpp - inference and verifiers of the routing ops -----===//

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moec::moe;

namespace {
int64_t multiply(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) ? ShapedType::kDynamic : a * b;
}

RankedTensorType tensorOf(Type element, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, element);
}

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Same element types and shapes that may be equal at run time.
bool areCompatible(TypeRange left, TypeRange right) {
  return left.size() == right.size() && llvm::all_of(llvm::zip(left, right), [](auto pair) {
           auto [l, r] = pair;
           return getElementTypeOrSelf(l) == getElementTypeOrSelf(r) &&
                  succeeded(verifyCompatibleShape(l, r));
         });
}
} // namespace

//===----------------------------------------------------------------------===//
// route
//===----------------------------------------------------------------------===//

LogicalResult RouteOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape{typeOf(adaptor.getLogits()).getDimSize(0),
                             static_cast<int64_t>(adaptor.getTopK())};
  Builder builder(context);
  types.assign({tensorOf(builder.getF32Type(), shape), tensorOf(builder.getI32Type(), shape)});
  return success();
}

bool RouteOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult RouteOp::verify() { return success(); }

//===----------------------------------------------------------------------===//
// permute
//===----------------------------------------------------------------------===//

LogicalResult PermuteOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType experts = typeOf(adaptor.getExperts());
  int64_t routed = multiply(experts.getDimSize(0), experts.getDimSize(1));
  Builder builder(context);
  if (Value x = adaptor.getX())
    types.push_back(tensorOf(typeOf(x).getElementType(), {routed, typeOf(x).getDimSize(1)}));
  types.push_back(tensorOf(builder.getI32Type(), {routed}));
  types.push_back(
      tensorOf(builder.getI32Type(), {static_cast<int64_t>(adaptor.getNumExperts()) + 1}));
  return success();
}

bool PermuteOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult PermuteOp::verify() { return success(); }

//===----------------------------------------------------------------------===//
// pad, unpad
//===----------------------------------------------------------------------===//

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  RankedTensorType rows = typeOf(adaptor.getRows());
  RankedTensorType offsets = typeOf(adaptor.getOffsets());
  int64_t count = rows.getDimSize(0);
  int64_t experts = offsets.getDimSize(0);
  int64_t padded = ShapedType::kDynamic;
  if (!ShapedType::isDynamic(count) && !ShapedType::isDynamic(experts))
    padded =
        count + std::min(experts - 1, count) * (static_cast<int64_t>(adaptor.getMultiple()) - 1);
  types.assign({tensorOf(rows.getElementType(), {padded, rows.getDimSize(1)}), offsets});
  return success();
}

bool PadOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult PadOp::verify() { return success(); }

LogicalResult UnpadOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  RankedTensorType padded = typeOf(adaptor.getPadded());
  types.assign({tensorOf(padded.getElementType(),
                         {typeOf(adaptor.getRoutes()).getDimSize(0), padded.getDimSize(1)})});
  return success();
}

bool UnpadOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult UnpadOp::verify() { return success(); }

//===----------------------------------------------------------------------===//
// combine
//===----------------------------------------------------------------------===//

LogicalResult CombineOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  RankedTensorType rows = typeOf(adaptor.getRows());
  types.assign({tensorOf(rows.getElementType(),
                         {typeOf(adaptor.getWeights()).getDimSize(0), rows.getDimSize(1)})});
  return success();
}

bool CombineOp::isCompatibleReturnTypes(TypeRange left, TypeRange right) {
  return areCompatible(left, right);
}

LogicalResult CombineOp::verify() { return success(); }
