// Sizes and index maps on which host and device must agree: upper bounds of data-dependent
// extents, shared memory, and how a range of routes is dealt to blocks and warps. Plain constexpr
// C++, so that the host's unit tests and the kernels' static assertions use the same lines.
#pragma once

#include "moe/common/types.cuh"

namespace moe {

MOE_HOST_DEVICE constexpr int round_up(int value, int multiple) {
  return int(ceil_div(value, multiple)) * multiple;
}

/// The smallest power of two that is at least `value` (value >= 1).
MOE_HOST_DEVICE constexpr int next_power_of_two(int value) {
  int power = 1;
  while (power < value)
    power *= 2;
  return power;
}

/// Entries of a tile map: what `routes` rows in `experts` groups, cut into tiles of `tile_rows`
/// rows that never cross a group, can need at most. n non-empty groups need at most
/// floor((routes - n) / tile_rows) + n tiles, which grows with n <= min(experts, routes).
MOE_HOST_DEVICE constexpr int tile_map_bound(int routes, int experts, int tile_rows) {
  return routes / tile_rows + min_of(experts, routes);
}

/// Rows after every group was padded to a multiple of `multiple`: the most that any routing needs.
MOE_HOST_DEVICE constexpr int padded_rows_bound(int routes, int experts, int multiple) {
  return routes + min_of(experts, routes) * (multiple - 1);
}

/// Length of one of `shares` equal contiguous parts of `count` items, in whole warps, so that
/// every part but the last non-empty one is full. Part i is [i * size, (i + 1) * size) cut at
/// count.
MOE_HOST_DEVICE constexpr int share_size(int count, int shares) {
  return round_up(int(ceil_div(count, shares)), 32);
}

/// A total order of logits as unsigned numbers: larger logit, larger key. Both zeros are equal, NaN
/// (1) ranks below -inf, and 0 is left for "no candidate".
MOE_HOST_DEVICE constexpr u32 logit_key(u32 float_bits) {
  const u32 magnitude = float_bits & 0x7fffffffu;
  const u32 flip = u32(int(float_bits) >> 31) | 0x80000000u; // no branches: four of these a lane
  const u32 key = magnitude == 0u ? 0x80000000u : float_bits ^ flip;
  return magnitude > 0x7f800000u ? 1u : key;
}

/// Key of -inf: a candidate scores only above it.
constexpr u32 kNegativeInfinityKey = 0x007fffffu;

/// The logit behind a key above NaN's.
MOE_HOST_DEVICE constexpr u32 key_logit_bits(u32 key) {
  return (key & 0x80000000u) ? key & 0x7fffffffu : ~key;
}

/// Lanes that share a token in `route`: enough for one slot each and at most four logits each while
/// a warp has room.
MOE_HOST_DEVICE constexpr int route_lanes(int experts, int top_k) {
  return min_of(32, next_power_of_two(max_of(top_k, int(ceil_div(experts, 4)))));
}

/// Dynamic shared memory of `sort_routes` in bytes: a counter a warp and expert, then totals,
/// earlier blocks' rows, offsets and the maps' `arrays` (TileShapes), then the scan's warp sums.
MOE_HOST_DEVICE constexpr int sort_shared_bytes(int experts, int threads, int arrays) {
  return 4 * (threads / 32 * experts + 2 * experts + (1 + arrays) * (experts + 1 + 32));
}

/// Words with a bit for each of `tokens` tokens.
MOE_HOST_DEVICE constexpr int token_words(int tokens) { return int(ceil_div(tokens, 32)); }

/// Dynamic shared memory of `sort_sets` in bytes: rows, earlier blocks' rows and this block's
/// tokens of each expert, offsets and the maps' `arrays`, the scan's warp sums.
MOE_HOST_DEVICE constexpr int sort_sets_shared_bytes(int experts, int arrays) {
  return 4 * (3 * experts + (1 + arrays) * (experts + 1 + 32));
}

/// Dynamic shared memory of `route_sort` in bytes: the tokens of each expert, offsets and the maps'
/// `arrays`, the scan's warp sums, and the chosen experts.
MOE_HOST_DEVICE constexpr int route_sort_shared_bytes(int experts, int arrays, int max_tokens,
                                                      int top_k) {
  return 4 * (token_words(max_tokens) * experts + (1 + arrays) * (experts + 1 + 32) +
              max_tokens * top_k);
}

} // namespace moe
