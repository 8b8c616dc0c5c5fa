// Stores of accumulators whose rows are wgmma's M: a thread has two rows of a strip, eight columns
// of each after a turn inside its quad.
#pragma once
#include "moe/epilogue/fragment_layout.cuh"
#include "moe/epilogue/quad.cuh"
#include "moe/epilogue/store_target.cuh"

namespace moe {

/// A thread's two f32 results of a group, neighbours or not: stored, or added in no fixed order.
template <class Plan>
MOE_DEVICE void store_f32x2(float *to, float a, float b) {
  constexpr bool kAdds = Plan::kStore == StoreForm::accumulate;
  if constexpr (Plan::kAdjacentPairs) {
    if constexpr (kAdds) {
      ptx::red_add_f32(to, a);
      ptx::red_add_f32(to + 4, b);
    } else {
      to[0] = a;
      to[4] = b;
    }
  } else if constexpr (kAdds) {
    ptx::red_add_f32x2(to, a, b);
  } else {
    ptx::st_global_f32x2(to, a, b);
  }
}

/// Rows as wgmma's M.
template <class Plan, class Epilogue>
class RowStripStore {
  using Output = typename Plan::Output;
  using Fragments = RowFragments<Plan>;
  static constexpr int kGroups = Fragments::kGroups;
  /// Groups that are finished together: their sums and turns overlap where one after the other
  /// would wait for each.
  static constexpr int kBatch = 4;

  MOE_DEVICE static void strip(const float (&acc)[Plan::kMmaN / 2], Output *out, int first_column,
                               const RowTarget (&target)[2], int part) {
    const int q = threadIdx.x % 4;
    const auto result = [&](int g, int h, int c) {
      const int gate = Fragments::index(g, h, c, 0);
      const int up = Fragments::index(g, h, c, Plan::kGated ? 1 : 0);
      return target[h].scale * finished<Plan, Epilogue>(acc[gate], acc[up], part);
    };
    if constexpr (is_same<Output, float>) {
#pragma unroll
      for (int g = 0; g < kGroups; ++g)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int column = first_column + Fragments::column(threadIdx.x, g, 0);
          if (target[h].valid && (!Plan::kTailN || column < Plan::kN))
            store_f32x2<Plan>(out + target[h].row * Plan::kN + column, result(g, h, 0),
                              result(g, h, 1));
        }
    } else {
#pragma unroll
      for (int first = 0; first < kGroups; first += kBatch) {
        u32 w[kBatch / 4][2][4] = {};
#pragma unroll
        for (int i = 0; i < kBatch; ++i)
#pragma unroll
          for (int h = 0; h < 2; ++h)
            if (first + i < kGroups)
              w[i / 4][h][i % 4] = pack2<Output>(result(first + i, h, 0), result(first + i, h, 1));
#pragma unroll
        for (int i = 0; i < kBatch / 4; ++i)
#pragma unroll
          for (int h = 0; h < 2; ++h)
            transpose_quad(w[i][h], q);
#pragma unroll
        for (int i = 0; i < kBatch / 4; ++i)
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const int group = first + 4 * i + q, column = first_column + 8 * group;
            if (first + 4 * i < kGroups)
              ptx::st_global_16_if<Plan::kKeepsResults>(
                  target[h].valid && (kGroups % 4 == 0 || group < kGroups) &&
                      (!Plan::kTailN || column < Plan::kN),
                  out + target[h].row * Plan::kN + column,
                  straighten<Plan>(uint4{w[i][h][0], w[i][h][1], w[i][h][2], w[i][h][3]}));
          }
      }
    }
  }

public:
  template <int kStrips>
  MOE_DEVICE static void run(const float (&acc)[kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile) {
    const int column = tile.column_tile * Plan::kTileColumns;
    const int first_row = (threadIdx.x / 32 % 4) * 16 + threadIdx.x % 32 / 4;
#pragma unroll
    for (int s = 0; s < kStrips; ++s) {
      const int strip_row = 64 * (s * Plan::kStripStride + tile.consumer);
      if (strip_row >= tile.rows)
        break;
      const int row = strip_row + first_row;
      const RowTarget target[2] = {row_target<Plan>(tile, row), row_target<Plan>(tile, row + 8)};
      strip(acc[s], to.out, column, target, 0);
      if constexpr (Plan::kTwoOutputs)
        strip(acc[s], to.up_out, column, target, 1);
    }
  }
};

} // namespace moe
