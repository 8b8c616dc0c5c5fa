// Weights on their way to L2 while the kernels that route and sort still run. Until these have
// ended a grouped matmul knows none of its tiles, and memory would idle.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/ld_st.cuh"
#include "moe/scheduler/raster.cuh"
#include "moe/tile/pipeline.cuh"
#include "moe/tile/weight_boxes.cuh"
#include "moe/tile/weight_policy.cuh"

namespace moe {

/// Each block asks for the weights with which it would begin if all experts had as many rows.
/// Whatever the routing, these are what some block needs first, but for experts without rows, and
/// nothing is to be undone.
///
/// Boxes are asked for one by one, no faster than memory delivers: the loads of the kernels that
/// route and sort must not wait behind them, or those take as much longer as this saves
/// (STEPS.md, step 53).
template <class Plan>
class EarlyWeights {
  /// As much as the ring would hold: what lies further ahead L2 may have lost when it is needed.
  static constexpr int kBoxes = min_of(Plan::kStages, Plan::kSteps) * Plan::kBoxes;
  /// Clocks between two boxes: 12 bytes a clock, which is 2.7 to 3.1 TB/s of 132 blocks at 1.7 to
  /// 1.98 GHz. The best of 8, 12, 16 and 24 on an H100, whose memory delivers 3.07.
  static constexpr u32 kInterval = WeightBoxes<Plan>::kBytes / 12;

public:
  /// By one thread, until the word `known` in shared memory says that the block knows its tile.
  /// `rows`: of all experts together. With less than three rows for four experts, nearly half of
  /// what is asked for would be of use to no one.
  static MOE_DEVICE void run(const TensorMap *weights, const TensorMap *up_weights, int rows,
                             u32 known) {
    constexpr int kExperts = Plan::kEarlyExperts;
    if (rows < kExperts * 3 / 4)
      return;
    const FirstTile first = expected_first_tile(int(blockIdx.x), rows, kExperts, Plan::kBlockM);
    const int expert = first.tile / Plan::kColumnTiles;
    const int column = first.tile % Plan::kColumnTiles * Plan::kTileColumns;
    if (expert >= kExperts)
      return;
    const WeightBoxes<Plan> boxes{weights, up_weights, expert, column};
    const u64 policy = create_weight_policy<Plan>();
    u32 next = clock_low();
    for (int box = first.sharer; box < kBoxes; box += first.sharers) {
      while (int(clock_low() - next) < 0)
        if (ptx::ld_shared_4(known) != 0)
          return;
      boxes.prefetch(box % Plan::kBoxes, box / Plan::kBoxes * Plan::kBlockK, policy);
      next += kInterval;
    }
  }
};

} // namespace moe
