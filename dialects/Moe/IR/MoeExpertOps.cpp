//===- MoeExpertOps.cpp - verifiers of the expert ops ---------------------===//

#include "dialects/Moe/IR/MoeActivations.h"
#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/IR/MoeVerify.h"

using namespace mlir;
using namespace moec::moe;

//===----------------------------------------------------------------------===//
// grouped_matmul
//===----------------------------------------------------------------------===//

static RankedTensorType getWeightType(GroupedMatmulOp op) {
  return cast<RankedTensorType>(op.getWeights().front().getType());
}

int64_t GroupedMatmulOp::getNumExperts() { return getWeightType(*this).getDimSize(0); }

int64_t GroupedMatmulOp::getWeightColumns() {
  return getWeightType(*this).getDimSize(getTransposed() ? 2 : 1);
}

int64_t GroupedMatmulOp::getReductionSize() {
  return getWeightType(*this).getDimSize(getTransposed() ? 1 : 2);
}

SmallVector<Type> GroupedMatmulOp::inferTypes() {
  int64_t rowCount = getRows().getType().getDimSize(0);
  if (hasCombine())
    rowCount = getCombineWeights().getType().getDimSize(0);
  else if (hasGather())
    rowCount = getGatherRoutes().getType().getDimSize(0);
  int64_t columns = getGateLayout() ? getWeightColumns() / 2 : getWeightColumns();
  Type type = RankedTensorType::get({rowCount, columns}, getRows().getType().getElementType());
  return SmallVector<Type>(getWeights().size() == 2 && !hasEpilogue() ? 2 : 1, type);
}

/// grouped_matmul_c1: the weights agree with each other, the rows and the offsets.
static LogicalResult verifyWeights(GroupedMatmulOp op) {
  size_t count = op.getWeights().size();
  if (count != 1 && count != 2)
    return op.emitOpError() << "expects one or two weights, but got " << count;
  if (op.getWeights().front().getType() != op.getWeights().back().getType())
    return op.emitOpError() << "expects weights of one type, but got "
                            << op.getWeights().getTypes();
  RankedTensorType rows = op.getRows().getType();
  if (getWeightType(op).getElementType() != rows.getElementType())
    return op.emitOpError() << "expects weights of the rows' element type " << rows.getElementType()
                            << ", but got " << getWeightType(op).getElementType();
  if (op.getReductionSize() != rows.getDimSize(1))
    return op.emitOpError() << "expects weights with the rows' K of " << rows.getDimSize(1)
                            << ", but got " << op.getReductionSize() << " in " << getWeightType(op);
  int64_t entries = op.getOffsets().getType().getDimSize(0);
  if (entries != op.getNumExperts() + 1)
    return op.emitOpError() << "expects E + 1 = " << op.getNumExperts() + 1 << " offsets, but got "
                            << entries;
  return success();
}

/// grouped_matmul_c2: a bias for every weight or for none.
static LogicalResult verifyBias(GroupedMatmulOp op) {
  if (op.getBias().empty())
    return success();
  if (op.getBias().size() != op.getWeights().size())
    return op.emitOpError() << "expects one bias per weight, " << op.getWeights().size()
                            << ", but got " << op.getBias().size();
  for (Value bias : op.getBias()) {
    auto type = cast<RankedTensorType>(bias.getType());
    if (type != op.getBias().front().getType())
      return op.emitOpError() << "expects biases of one type, but got " << op.getBias().getTypes();
    if (type.getShape() != ArrayRef<int64_t>{op.getNumExperts(), op.getWeightColumns()})
      return op.emitOpError() << "expects a bias of shape [E, N] = [" << op.getNumExperts() << ", "
                              << op.getWeightColumns() << "], but got " << type;
  }
  return success();
}

/// grouped_matmul_c3: gather and top_k, and the row counts that they imply.
static LogicalResult verifyGather(GroupedMatmulOp op) {
  if (op.hasGather() != op.getTopK().has_value())
    return op.emitOpError() << "expects gather and top_k together, but got "
                            << (op.hasGather() ? "gather" : "top_k") << " alone";
  if (!op.hasGather())
    return success();
  auto topK = static_cast<int64_t>(*op.getTopK());
  if (topK < 1 || topK > kMaxIndex)
    return op.emitOpError() << "expects a top_k between 1 and " << kMaxIndex << ", but got "
                            << topK;
  int64_t tokens = op.getRows().getType().getDimSize(0);
  int64_t routes = op.getGatherRoutes().getType().getDimSize(0);
  if (!mayBeEqual(multiplySizes(tokens, topK), routes))
    return op.emitOpError() << "expects T * top_k = " << tokens << " * " << topK
                            << " gather routes, but got " << routes;
  return success();
}

/// grouped_matmul_c4: a layout splits the columns of one weight for an epilogue.
static LogicalResult verifyLayout(GroupedMatmulOp op) {
  if (!op.getGateLayout())
    return success();
  if (!op.hasEpilogue())
    return op.emitOpError() << "expects an epilogue with a layout, but got none";
  if (op.getWeights().size() != 1)
    return op.emitOpError() << "expects one weight with a layout, but got "
                            << op.getWeights().size();
  if (op.getWeightColumns() % 2 != 0)
    return op.emitOpError() << "expects an even N with a layout, but got " << op.getWeightColumns();
  return success();
}

