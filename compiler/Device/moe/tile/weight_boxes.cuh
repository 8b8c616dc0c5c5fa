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

  MOE_DEVICE void load(u32 tile, u32 barrier, int box, int k, u64 policy) const {
    const WeightBox at = Plan::weight_box(column, box);
    ptx::tma_load_3d(tile + box * kBytes, map(at), barrier, x(at, k), y(at, k), expert, policy);
  }
  /// For both blocks of a cluster.
  MOE_DEVICE void load_for_both(u32 tile, u32 barrier, int box, int k, u64 policy) const {
    constexpr u16 kBoth = 3;
    const WeightBox at = Plan::weight_box(column, box);
    ptx::tma_load_3d_multicast(tile + box * kBytes, map(at), barrier, x(at, k), y(at, k), expert,
                               kBoth, policy);
  }
  /// Towards L2 only.
  MOE_DEVICE void prefetch(int box, int k, u64 policy) const {
    const WeightBox at = Plan::weight_box(column, box);
    ptx::tma_prefetch_3d(map(at), x(at, k), y(at, k), expert, policy);
  }

private:
  MOE_DEVICE const TensorMap *map(const WeightBox &at) const {
    return at.map ? up_weights : weights;
  }
  /// Innermost first: K, or of transposed weights the rows.
  static MOE_DEVICE int x(const WeightBox &at, int k) { return Plan::kTransposed ? at.row : k; }
  static MOE_DEVICE int y(const WeightBox &at, int k) { return Plan::kTransposed ? k : at.row; }
};

} // namespace moe
