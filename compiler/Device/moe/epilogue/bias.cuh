// The bias of a tile, added to the raw accumulators in their place, before anything else of the
// store: one load for all results of a column, and no register more for the results.
#pragma once
#include "moe/common/convert.cuh"
#include "moe/epilogue/store_target.cuh"

namespace moe {

template <class Plan>
class AddBias {
  using Accumulators = float[Plan::kStrips][Plan::kMmaN / 2];
  static constexpr int kParts = Plan::kGated ? 2 : 1; ///< gate and up

  const StoreTarget<Plan> &to_;
  const StoreTile &tile_;

  /// Of a column of the result; columns from kN on have none.
  MOE_DEVICE float bias(int column, int part) const {
    if (Plan::kTailN && column >= Plan::kN)
      return 0.0f;
    const WeightRow row = Plan::RowMap::locate(column, part);
    return to_f32((row.matrix ? to_.up_bias
                              : to_.bias)[i64(tile_.expert) * Plan::RowMap::kMatrixRows + row.row]);
  }

  /// Columns are wgmma's M: a thread has two of each strip.
  MOE_DEVICE void add_to_strips(Accumulators &acc) const {
    const int first = warp_column<Plan>(tile_, 0) + threadIdx.x % 32 / 4;
#pragma unroll
    for (int s = 0; s < Plan::kStrips; ++s)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int part = s / Plan::kPartStrips, strip = s % Plan::kPartStrips;
        const float b = bias(first + 64 * Plan::kStripStride * strip + 8 * h, part);
#pragma unroll
        for (int j = 0; j < Plan::kMmaN / 8; ++j)
#pragma unroll
          for (int c = 0; c < 2; ++c)
            acc[s][4 * j + 2 * h + c] += b;
      }
  }

  /// Columns are wgmma's N: a thread has two of every eight, in all strips the same.
  MOE_DEVICE void add_to_columns(Accumulators &acc) const {
    constexpr int kGroups = Plan::kMmaN / 8 / kParts;
    const int first = tile_.column_tile * Plan::kTileColumns + threadIdx.x % 4 * 2;
#pragma unroll
    for (int g = 0; g < kGroups; ++g)
#pragma unroll
      for (int part = 0; part < kParts; ++part)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float b = bias(first + 8 * g + c, part);
#pragma unroll
          for (int s = 0; s < Plan::kStrips; ++s)
#pragma unroll
            for (int h = 0; h < 2; ++h)
              acc[s][4 * (g + part * kGroups) + 2 * h + c] += b;
        }
  }

public:
  MOE_DEVICE AddBias(const StoreTarget<Plan> &to, const StoreTile &tile) : to_(to), tile_(tile) {}

  MOE_DEVICE void run(Accumulators &acc) const {
    if constexpr (Plan::kSwapped)
      add_to_strips(acc);
    else
      add_to_columns(acc);
  }
};

} // namespace moe