/// grouped_matmul_c6: how many results there are, and what combine takes.
static LogicalResult verifyResultCount(GroupedMatmulOp op) {
  size_t expected = op.getWeights().size() == 2 && !op.hasEpilogue() ? 2 : 1;
  if (op.getNumResults() != expected)
    return op.emitOpError() << "expects " << expected << (expected == 1 ? " result" : " results")
                            << (op.hasEpilogue() ? " with" : " without") << " an epilogue and "
                            << op.getWeights().size()
                            << (op.getWeights().size() == 1 ? " weight" : " weights")
                            << ", but got " << op.getNumResults();
  if (op.hasCombine() != static_cast<bool>(op.getCombineRoutes()))
    return op.emitOpError() << "expects combine to take weights and routes, but got "
                            << (op.hasCombine() ? "weights" : "routes") << " alone";
  if (op.hasCombine() && expected != 1)
    return op.emitOpError() << "expects one result with combine, but got " << expected;
  return success();
}

/// grouped_matmul_c7: the shapes of the results and of what combine takes.
static LogicalResult verifyResultTypes(GroupedMatmulOp op) {
  if (op.hasCombine()) {
    RankedTensorType weights = op.getCombineWeights().getType();
    int64_t routes = op.getCombineRoutes().getType().getDimSize(0);
    int64_t rowCount = op.hasGather() ? op.getGatherRoutes().getType().getDimSize(0)
                                      : op.getRows().getType().getDimSize(0);
    if (!mayBeEqual(routes, rowCount))
      return op.emitOpError() << "expects one combine route for each of " << rowCount
                              << " rows, but got " << routes;
    if (!mayBeEqual(routes, multiplySizes(weights.getDimSize(0), weights.getDimSize(1))))
      return op.emitOpError() << "expects a combine route for each entry of " << weights
                              << ", but got " << routes;
  }
  for (auto [result, expected] : llvm::zip_equal(op.getResults(), op.inferTypes()))
    if (failed(verifyType(op, "a result", result.getType(), expected)))
      return failure();
  return success();
}

LogicalResult GroupedMatmulOp::verify() {
  return success(succeeded(verifyWeights(*this)) && succeeded(verifyBias(*this)) &&
                 succeeded(verifyGather(*this)) && succeeded(verifyLayout(*this)) &&
                 succeeded(verifyResultCount(*this)) && succeeded(verifyResultTypes(*this)));
}

LogicalResult GroupedMatmulOp::verifyRegions() {
  // grouped_matmul_c5: the epilogue is one scalar function.
  return hasEpilogue() ? verifyScalarRegion(*this, getEpilogue(), isGated() ? 2 : 1) : success();
}

//===----------------------------------------------------------------------===//
// activation
//===----------------------------------------------------------------------===//

RankedTensorType ActivationOp::inferType() {
  auto input = cast<RankedTensorType>(getInputs().front().getType());
  int64_t rowCount = input.getDimSize(0);
  if (ShapedType::isDynamic(rowCount))
    rowCount = cast<RankedTensorType>(getInputs().back().getType()).getDimSize(0);
  int64_t columns = getGateLayout() ? input.getDimSize(1) / 2 : input.getDimSize(1);
  return input.clone({rowCount, columns});
}

LogicalResult ActivationOp::verify() {
  // activation_c1: one or two inputs of one type.
  size_t count = getInputs().size();
  if (count != 1 && count != 2)
    return emitOpError() << "expects one or two inputs, but got " << count;
  if (!areCompatible(getInputs().front().getType(), getInputs().back().getType()))
    return emitOpError() << "expects inputs of one type, but got " << getInputs().getTypes();
  // activation_c2: named or spelled out, and a name that suits the form.
  if (getKind().has_value() != getBody().empty())
    return emitOpError() << "expects a kind or a body, but got "
                         << (getKind() ? "both" : "neither");
  if (getKind() && moec::moe::isGated(*getKind()) != isGated())
    return emitOpError() << "expects a " << (isGated() ? "gated" : "plain")
                         << " kind for this form, but got " << stringifyActivationKind(*getKind());
  // activation_c3: a layout splits the columns of one input.
  if (getGateLayout()) {
    if (count != 1)
      return emitOpError() << "expects one input with a layout, but got " << count;
    int64_t columns = cast<RankedTensorType>(getInputs().front().getType()).getDimSize(1);
    if (columns % 2 != 0)
      return emitOpError() << "expects an even number of columns with a layout, but got "
                           << columns;
  }
  // activation_c4: the result type.
  return verifyType(*this, "a result", getType(), inferType());
}

LogicalResult ActivationOp::verifyRegions() {
  // activation_c2: the body is one scalar function.
  return getBody().empty() ? success() : verifyScalarRegion(*this, getBody(), isGated() ? 2 : 1);
}
