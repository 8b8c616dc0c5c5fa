//===- BlockCost.cpp - what a block has to compute and to move --------------===//

#include "compiler/Bench/BlockCost.h"

#include "dialects/Moe/IR/MoeOps.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace moec;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

Peaks moec::knownPeaks(StringRef device) {
  Peaks peaks;
  if (device.contains("H100"))
    peaks.bytes = 3.07e12;
  return peaks;
}

double BlockCost::floor(int64_t tokens, double touchedExperts, const Peaks &peaks) const {
  constexpr double kMicroseconds = 1e6;
  return kMicroseconds *
         std::max(flops(tokens) / peaks.flops, bytes(tokens, touchedExperts) / peaks.bytes);
}

static double elementBytes(Type type) {
  return cast<ShapedType>(type).getElementTypeBitWidth() / 8.0;
}

/// Whether the rows of a product are those of an argument, moved at most.
static bool isTokenRows(Value rows) {
  while (Operation *op = rows.getDefiningOp()) {
    if (auto pad = dyn_cast<moe::PadOp>(op))
      rows = pad.getRows();
    else if (auto permute = dyn_cast<moe::PermuteOp>(op); permute && permute.getX())
      rows = permute.getX();
    else
      return false;
  }
  return true;
}

Result<BlockCost> moec::costOf(const MoeBlock &block) {
  BlockCost cost;
  func::FuncOp function = block.function();
  auto routes = llvm::to_vector(function.getOps<moe::RouteOp>());
  auto logits = routes.size() == 1 ? dyn_cast<BlockArgument>(routes.front().getLogits())
                                   : BlockArgument();
  if (!logits)
    return Status(StatusCode::Unsupported,
                  "expects a block with one moe.route on an argument, but got another one");
  cost.logitsArgument = logits.getArgNumber();
  cost.topK = routes.front().getTopK();
  cost.experts = cast<ShapedType>(logits.getType()).getDimSize(1);
  for (moe::GroupedMatmulOp product : function.getOps<moe::GroupedMatmulOp>()) {
    double columns = product.getWeightColumns(), depth = product.getReductionSize();
    for (Value weight : product.getWeights()) {
      cost.flopsPerRow += 2 * columns * depth;
      cost.weightBytesPerExpert += columns * depth * elementBytes(weight.getType());
    }
    if (!isTokenRows(product.getRows()))
      cost.intermediateBytesPerRow += 2 * depth * elementBytes(product.getRows().getType());
  }
  for (const InputSpec &spec : block.inputs())
    if (spec.role == InputRole::Data && spec.shape.size() == 2 && dependsOnTokens(spec))
      cost.bytesPerToken += double(spec.shape[1] * moert::byteSize(spec.dtype));
  for (const OutputSpec &spec : block.outputs())
    if (spec.shape.size() == 2)
      cost.bytesPerToken += double(spec.shape[1] * moert::byteSize(spec.dtype));
  return cost;
}

BlockCost moec::costOf(const schedule::MatmulProblem &matmul, const BlockCost &block) {
  constexpr double kOperandBytes = 2; // bf16 or f16
  BlockCost cost;
  cost.logitsArgument = block.logitsArgument;
  cost.topK = block.topK;
  cost.experts = block.experts;
  double columns = double(matmul.columns), depth = double(matmul.reduction);
  double weights = matmul.gated ? 2 : 1, outputs = matmul.twoOutputs ? 2 : 1;
  cost.flopsPerRow = 2 * columns * depth * weights;
  cost.weightBytesPerExpert = columns * depth * weights * kOperandBytes;
  // Gathered rows are read where they lie, once a token at best.
  (matmul.gathered ? cost.bytesPerToken : cost.intermediateBytesPerRow) = depth * kOperandBytes;
  cost.intermediateBytesPerRow += columns * outputs * double(matmul.outputBytes);
  return cost;
}

std::vector<int64_t> moec::countRows(const HostTensor &logits, int64_t topK) {
  int64_t tokens = logits.dim(0), experts = logits.dim(1);
  std::span<const float> values = logits.as<float>();
  std::vector<int64_t> rows(experts), order(experts);
  for (int64_t t = 0; t < tokens; ++t) {
    const float *row = values.data() + t * experts;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + topK, order.end(), [&](int64_t a, int64_t b) {
      bool nanA = std::isnan(row[a]), nanB = std::isnan(row[b]);
      if (nanA != nanB)
        return nanB;
      return nanA || row[a] == row[b] ? a < b : row[a] > row[b];
    });
    for (int64_t s = 0; s < topK; ++s)
      ++rows[order[s]];
  }
  return rows;
}

int64_t moec::countTouchedExperts(const HostTensor &logits, int64_t topK) {
  return std::ranges::count_if(countRows(logits, topK), [](int64_t rows) { return rows > 0; });
}
