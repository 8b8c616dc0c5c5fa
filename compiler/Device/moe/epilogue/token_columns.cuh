// Stores of accumulators of swapped operands: columns of the result are wgmma's M, tokens its N, so
// that a thread has columns of one place and pairs of tokens, which memory wants the other way
// round.
#pragma once
#include "moe/epilogue/fragment_layout.cuh"
#include "moe/epilogue/quad.cuh"
#include "moe/epilogue/store_target.cuh"
#include "moe/ptx/misc.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/tile/swizzle.cuh"

namespace moe {

/// Swapped operands: weights as wgmma's M, tokens as its N. Base of the two ways to memory:
/// finished values and their factors.
template <class Plan, class Epilogue>
struct TokenColumns {
  using Output = typename Plan::Output;
  using Fragments = ColumnFragments<Plan>;
  static constexpr int kColumnStrips = Fragments::kStrips;
  static constexpr int kPairs = Plan::kMmaN / 16; ///< pairs of groups of eight tokens

  const StoreTile &tile;
  int part;

  MOE_DEVICE TokenColumns(const StoreTile &tile, int part) : tile(tile), part(part) {}

  /// The thread's column h of strip s, token 2 (lane % 4) + c of group j; not yet weighted. By
  /// whole warps.
  template <int kStrips>
  MOE_DEVICE float get(const float (&acc)[kStrips][Plan::kMmaN / 2], int s, int j, int h,
                       int c) const {
    const auto first = Fragments::place(s, h, j, c, false),
               second = Fragments::place(s, h, j, c, true);
    const float a = acc[first.strip][first.index], b = acc[second.strip][second.index];
    if constexpr (Fragments::kPairs) {
      // Lanes whose lane / 4 is even hold the first of a pair in both of their rows, the next four
      // the second. The former take the upper rows of both, the latter the lower.
      const bool odd = threadIdx.x & 4;
      const float own = odd ? b : a, other = ptx::shuffle_xor<4>(odd ? a : b);
      const bool swaps = odd != Plan::kUpFirst;
      return finished<Plan, Epilogue>(swaps ? other : own, swaps ? own : other, part);
    } else {
      return finished<Plan, Epilogue>(a, b, part);
    }
  }
  /// Words {n, h} of the token groups 2 pair + n and column groups h: two tokens of a column.
  template <int kStrips>
  MOE_DEVICE void get_words(const float (&acc)[kStrips][Plan::kMmaN / 2], int s, int pair,
                            u32 (&words)[4]) const {
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      const int j = 2 * pair + n;
      float scale[2] = {1.0f, 1.0f};
      if constexpr (Plan::kStore == StoreForm::weighted_rows)
        ptx::ld_shared_f32x2(tile.targets + (8 * j + threadIdx.x % 4 * 2) * Plan::kTargetBytes,
                             scale[0], scale[1]);
#pragma unroll
      for (int h = 0; h < 2; ++h)
        words[2 * n + h] =
            pack2<Output>(scale[0] * get(acc, s, j, h, 0), scale[1] * get(acc, s, j, h, 1));
    }
  }
};

/// Straight from the accumulators: turned inside the warp, 32 bytes of a row at a time. The strips
/// of a pair of token groups are finished together; more at a time would spill.
template <class Plan, class Epilogue>
class TokenColumnStore {
  using Columns = TokenColumns<Plan, Epilogue>;
  using Output = typename Plan::Output;
  static constexpr int kPairs = Columns::kPairs, kColumnStrips = Columns::kColumnStrips;

  template <int kStrips>
  MOE_DEVICE static void store_words(const float (&acc)[kStrips][Plan::kMmaN / 2],
                                     const Columns &columns, Output *out, int pair) {
    const int lane = threadIdx.x % 32, q = lane % 4, warp = threadIdx.x / 32 % 4;
    // Turned so that a lane has its token's columns.
    u32 w[kColumnStrips][4];
#pragma unroll
    for (int s = 0; s < kColumnStrips; ++s)
      columns.get_words(acc, s, pair, w[s]);
#pragma unroll
    for (int s = 0; s < kColumnStrips; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        w[s][i] = transpose_8x8(w[s][i]);
      transpose_quad(w[s], q);
    }
    const int row = 16 * pair + 8 * (q / 2) + lane / 4;
#pragma unroll
    for (int s = 0; s < kColumnStrips; ++s) {
      const int column =
          strip_column<Plan>(columns.tile, s) + 8 * Columns::Fragments::chunk(warp, q % 2);
      ptx::st_global_16_if<Plan::kKeepsResults>(
          row < columns.tile.rows && (!Plan::kTailN || column < Plan::kN),
          out + (i64(columns.tile.row_begin) + row) * Plan::kN + column,
          straighten<Plan>(uint4{w[s][0], w[s][1], w[s][2], w[s][3]}));
    }
  }

