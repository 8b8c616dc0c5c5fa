// Accumulators to memory through a shared-memory tile: bias, epilogue functor and routing weight in
// registers, then 16-byte coalesced stores (or reductions) of the rows and columns that exist.
//
// An epilogue functor is a struct with one static device function on f32:
//   float apply(float value)             for WeightForm::single
//   float apply(float gate, float up)    for the gated forms
#pragma once
#include "moe/common/convert.cuh"
#include "moe/epilogue/identity.cuh"
#include "moe/ptx/ld_st.cuh"
#include "moe/tile/fragments.cuh"

namespace moe {

/// One entry of the tile map, {expert, row_begin, rows, n}: rows == 0 past the true end of the map,
/// expert < 0 for rows of no group, whose results are zeros.
struct RowTile {
  int expert, row_begin, rows;
};

template <class Plan>
class ResultTile {
  using Map = typename Plan::RowMap;
  using Output = typename Plan::Output;
  static constexpr bool kScaled = Plan::kStore != StoreForm::rows;

  u32 shared_;
  RowTile tile_;
  int first_column_;

  MOE_DEVICE void put(int row, int column, float a, float b) const {
    const u32 at = shared_ + row * Plan::kResultPitch + column * int(sizeof(Output));
    if constexpr (is_same<Output, float>)
      ptx::st_shared_f32x2(at, a, b);
    else
      ptx::st_shared_4(at, pack2<Output>(a, b));
  }
  MOE_DEVICE void put(int row, int column, float a) const {
    const u32 at = shared_ + row * Plan::kResultPitch + column * int(sizeof(Output));
    if constexpr (is_same<Output, float>)
      ptx::st_shared_f32(at, a);
    else
      ptx::st_shared_2(at, from_f32<Output>(a).bits);
  }

  /// Bias of `part` of tile column `column`; the products' rows beyond N have none.
  template <class Args>
  MOE_DEVICE float bias(const Args &args, int column, int part) const {
    if constexpr (Plan::kHasBias) {
      const int n = first_column_ + column;
      if (Plan::kTailN && n >= Plan::kN)
        return 0.0f;
      const WeightRow at = Map::locate(n, part);
      const typename Plan::Bias *matrix = at.matrix ? args.up_bias : args.bias;
      return to_f32(matrix[i64(tile_.expert) * Map::kMatrixRows + at.row]);
    } else {
      return 0.0f;
    }
  }

public:
  MOE_DEVICE ResultTile(u32 shared, const RowTile &tile, int column_tile)
      : shared_(shared), tile_(tile), first_column_(column_tile * Plan::kTileColumns) {}

