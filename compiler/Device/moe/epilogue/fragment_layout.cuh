// Which accumulator of a consumer's thread holds what of the tile.
//
// Thread t of a consumer holds acc[s][4 j + c] at strip row 64 s + 16 (t / 32) + (t % 32) / 4 +
// 8 (c / 2) and column 8 j + 2 (t % 4) + c % 2. Strip rows are rows of the result, or columns of it
// when the operands are swapped. Either way both numbers of a gated pair sit in one thread, as gate
// and up were loaded apart; or, where they alternate in memory (adjacent pairs), in one thread of
// rows, and in two of swapped operands, which then share them out.
#pragma once
#include "moe/epilogue/store_target.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

/// Columns as wgmma's M, tokens as its N. Strip s of the result is 64 columns.
template <class Plan>
struct ColumnFragments {
  static constexpr bool kPairs = Plan::kAdjacentPairs;
  static constexpr int kStrips = Plan::kPartStrips;

  /// Gate and up (plain forms: the value) of the thread's column `half` of two of strip s, at token
  /// 8 j + 2 (lane % 4) + c. By whole warps.
  struct Values {
    float gate, up;
  };
  template <int kAll>
  MOE_DEVICE static Values values(const float (&acc)[kAll][Plan::kMmaN / 2], int s, int half, int j,
                                  int c) {
    if constexpr (kPairs) {
      // Lanes whose lane / 4 is even hold the first of a pair in both of their rows, the next four
      // the second. The former take the upper rows of both, the latter the lower.
      const bool odd = threadIdx.x & 4;
      const float *at = acc[s + half * kStrips] + 4 * j + c;
      const float own = odd ? at[2] : at[0];
      const float other = ptx::shuffle_xor<4>(odd ? at[0] : at[2]);
      const bool swaps = odd != Plan::kUpFirst;
      return {swaps ? other : own, swaps ? own : other};
    } else {
      const int i = 4 * j + 2 * half + c;
      return {acc[s][i], acc[Plan::kGated ? s + kStrips : s][i]};
    }
  }
  /// Of the eight columns 8 * chunk(warp, half) + ... of a strip each eighth of a warp has one.
  MOE_HOST_DEVICE static constexpr int chunk(int warp, int half) {
    return kPairs ? 4 * half + warp : 2 * warp + half;
  }
  MOE_DEVICE static int column(const StoreTile &tile, int s, int half) {
    const int eighth = threadIdx.x % 32 / 4;
    return strip_column<Plan>(tile, s) + 8 * chunk(threadIdx.x / 32 % 4, half) +
           (kPairs ? eighth / 2 + eighth % 2 * 4 : eighth); // `straighten` undoes it
  }
};

/// Rows as wgmma's M, columns as its N.
template <class Plan>
struct RowFragments {
  static constexpr bool kPairs = Plan::kAdjacentPairs;
  static constexpr int kGroups = Plan::kTileColumns / 8; ///< groups of eight columns

  /// `part` of the thread's column c of two of group g, in row `half` of two of a strip.
  MOE_HOST_DEVICE static constexpr int index(int g, int half, int c, int part) {
    return kPairs ? 4 * (2 * g + c) + 2 * half + (Plan::kUpFirst ? 1 - part : part)
                  : 4 * (g + part * kGroups) + 2 * half + c;
  }
  /// That column, from the tile's first. Adjacent pairs: `straighten`.
  MOE_DEVICE static int column(int g, int c) {
    const int q = threadIdx.x % 4;
    return 8 * g + (kPairs ? 4 * c + q : 2 * q + c);
  }
};

/// Eight results of 16 bits in the order of adjacent pairs' columns, 0 4 1 5 2 6 3 7, in their own.
template <class Plan>
MOE_DEVICE uint4 straighten(uint4 v) {
  if constexpr (Plan::kAdjacentPairs)
    return {__byte_perm(v.x, v.y, 0x5410), __byte_perm(v.z, v.w, 0x5410),
            __byte_perm(v.x, v.y, 0x7632), __byte_perm(v.z, v.w, 0x7632)};
  return v;
}

} // namespace moe
