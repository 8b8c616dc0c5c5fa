// The bias of a tile, added to the raw accumulators in their place, before anything else of the
// store: one load for all results of a column, and no register more for the results.
#pragma once
#include "moe/common/convert.cuh"
#include "moe/epilogue/fragment_layout.cuh"
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
    return load(Plan::RowMap::locate(column, part));
  }
  MOE_DEVICE float load(const WeightRow &row) const {
    return to_f32((row.matrix ? to_.up_bias
                              : to_.bias)[i64(tile_.expert) * Plan::RowMap::kMatrixRows + row.row]);
  }

  /// Of row `h` of the two that a thread has of strip s of wgmma's M.
  MOE_DEVICE float strip_bias(int s, int h) const {
    const int part = s / Plan::kPartStrips,
              column = strip_column<Plan>(tile_, s % Plan::kPartStrips);
    const int row = threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4 + 8 * h;
    if constexpr (!Plan::kAdjacentPairs)
      return bias(column + row, part);
    const int weight_row = 2 * column + 64 * part + row;
    return Plan::kTailN && weight_row >= 2 * Plan::kN ? 0.0f : load({0, weight_row});
  }

  /// Columns are wgmma's M.
  MOE_DEVICE void add_to_strips(Accumulators &acc) const {
#pragma unroll
    for (int s = 0; s < Plan::kStrips; ++s)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float b = strip_bias(s, h);
#pragma unroll
        for (int j = 0; j < Plan::kMmaN / 8; ++j)
#pragma unroll
          for (int c = 0; c < 2; ++c)
            acc[s][4 * j + 2 * h + c] += b;
      }
  }

  /// Columns are wgmma's N: a thread has two of every eight, in all strips the same.
  MOE_DEVICE void add_to_columns(Accumulators &acc) const {
    using Fragments = RowFragments<Plan>;
    const int first = tile_.column_tile * Plan::kTileColumns;
#pragma unroll
    for (int g = 0; g < Fragments::kGroups; ++g)
#pragma unroll
      for (int part = 0; part < kParts; ++part)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float b = bias(first + Fragments::column(threadIdx.x, g, c), part);
#pragma unroll
          for (int s = 0; s < Plan::kStrips; ++s)
#pragma unroll
            for (int h = 0; h < 2; ++h)
              acc[s][Fragments::index(g, h, c, part)] += b;
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
