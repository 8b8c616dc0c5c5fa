//===- RowLowering.cpp - pad, unpad, activation, combine ------------------===//

#include "compiler/Conversion/MoeToMoeKernel/VariantLowering.h"
#include "dialects/Moe/IR/MoeActivations.h"
#include "dialects/MoeKernel/IR/Sizes.h"

using namespace mlir;

namespace moec {

using schedule::RowKernel;

LogicalResult VariantLowering::lowerPad(moe::PadOp op) {
  Value offsets = get(op.getOffsets());
  Value paddedOffsets = getDestination(op.getPaddedOffsets(), "padded_offsets");
  int64_t experts = cast<RankedTensorType>(op.getOffsets().getType()).getDimSize(0) - 1;
  kernel::LaunchAttr launch =
      schedule::getLaunch(builder.getContext(), RowKernel::TileMaps, experts);
  if (!launch)
    return failOnExperts(op, experts);
  createKernel<kernel::PadOffsetsOp>(offsets, paddedOffsets, op.getMultiple(), launch);
  if (failed(createTileMaps(op.getPaddedOffsets(), block.extents.find(op.getPadded()))))
    return failure();
  Value padded = getDestination(op.getPadded(), "padded");
  createKernel<kernel::PadOp>(get(op.getRows()), offsets, paddedOffsets, padded,
                              getLaunch(RowKernel::Copy));
  return success();
}

LogicalResult VariantLowering::lowerUnpad(moe::UnpadOp op) {
  Value rows = getDestination(op.getRows(), "unpadded");
  createKernel<kernel::UnpadOp>(get(op.getPadded()), get(op.getOffsets()),
                                get(op.getPaddedOffsets()), rows, getLaunch(RowKernel::Copy));
  return success();
}

void VariantLowering::replaceYield(Region &region) {
  auto yield = cast<moe::YieldOp>(region.front().getTerminator());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(yield);
  kernel::YieldOp::create(builder, yield.getLoc(), yield.getValue());
  yield.erase();
}

LogicalResult VariantLowering::lowerActivation(moe::ActivationOp op) {
  Value output = getDestination(op.getResult(), "activated");
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(get(input));
  auto lowered = createKernel<kernel::ActivationOp>(inputs, output, op.getGateLayoutAttr(),
                                                    getLaunch(RowKernel::Activation));
  moe::buildActivationBody(op, lowered.getBody());
  replaceYield(lowered.getBody());
  return success();
}

void VariantLowering::createCombine(Value rows, Value index, Value weights, Value output,
                                    int64_t topK) {
  auto combine = createKernel<kernel::CombineOp>(rows, index, weights, output, topK,
                                                 getLaunch(RowKernel::Combine));
  combine.setEarlyPositions(combine.getDependent() && kernel::getMatmulBefore(combine));
}

void VariantLowering::discardRows() {
  function.walk([&](kernel::CombineOp combine) {
    int64_t bytes = combine.getRowBytes();
    int64_t tokens = schedule::getHeldTokens(combine.getTopK() * bytes);
    if (tokens >= std::max<int64_t>(bucket.decidedFor, 1) &&
        bytes % kernel::CombineOp::kLineBytes == 0 && combine.readsRowsLast())
      combine.setDiscards(tokens);
  });
}

LogicalResult VariantLowering::lowerCombine(moe::CombineOp op) {
  Value index = getPositions(op.getRoutes());
  Value output = getDestination(op.getOutput(), "combined");
  int64_t topK = cast<RankedTensorType>(op.getWeights().getType()).getDimSize(1);
  createCombine(get(op.getRows()), index, get(op.getWeights()), output, topK);
  return success();
}

} // namespace moec
