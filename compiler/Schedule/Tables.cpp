//===- Tables.cpp - the numbers behind the default schedules --------------===//
//
// The one place to write measured results into.
//
// Rows are chosen by m = T * k / E, the mean rows of an expert, since m and not T decides whether
// the weights' stream or the tensor cores limit a grouped matmul (the crossover lies near m = 185
// for every bf16 block on an H200). The row tile is about twice m while weights dominate, so that
// most experts are one tile and their weights are read once, and grows to the largest tile whose
// accumulators fit four warps where arithmetic dominates. Every row brings two kernels to a block,
// hence only four.
//
// * m <= 8: nothing but weights moves. A 16-row tile, 64 weight rows, long steps and four stages
//   keep 48 KiB of weights a block under way, two to three blocks a multiprocessor; weights are
//   read once and leave L2 first.
// * m <= 16: the same stream with 32 rows; 128 weight rows a tile halve the re-reads of the rows.
// * m <= 64: 64-row tiles still read weights once for most experts; 2 x 2 warps of 32 x 64 each
//   have enough independent products to hide ldmatrix.
// * more: 128 x 128 with four 64 x 64 warps, the most arithmetic per shared-memory byte that the
//   registers of two blocks allow. Eight row tiles share each weight tile in L2.
//
// Sort thresholds: one block that routes and sorts saves a launch while it has at most a few rounds
// of tokens; one block sorts 4096 routes in the time a second launch would cost; beyond 32768
// routes the histogram of 64 blocks pays for the 64 lines of counters that every block sums.
//
//===----------------------------------------------------------------------===//

#include "compiler/Schedule/Tables.h"

#include <limits>

namespace moec::schedule {

using kernel::WeightPolicy;

static constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// clang-format off
static constexpr MatmulRow kMmaRows[] = {
    // m <=        M    N    K  stages wM wN min raster weights
    {8,           16,  64, 128,    4,  1, 4,  2,     1, WeightPolicy::EvictFirst},
    {16,          32, 128,  64,    4,  1, 4,  2,     1, WeightPolicy::EvictFirst},
    {64,          64, 128,  64,    4,  2, 2,  2,     4, WeightPolicy::Normal},
    {kUnbounded, 128, 128,  64,    3,  2, 2,  2,     8, WeightPolicy::Normal},
};
/// 164 KiB of shared memory a multiprocessor: shorter steps instead of fewer stages.
static constexpr MatmulRow kSm80Rows[] = {
    {8,           16,  64, 128,    4,  1, 4,  2,     1, WeightPolicy::EvictFirst},
    {16,          32, 128,  64,    4,  1, 4,  2,     1, WeightPolicy::EvictFirst},
    {64,          64, 128,  64,    3,  2, 2,  2,     4, WeightPolicy::Normal},
    {kUnbounded, 128, 128,  32,    4,  2, 2,  2,     8, WeightPolicy::Normal},
};
// clang-format on

llvm::ArrayRef<MatmulRow> getMatmulTable(kernel::TargetAttr target) {
  if (target.getComputeCapability() >= 90 && target.getSharedBytes() >= 232448)
    return kMmaRows;
  return kSm80Rows;
}

} // namespace moec::schedule