  template <int kStrips>
  MOE_DEVICE static void store_floats(const float (&acc)[kStrips][Plan::kMmaN / 2],
                                      const Columns &columns, Output *out, int pair) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int j = 2 * pair; j < 2 * pair + 2; ++j)
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const RowTarget target = row_target<Plan>(columns.tile, 8 * j + 2 * (lane % 4) + c);
#pragma unroll
        for (int s = 0; s < kColumnStrips; ++s)
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            const int column = strip_column<Plan>(columns.tile, s) +
                               Columns::Fragments::column(threadIdx.x % 128, h);
            const float value = target.scale * columns.get(acc, s, j, h, c);
            if (!target.valid || (Plan::kTailN && column >= Plan::kN))
              continue;
            float *place = out + target.row * Plan::kN + column;
            if constexpr (Plan::kStore == StoreForm::accumulate)
              ptx::red_add_f32(place, value);
            else
              *place = value;
          }
      }
  }

public:
  template <int kStrips>
  MOE_DEVICE static void run(const float (&acc)[kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile) {
#pragma unroll
    for (int part = 0; part < (Plan::kTwoOutputs ? 2 : 1); ++part) {
      const Columns columns(tile, part);
      Output *out = part ? to.up_out : to.out;
#pragma unroll
      for (int pair = 0; pair < kPairs; ++pair) {
        if (16 * pair >= tile.rows)
          break;
        if constexpr (is_same<Output, float>)
          store_floats(acc, columns, out, pair);
        else
          store_words(acc, columns, out, pair);
      }
    }
  }
};

/// By way of shared memory, whole 128-byte lines of a row at a time. `staging`: kStagedTokens rows
/// of 64 columns, in the copy engine's swizzle.
template <class Plan, class Epilogue>
class StagedTokenStore {
  using Columns = TokenColumns<Plan, Epilogue>;
  using Output = typename Plan::Output;
  static constexpr int kPairs = Columns::kPairs, kColumnStrips = Columns::kColumnStrips;
  static constexpr int kBatch = 4; ///< rows / 16 that are copied together
  static constexpr int kStagedPairs = Plan::kStagedTokens / 16;

  /// The 64 columns of strip s, token by token.
  template <int kStrips>
  MOE_DEVICE static void fill(const float (&acc)[kStrips][Plan::kMmaN / 2], const Columns &columns,
                              u32 staging, int s, int first_pair) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
    // Matrices {n, h}: lane l names where token l % 8 of matrix l / 8 goes.
    const int token = lane / 16 * 8 + lane % 8;
    const int chunk = Columns::Fragments::chunk(warp, lane / 8 % 2);
    const u32 to = staging + swizzled_offset<8>(token, chunk);
#pragma unroll
    for (int i = 0; i < kStagedPairs; ++i) {
      const int pair = first_pair + i;
      if (16 * pair >= columns.tile.rows)
        break;
      u32 words[4];
      columns.get_words(acc, s, pair, words);
      ptx::stmatrix_x4_trans(to + i * 16 * 128, words);
    }
  }
  MOE_DEVICE static void copy(const Columns &columns, u32 staging, Output *out, int s,
                              int first_pair) {
    const int thread = threadIdx.x % 128, chunk = thread % 8, first_row = thread / 8;
    const int column = strip_column<Plan>(columns.tile, s) + 8 * chunk;
    const bool inside = !Plan::kTailN || column < Plan::kN;
    const u32 from = staging + swizzled_offset<8>(first_row, chunk);
    const int rows = columns.tile.rows - 16 * first_pair;
    Output *to =
        out + (i64(columns.tile.row_begin) + 16 * first_pair + first_row) * Plan::kN + column;
#pragma unroll
    for (int first = 0; first < kStagedPairs; first += kBatch) {
      if (16 * first >= rows)
        break;
      uint4 v[kBatch];
#pragma unroll
      for (int p = 0; p < kBatch; ++p)
        if (first + p < kStagedPairs)
          v[p] = ptx::ld_shared_16(from + (first + p) * 16 * 128);
#pragma unroll
      for (int p = 0; p < kBatch; ++p)
        if (first + p < kStagedPairs)
          ptx::st_global_16_if<Plan::kKeepsResults>(inside && 16 * (first + p) + first_row < rows,
                                                    to + i64(16 * (first + p)) * Plan::kN,
                                                    straighten<Plan>(v[p]));
    }
  }

public:
  template <int kStrips>
  MOE_DEVICE static void run(const float (&acc)[kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile, u32 staging) {
    const int barrier = 4 + tile.consumer;
#pragma unroll
    for (int part = 0; part < (Plan::kTwoOutputs ? 2 : 1); ++part) {
      const Columns columns(tile, part);
#pragma unroll
      for (int s = 0; s < kColumnStrips; ++s) {
        if (Plan::kShortLastTile && strip_column<Plan>(columns.tile, s) >= Plan::kN)
          break;
#pragma unroll
        for (int first = 0; first < kPairs; first += kStagedPairs) {
          if (first != 0 && 16 * first >= tile.rows)
            break;
          if (Plan::kOwnStaging || part != 0 || s != 0)
            ptx::barrier_sync(barrier, 128); // what lay there has been read
          fill(acc, columns, staging, s, first);
          ptx::barrier_sync(barrier, 128);
          copy(columns, staging, part ? to.up_out : to.out, s, first);
        }
      }
    }
  }
};

} // namespace moe
