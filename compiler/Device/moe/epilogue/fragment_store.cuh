// From wgmma accumulators to global memory: bias, epilogue, routing weight, rounding, stores.
//
// Thread t of a consumer holds acc[s][4 j + c] at strip row 64 s + 16 (t / 32) + (t % 32) / 4 +
// 8 (c / 2) and column 8 j + 2 (t % 4) + c % 2. Strip rows are rows of the result, or columns of it
// when the operands are swapped; either way both numbers of a gated pair sit in one thread.
#pragma once
#include "moe/common/convert.cuh"
#include "moe/epilogue/identity.cuh"
#include "moe/epilogue/quad.cuh"
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/ld_st.cuh"
#include "moe/scheduler/persistent.cuh"

namespace moe {

/// What stores need besides the accumulators.
template <class Plan>
struct StoreTarget {
  using Output = typename Plan::Output;
  using Bias = typename Plan::Bias;
  Output *out;
  Output *up_out; ///< two outputs: where the up values go
  const Bias *bias;
  const Bias *up_bias;          ///< separate matrices: the up matrix's bias
  const i32 *routes;            ///< weighted and accumulating stores (the producers read these
  const float *routing_weights; ///< two: [R], [T, k])
};

/// The finished tile: what it covers, where the producers left what stores need of its rows, and
/// which of two cooperating consumers this is (else 0).
struct StoreTile : Tile {
  u32 targets;
  int consumer;
};

/// Where a row of the tile goes, and its factor.
struct RowTarget {
  i64 row;
  float scale;
  bool valid;
};

template <class Plan>
MOE_DEVICE RowTarget row_target(const StoreTile &tile, int row) {
  RowTarget target{i64(tile.row_begin) + row, 1.0f, row < tile.rows};
  if constexpr (Plan::kStore != StoreForm::rows) {
    const u32 at = tile.targets + row * Plan::kTargetBytes;
    target.scale = __uint_as_float(ptx::ld_shared_4(at));
    if constexpr (Plan::kStore == StoreForm::accumulate) {
      target.row = int(ptx::ld_shared_4(at + 4));
      target.valid = target.valid && target.row >= 0;
    }
  }
  return target;
}

/// Finished value of a place whose raw accumulators are `gate` and `up` (plain forms: `gate`).
/// `part` picks one of two outputs.
template <class Plan, class Epilogue>
struct PlaceValue {
  const StoreTarget<Plan> &to;
  int expert;

  MOE_DEVICE float biased(float v, int column, int part) const {
    if constexpr (Plan::kHasBias) {
      if (!Plan::kTailN || column < Plan::kN) {
        const WeightRow row = Plan::RowMap::locate(column, part);
        v += to_f32(
            (row.matrix ? to.up_bias : to.bias)[i64(expert) * Plan::RowMap::kMatrixRows + row.row]);
      }
    }
    return v;
  }
  MOE_DEVICE float get(float gate, float up, int column, int part) const {
    if constexpr (Plan::kTwoOutputs)
      return part ? biased(up, column, 1) : biased(gate, column, 0);
    else if constexpr (Plan::kGated)
      return Epilogue::apply(biased(gate, column, 0), biased(up, column, 1));
    else
      return Epilogue::apply(biased(gate, column, 0));
  }
};

/// Two neighbouring f32 results: stored, or added in no fixed order.
template <class Plan>
MOE_DEVICE void store_f32x2(float *to, float a, float b) {
  if constexpr (Plan::kStore == StoreForm::accumulate)
    ptx::red_add_f32x2(to, a, b);
  else
    ptx::st_global_f32x2(to, a, b);
}

/// Rows as wgmma's M.
template <class Plan, class Epilogue>
class RowStripStore {
  using Output = typename Plan::Output;
  using Value = PlaceValue<Plan, Epilogue>;
  static constexpr int kGroups = Plan::kTileColumns / 8; ///< groups of eight result columns
  static constexpr int kUp = Plan::kGated ? Plan::kBlockN / 4 : 0; ///< from gate to up

  MOE_DEVICE static void strip(const float (&acc)[Plan::kMmaN / 2], const Value &value, Output *out,
                               int first_column, const RowTarget (&target)[2], int part) {
    const int q = threadIdx.x % 4;
    const auto result = [&](int g, int h, int c) {
      const int i = 4 * g + 2 * h + c;
      return target[h].scale *
             value.get(acc[i], acc[i + kUp], first_column + 8 * g + 2 * q + c, part);
    };
    if constexpr (is_same<Output, float>) {
#pragma unroll
      for (int g = 0; g < kGroups; ++g)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int column = first_column + 8 * g + 2 * q;
          if (target[h].valid && (!Plan::kTailN || column < Plan::kN))
            store_f32x2<Plan>(out + target[h].row * Plan::kN + column, result(g, h, 0),
                              result(g, h, 1));
        }
    } else {
#pragma unroll
      for (int g = 0; g < kGroups; g += 4)
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          u32 w[4] = {};
#pragma unroll
          for (int j = 0; j < 4; ++j)
            if (g + j < kGroups)
              w[j] = pack2<Output>(result(g + j, h, 0), result(g + j, h, 1));
          transpose_quad(w, q);
          const int column = first_column + 8 * (g + q);
          const bool store = target[h].valid && (kGroups % 4 == 0 || g + q < kGroups) &&
                             (!Plan::kTailN || column < Plan::kN);
          ptx::st_global_16_if(store, out + target[h].row * Plan::kN + column,
                               uint4{w[0], w[1], w[2], w[3]});
        }
    }
  }

