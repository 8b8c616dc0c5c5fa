//===- MoeKernelRowOps.cpp - legality and launches of the row kernels -----===//

#include "dialects/MoeKernel/IR/RowWalk.h"
#include "dialects/MoeKernel/IR/ScalarRegion.h"
#include "dialects/MoeKernel/IR/Verify.h"

#include <limits>

using namespace mlir;
using namespace moec::kernel;

/// Elements and columns of two row buffers agree, and the columns are whole vectors.
static LogicalResult verifyRowPair(Operation *op, StringRef name, Value input, Value output) {
  if (getType(input).getElementType() != getType(output).getElementType())
    return op->emitOpError() << "expects " << name << " and the output to have one element type, "
                             << "but got " << getType(input).getElementType() << " and "
                             << getType(output).getElementType();
  if (failed(verifyColumns(op, name, input, getType(output).getDimSize(1))))
    return failure();
  return verifyVectorRows(op, output);
}

AffineMap GatherOp::getGrid() { return getRowWalkGrid(getRows(), getSchedule()); }

LogicalResult GatherOp::verify() {
  // C1
  if (failed(verifyRowPair(*this, "x", getX(), getRows())))
    return failure();
  // C2
  if (static_cast<int64_t>(getTopK()) < 1)
    return emitOpError() << "expects top_k of at least 1, but got "
                         << static_cast<int64_t>(getTopK());
  return verifyExtent(*this, "rows", getRows(), getLeadingExtent(getRoutes()));
}

AffineMap PadOp::getGrid() { return getRowWalkGrid(getOutput(), getSchedule()); }

LogicalResult PadOp::verify() {
  // C1, C2
  if (failed(verifyRowPair(*this, "the input", getInput(), getOutput())) ||
      failed(verifyOffsets(*this, getOffsets())))
    return failure();
  return verifySameType(*this, "offsets", getOffsets(), getPaddedOffsets());
}

AffineMap UnpadOp::getGrid() { return getRowWalkGrid(getOutput(), getSchedule()); }

LogicalResult UnpadOp::verify() {
  // C1, C2
  if (failed(verifyRowPair(*this, "the input", getInput(), getOutput())) ||
      failed(verifyOffsets(*this, getOffsets())))
    return failure();
  return verifySameType(*this, "offsets", getOffsets(), getPaddedOffsets());
}

AffineMap ActivationOp::getGrid() { return getRowWalkGrid(getOutput(), getSchedule()); }

LogicalResult ActivationOp::verify() {
  // C1
  if (getInputs().empty() || getInputs().size() > 2)
    return emitOpError() << "expects one or two inputs, but got " << getInputs().size();
  if (getInputs().size() == 2 &&
      failed(verifySameType(*this, "inputs", getInputs()[0], getInputs()[1])))
    return failure();
  // C2
  if (getGateLayout() && getInputs().size() != 1)
    return emitOpError() << "expects one input with a layout, but got " << getInputs().size();
  int64_t columns = getOutput().getType().getDimSize(1);
  if (failed(verifyColumns(*this, "an input", getInputs().front(),
                           getGateLayout() ? 2 * columns : columns)))
    return failure();
  for (Value input : getInputs()) {
    if (getType(input).getElementType() != getOutput().getType().getElementType())
      return emitOpError() << "expects inputs and output of one element type, but got "
                           << getType(input).getElementType() << " and "
                           << getOutput().getType().getElementType();
    if (failed(verifyExtent(*this, "an input", input, getLeadingExtent(getOutput()))))
      return failure();
  }
  return verifyVectorRows(*this, getOutput());
}

LogicalResult ActivationOp::verifyRegions() {
  // C3
  return verifyScalarRegion(*this, getBody(), isGated() ? 2 : 1);
}

/// Of a step of the leading extent.
static int64_t getRowBits(MemRefType type) {
  int64_t bits = type.getElementTypeBitWidth();
  for (int64_t extent : type.getShape().drop_front())
    bits *= extent;
  return bits;
}

int64_t CombineOp::getRowBytes() { return getRowBits(getRows().getType()) / 8; }

bool CombineOp::readsRowsLast() {
  return getRows().getDefiningOp<BufferOp>() &&
         llvm::none_of(getRows().getUsers(),
                       [&](Operation *user) { return (*this)->isBeforeInBlock(user); });
}

/// C4
static LogicalResult verifyDiscards(CombineOp op) {
  int64_t tokens = op.getDiscards();
  if (tokens == 0)
    return success();
  if (tokens < 0 || tokens > std::numeric_limits<int32_t>::max())
    return op.emitOpError() << "expects discards of 0 to " << std::numeric_limits<int32_t>::max()
                            << ", but got " << tokens;
  if (int64_t bytes = op.getRowBytes(); bytes % CombineOp::kLineBytes != 0)
    return op.emitOpError() << "expects discards of rows of a multiple of " << CombineOp::kLineBytes
                            << " bytes, but got " << bytes;
  if (!op.readsRowsLast())
    return op.emitOpError() << "expects discards of a buffer that nothing reads later";
  return success();
}

AffineMap CombineOp::getGrid() { return getRowWalkGrid(getOutput(), getSchedule()); }

LogicalResult CombineOp::verify() {
  // C1
  if (failed(verifyRowPair(*this, "rows", getRows(), getOutput())))
    return failure();
  // C2
  int64_t topK = getTopK();
  if (topK < 1)
    return emitOpError() << "expects top_k of at least 1, but got " << topK;
  if (getWeights() && failed(verifyColumns(*this, "weights", getWeights(), topK)))
    return failure();
  // C3
  if (getEarlyPositions() && (!getDependent() || !getMatmulBefore(*this)))
    return emitOpError() << "expects early_positions with dependent, behind a matmul";
  if (failed(verifyDiscards(*this)))
    return failure();
  return verifyExtent(*this, "positions", getPositions(),
                      scaleExtent(getLeadingExtent(getOutput()), topK));
}

int64_t FillOp::getRowWords() { return getRowBits(getOutput().getType()) / 32; }

AffineMap FillOp::getGrid() {
  return ceilDivExtent(scaleExtent(getLeadingExtent(getOutput()), getRowWords()),
                       4 * getThreads() * getSchedule().getPerThread());
}

LogicalResult FillOp::verify() {
  // C1
  MemRefType type = getOutput().getType();
  int64_t bits = getRowBits(type);
  if (bits == 0 || bits % 32 != 0)
    return emitOpError() << "expects trailing extents of whole 32-bit words, but got " << type;
  return success();
}

AffineMap CastOp::getGrid() { return getRowWalkGrid(getOutput(), getSchedule()); }

LogicalResult CastOp::verify() {
  // C1
  if (failed(verifyColumns(*this, "the input", getInput(), getOutput().getType().getDimSize(1))) ||
      failed(verifyExtent(*this, "the input", getInput(), getLeadingExtent(getOutput()))))
    return failure();
  return verifyVectorRows(*this, getOutput());
}
