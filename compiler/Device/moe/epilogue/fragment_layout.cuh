// Which accumulator of a consumer's thread holds what of the tile.
//
// Thread t of a consumer holds acc[s][4 j + c] at strip row 64 s + 16 (t / 32) + (t % 32) / 4 +
// 8 (c / 2) and column 8 j + 2 (t % 4) + c % 2. Strip rows are rows of the result, or columns of it
// when the operands are swapped. Either way both numbers of a gated pair sit in one thread, as gate
// and up were loaded apart; or, where they alternate in memory (adjacent pairs), in one thread of
// rows, and in two of swapped operands, which then share them out.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"

namespace moe {

/// Eight columns as adjacent pairs leave them to eight lanes, or to one: 0 4 1 5 2 6 3 7.
MOE_HOST_DEVICE constexpr int adjacent_column(int i) { return (i >> 1) + (i & 1) * 4; }

/// Columns as wgmma's M, tokens as its N. Strip s of the result is 64 columns.
template <class Plan>
struct ColumnFragments {
  static constexpr bool kPairs = Plan::kAdjacentPairs;
  static constexpr int kStrips = Plan::kPartStrips;

  /// The accumulators acc[strip][...] of column `half` of two of strip s, at token 8 j + 2 (lane %
  /// 4) + c: gate and up; or of adjacent pairs the first and the second row of the thread, one
  /// number of a pair each.
  struct Place {
    int strip, index;
  };
  MOE_HOST_DEVICE static constexpr Place place(int s, int half, int j, int c, bool second) {
    if (kPairs)
      return {s + half * kStrips, 4 * j + 2 * second + c};
    return {Plan::kGated && second ? s + kStrips : s, 4 * j + 2 * half + c};
  }
  /// Of the eight columns 8 * chunk(warp, half) + ... of a strip each eighth of a warp has one.
  MOE_HOST_DEVICE static constexpr int chunk(int warp, int half) {
    return kPairs ? 4 * half + warp : 2 * warp + half;
  }
  /// Column `half` of two that a consumer's thread has of a strip, from its first.
  MOE_HOST_DEVICE static constexpr int column(u32 thread, int half) {
    const int eighth = int(thread % 32 / 4);
    return 8 * chunk(int(thread / 32), half) + (kPairs ? adjacent_column(eighth) : eighth);
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
  /// That column of a thread, from the tile's first.
  MOE_HOST_DEVICE static constexpr int column(u32 thread, int g, int c) {
    const int q = int(thread % 4);
    return 8 * g + (kPairs ? 4 * c + q : 2 * q + c); // adjacent_column(2 * q + c)
  }
};

} // namespace moe