public:
  template <int kStrips>
  MOE_DEVICE static void run(const float (&acc)[kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile) {
    const Value value{to, tile.expert};
    const int column = tile.column_tile * Plan::kTileColumns;
    const int first_row = (threadIdx.x / 32 % 4) * 16 + threadIdx.x % 32 / 4;
#pragma unroll
    for (int s = 0; s < kStrips; ++s) {
      const int strip_row = 64 * (s * Plan::kStripStride + tile.consumer);
      if (strip_row >= tile.rows)
        break;
      const int row = strip_row + first_row;
      const RowTarget target[2] = {row_target<Plan>(tile, row), row_target<Plan>(tile, row + 8)};
      strip(acc[s], value, to.out, column, target, 0);
      if constexpr (Plan::kTwoOutputs)
        strip(acc[s], value, to.up_out, column, target, 1);
    }
  }
};

/// Swapped operands: weights as wgmma's M, tokens as its N. Gated forms hold a strip of gate and
/// one of up rows.
template <class Plan, class Epilogue>
class TokenColumnStore {
  using Output = typename Plan::Output;
  using Value = PlaceValue<Plan, Epilogue>;
  static constexpr int kColumnStrips = Plan::kStrips / (Plan::kGated ? 2 : 1);
  static constexpr int kUp = Plan::kGated ? kColumnStrips : 0; ///< strips from gate to up

  template <int kStrips>
  MOE_DEVICE static void columns(const float (&acc)[kStrips][Plan::kMmaN / 2], const Value &value,
                                 Output *out, const StoreTarget<Plan> &to, const StoreTile &tile,
                                 int part) {
    const int lane = threadIdx.x % 32, q = lane % 4;
    const int first_column =
        tile.column_tile * Plan::kTileColumns + 64 * tile.consumer + (threadIdx.x / 32 % 4) * 16;
#pragma unroll
    for (int j = 0; j < Plan::kMmaN / 8; j += 2) {
      if (8 * j >= tile.rows)
        break;
      float scale[2][2];
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int c = 0; c < 2; ++c)
          scale[n][c] = Plan::kStore == StoreForm::rows
                            ? 1.0f
                            : row_target<Plan>(tile, 8 * (j + n) + 2 * q + c).scale;
#pragma unroll
      for (int s = 0; s < kColumnStrips; ++s) {
        const auto result = [&](int n, int h, int c) {
          const int i = 4 * (j + n) + 2 * h + c;
          return scale[n][c] *
                 value.get(acc[s][i], acc[s + kUp][i],
                           first_column + 64 * Plan::kStripStride * s + lane / 4 + 8 * h, part);
        };
        if constexpr (is_same<Output, float>) {
#pragma unroll
          for (int n = 0; n < 2; ++n)
#pragma unroll
            for (int c = 0; c < 2; ++c) {
              const RowTarget target = row_target<Plan>(tile, 8 * (j + n) + 2 * q + c);
#pragma unroll
              for (int h = 0; h < 2; ++h) {
                const int column = first_column + 64 * Plan::kStripStride * s + lane / 4 + 8 * h;
                if (!target.valid || (Plan::kTailN && column >= Plan::kN))
                  continue;
                float *place = out + target.row * Plan::kN + column;
                if constexpr (Plan::kStore == StoreForm::accumulate)
                  ptx::red_add_f32(place, result(n, h, c));
                else
                  *place = result(n, h, c);
              }
            }
        } else {
          // Words of (token group n, column group h), turned so that a lane has its token's
          // columns.
          u32 w[4];
#pragma unroll
          for (int n = 0; n < 2; ++n)
#pragma unroll
            for (int h = 0; h < 2; ++h)
              w[2 * n + h] = transpose_8x8(pack2<Output>(result(n, h, 0), result(n, h, 1)));
          transpose_quad(w, q);
          const int row = 8 * (j + q / 2) + lane / 4;
          const int column = first_column + 64 * Plan::kStripStride * s + 8 * (q % 2);
          ptx::st_global_16_if(row < tile.rows && (!Plan::kTailN || column < Plan::kN),
                               out + (i64(tile.row_begin) + row) * Plan::kN + column,
                               uint4{w[0], w[1], w[2], w[3]});
        }
      }
    }
  }

public:
  template <int kStrips>
  MOE_DEVICE static void run(const float (&acc)[kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile) {
    const Value value{to, tile.expert};
    columns(acc, value, to.out, to, tile, 0);
    if constexpr (Plan::kTwoOutputs)
      columns(acc, value, to.up_out, to, tile, 1);
  }
};

template <class Plan, class Epilogue>
struct FragmentStore {
  MOE_DEVICE static void run(const float (&acc)[Plan::kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile) {
    if constexpr (Plan::kSwapped)
      TokenColumnStore<Plan, Epilogue>::run(acc, to, tile);
    else
      RowStripStore<Plan, Epilogue>::run(acc, to, tile);
  }
};

} // namespace moe
