// The boxes in which the copy engine brings the weights of a K step.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/tma.cuh"

namespace moe {

template <class Plan>
struct WeightBoxes {
  static constexpr u32 kBytes = Plan::kBoxRows * 128;

  const TensorMap *weights, *up_weights;
  int expert, column; ///< the tile's, and its first column of the result

  /// Where box `box` of the weight tile lies: its map, and its first row there. Gate is first, up
  /// behind it. Of adjacent pairs both come at once; swapped operands take the boxes with the pairs
  /// of the first and the second 32 of 64 columns as their two parts.
  struct Place {
    const TensorMap *map;
    int row;
  };
  MOE_DEVICE Place locate(int box) const {
    constexpr int kPartBoxes = Plan::kBoxes / (Plan::kGated ? 2 : 1);
    const int part = Plan::kGated ? box / kPartBoxes : 0, place = box - part * kPartBoxes;
    if constexpr (Plan::kAdjacentPairs)
      return {weights, 2 * column + 64 * (Plan::kSwapped ? 2 * place + part : box)};
    return {part ? up_weights : weights, column + place * Plan::kBoxRows};
  }

  MOE_DEVICE void load(u32 tile, u32 barrier, int box, int k, u64 policy) const {
    const auto [map, row] = locate(box);
    ptx::tma_load_3d(tile + box * kBytes, map, barrier, Plan::kTransposed ? row : k,
                     Plan::kTransposed ? k : row, expert, policy);
  }
  /// For both blocks of a cluster.
  MOE_DEVICE void load_for_both(u32 tile, u32 barrier, int box, int k, u64 policy) const {
    constexpr u16 kBoth = 3;
    const auto [map, row] = locate(box);
    ptx::tma_load_3d_multicast(tile + box * kBytes, map, barrier, Plan::kTransposed ? row : k,
                               Plan::kTransposed ? k : row, expert, kBoth, policy);
  }
  /// Towards L2 only.
  MOE_DEVICE void prefetch(int box, int k, u64 policy) const {
    const auto [map, row] = locate(box);
    ptx::tma_prefetch_3d(map, Plan::kTransposed ? row : k, Plan::kTransposed ? k : row, expert,
                         policy);
  }
};

} // namespace moe
