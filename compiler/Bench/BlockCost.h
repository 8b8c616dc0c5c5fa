//===- BlockCost.h - what a block has to compute and to move ----------------===//
//
// The floor that measured times are compared with. It counts what no implementation can avoid and
// follows from the block and its routing alone:
//
//   floor = max(FLOPs / peak FLOP/s, bytes / peak B/s)
//   FLOPs = 2 N K a weight matrix and routed row: 6 T k H I for a gated MLP
//   bytes = the weights of the experts that the routing touches + input rows + output rows +
//           the rows between two products, written once and read once
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_BENCH_BLOCKCOST_H
#define MOEC_COMPILER_BENCH_BLOCKCOST_H

#include "compiler/Engine/MoeBlock.h"
#include "compiler/Schedule/Problem.h"

namespace moec {

/// What the hardware can do at best.
struct Peaks {
  double flops = 750e12; ///< a second: dense bf16 product of 8192 cubed measured on an H200
  double bytes = 4.6e12; ///< a second: streaming of weights measured on an H200
};

/// The measured ones of a GPU by the driver's name for it: those of an H100 80GB HBM3 (3.07 TB/s
/// read) where it says so, else those of an H200.
Peaks knownPeaks(llvm::StringRef device);

/// Costs of one block, per unit of what they grow with.
struct BlockCost {
  size_t logitsArgument = 0; ///< index of the router logits among the block's arguments
  int64_t topK = 0;
  int64_t experts = 0;
  double flopsPerRow = 0;         ///< a routed row
  double weightBytesPerExpert = 0;
  double bytesPerToken = 0;       ///< input and output rows
  double intermediateBytesPerRow = 0; ///< written and read

  double flops(int64_t tokens) const {
    return flopsPerRow * static_cast<double>(tokens) * static_cast<double>(topK);
  }
  double bytes(int64_t tokens, double touchedExperts) const {
    return weightBytesPerExpert * touchedExperts +
           static_cast<double>(tokens) *
               (bytesPerToken + static_cast<double>(topK) * intermediateBytesPerRow);
  }
  /// Microseconds.
  double floor(int64_t tokens, double touchedExperts, const Peaks &peaks) const;
};

/// Unsupported where the block is not routed by one `moe.route` on an argument.
moert::Result<BlockCost> costOf(const MoeBlock &block);

/// The cost of one product of a block that costs `block`: its own FLOPs and weights, its rows read
/// and written once.
BlockCost costOf(const schedule::MatmulProblem &matmul, const BlockCost &block);

/// The routed rows of each expert: how often it is among the k largest logits of a token, in the
/// order of `moe.route`.
std::vector<int64_t> countRows(const moert::HostTensor &logits, int64_t topK);

/// How many experts are among the k largest logits of some token. The order is that of `moe.route`.
int64_t countTouchedExperts(const moert::HostTensor &logits, int64_t topK);

} // namespace moec

#endif // MOEC_COMPILER_BENCH_BLOCKCOST_H