  /// Writes a warp's finished results into the shared tile. The caller synchronises the block
  /// before (the tile reuses the operand stages) and after.
  template <class Epilogue, class Args>
  MOE_DEVICE void stage(const Accumulators<Plan> &acc, const Args &args, int warp_m, int warp_n,
                        int lane) const {
    using Acc = Accumulators<Plan>;
    const int row = warp_m + lane / 4;
    float scale[Acc::kStripsM][2];
#pragma unroll
    for (int i = 0; i < Acc::kStripsM; ++i)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        scale[i][h] = 1.0f;
        if constexpr (kScaled) {
          const int at = row + i * 16 + h * 8;
          const int route = at < tile_.rows ? args.routes[tile_.row_begin + at] : -1;
          scale[i][h] = route < 0 ? 0.0f : args.routing_weights[route];
        }
      }
    constexpr int kGroupsPerColumn = Plan::kGated && !Plan::kAdjacentPairs ? 2 : 1;
#pragma unroll
    for (int j = 0; j < Acc::kGroupsN; j += kGroupsPerColumn) {
      const int fragment = warp_n + j * 8; // first tile row of the fragment's weights
      if constexpr (!Plan::kGated) {
        const int column = fragment + lane % 4 * 2;
        const float b0 = bias(args, column, 0), b1 = bias(args, column + 1, 0);
#pragma unroll
        for (int i = 0; i < Acc::kStripsM; ++i)
#pragma unroll
          for (int h = 0; h < 2; ++h)
            put(row + i * 16 + h * 8, column,
                Epilogue::apply(acc.v[i][j][2 * h] + b0) * scale[i][h],
                Epilogue::apply(acc.v[i][j][2 * h + 1] + b1) * scale[i][h]);
      } else if constexpr (Plan::kAdjacentPairs) {
        const int column = fragment / 2 + lane % 4;
        constexpr int kGate = Plan::kUpFirst ? 1 : 0;
        const float bg = bias(args, column, 0), bu = bias(args, column, 1);
#pragma unroll
        for (int i = 0; i < Acc::kStripsM; ++i)
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const float gate = acc.v[i][j][2 * h + kGate] + bg;
            const float up = acc.v[i][j][2 * h + 1 - kGate] + bu;
            const int at = row + i * 16 + h * 8;
            if constexpr (Plan::kTwoOutputs) {
              put(at, column, gate);
              put(at, Plan::kTileColumns + column, up);
            } else {
              put(at, column, Epilogue::apply(gate, up) * scale[i][h]);
            }
          }
      } else {
        const int column = fragment / 2 + lane % 4 * 2;
        const float g0 = bias(args, column, 0), g1 = bias(args, column + 1, 0);
        const float u0 = bias(args, column, 1), u1 = bias(args, column + 1, 1);
#pragma unroll
        for (int i = 0; i < Acc::kStripsM; ++i)
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const float *gate = acc.v[i][j] + 2 * h, *up = acc.v[i][j + 1] + 2 * h;
            const int at = row + i * 16 + h * 8;
            if constexpr (Plan::kTwoOutputs) {
              put(at, column, gate[0] + g0, gate[1] + g1);
              put(at, Plan::kTileColumns + column, up[0] + u0, up[1] + u1);
            } else {
              put(at, column, Epilogue::apply(gate[0] + g0, up[0] + u0) * scale[i][h],
                  Epilogue::apply(gate[1] + g1, up[1] + u1) * scale[i][h]);
            }
          }
      }
    }
  }

  /// Copies the shared tile's existing rows and columns to their places, 16 bytes a thread.
  /// kZero stores zeros instead and reads no shared memory.
  template <bool kZero, class Args>
  MOE_DEVICE void store(const Args &args) const {
    constexpr int kVector = 16 / int(sizeof(Output));
    constexpr int kPerRow = Plan::kResultColumns / kVector;
    static_assert(Plan::kTileColumns % kVector == 0,
                  "a tile's columns expect whole 16-byte chunks");
#pragma unroll 4
    for (int id = threadIdx.x; id < tile_.rows * kPerRow; id += Plan::kThreads) {
      const int row = id / kPerRow;
      int column = id % kPerRow * kVector;
      uint4 value = {0, 0, 0, 0};
      if constexpr (!kZero)
        value =
            ptx::ld_shared_16(shared_ + row * Plan::kResultPitch + column * int(sizeof(Output)));
      Output *out = args.out;
      if (Plan::kTwoOutputs && column >= Plan::kTileColumns) {
        column -= Plan::kTileColumns;
        out = args.up_out;
      }
      if (Plan::kTailN && first_column_ + column >= Plan::kN)
        continue;
      if constexpr (Plan::kStore == StoreForm::accumulate) {
        const int route = args.routes[tile_.row_begin + row];
        if (route >= 0 && !kZero)
          ptx::red_add_f32x4(out + i64(route / Plan::kTopK) * Plan::kN + first_column_ + column,
                             {__uint_as_float(value.x), __uint_as_float(value.y),
                              __uint_as_float(value.z), __uint_as_float(value.w)});
      } else {
        ptx::st_global_16(out + i64(tile_.row_begin + row) * Plan::kN + first_column_ + column,
                          value);
      }
    }
  }
};

} // namespace moe
