//===- MoeExpertOps.cpp - verifiers of the expert ops ---------------------===//

#include "dialects/Moe/IR/MoeOps.h"

using namespace mlir;
using namespace moec::moe;

int64_t GroupedMatmulOp::getNumExperts() {
  return cast<RankedTensorType>(getWeights().front().getType()).getDimSize(0);
}

int64_t GroupedMatmulOp::getWeightColumns() {
  return cast<RankedTensorType>(getWeights().front().getType()).getDimSize(getTransposed() ? 2 : 1);
}

int64_t GroupedMatmulOp::getReductionSize() {
  return cast<RankedTensorType>(getWeights().front().getType()).getDimSize(getTransposed() ? 1 : 2);
}

LogicalResult GroupedMatmulOp::verify() { return success(); }
LogicalResult GroupedMatmulOp::verifyRegions() { return success(); }
LogicalResult ActivationOp::verify() { return success(); }
LogicalResult ActivationOp::verifyRegions() { return success(); }
