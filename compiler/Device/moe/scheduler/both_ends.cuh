// Tiles from both ends of a map whose experts come by size. An expert with many rows leaves the
// memory idle while it multiplies, one with few rows the tensor cores while its weights arrive; in
// the order of experts the two follow each other and hardly overlap. So some of the blocks take
// tiles from the front, where rows are many, and the others from the back, until they meet.
//
// Only where experts are uneven enough: alike ones have nothing to overlap, and two places of the
// map share less in L2 than one. The kernel that makes the map decides, from all experts' rows, and
// says so in the map's head, the last word of entry 0. In the last words of the others it says
// which experts come late, about where the two sides meet, so that who waits for rows need not wait
// for those (scheduler/progress.cuh).
#pragma once
#include "moe/common/types.cuh"

namespace moe {

/// Up to so many rows an expert's products take less time than its weights: 650 to 700 TFLOP/s
/// against 4.6 and 3.07 TB/s, so between 150 (H200) and 230 rows (H100).
inline constexpr int kStreamRows = 192;

/// What experts, one after the other, would leave idle; in the time that a row's products take.
struct IdleTime {
  int memory = 0;   ///< while products of more than kStreamRows rows take longer than weights
  int products = 0; ///< while weights take longer than products of fewer rows
  int all = 0;      ///< of which these are parts

  MOE_HOST_DEVICE static constexpr IdleTime of(int rows) {
    if (rows == 0)
      return {};
    return {max_of(rows - kStreamRows, 0), max_of(kStreamRows - rows, 0),
            max_of(rows, kStreamRows)};
  }
  MOE_HOST_DEVICE constexpr void add(const IdleTime &other) {
    memory += other.memory;
    products += other.products;
    all += other.all;
  }
  /// Whether the smaller of the two, which is what overlapping can gain, is worth two places in
  /// the map.
  MOE_HOST_DEVICE constexpr bool is_uneven() const {
    return memory > all / 12 && products > all / 12;
  }
};

/// Blocks, in eighths of all, that take tiles from the front. Five are enough for the products of
/// nearly any mixture, since those are held back by power too, and leave enough to keep the memory
/// busy (STEPS.md, step 54).
inline constexpr int kFrontEighths = 5;

/// How long an expert keeps the front or the back busy, in the unit of IdleTime: a part of the
/// multiprocessors, and memory that is shared with the other side.
struct EndCost {
  u32 front = 0, back = 0;

  MOE_HOST_DEVICE static constexpr EndCost of(int rows) {
    if (rows == 0)
      return {};
    return {u32(max_of(of_eighths(rows, kFrontEighths), kStreamRows)),
            u32(max_of(of_eighths(rows, 8 - kFrontEighths), kStreamRows / 4 * 5))};
  }
  /// Of an expert before which the front takes `front` and from which on the back takes `back`:
  /// whether they may meet there, to some 20 %. Never the first one.
  MOE_HOST_DEVICE constexpr bool is_late() const {
    return front / 2 > back / 3 && front / 3 < back / 2;
  }

private:
  /// rows * 8 / eighths, where the product could overflow.
  MOE_HOST_DEVICE static constexpr int of_eighths(int rows, int eighths) {
    return rows * (8 / eighths) + rows / eighths * (8 % eighths);
  }
};

/// The last word of a map's first entry.
struct MapHead {
  int entries;    ///< that stand for tiles
  bool both_ends; ///< experts come by size, largest first; else in their own order
};
/// Bits beside the number of entries: of the head, and of the others where an expert comes late.
inline constexpr int kBothEndsBit = 1 << 30, kLateBit = 1 << 29;
MOE_HOST_DEVICE constexpr int pack_head(const MapHead &head) {
  return head.entries | (head.both_ends ? kBothEndsBit : 0);
}
MOE_HOST_DEVICE constexpr MapHead unpack_head(int word) {
  return {word & ~(kBothEndsBit | kLateBit), (word & kBothEndsBit) != 0};
}

/// Who takes which of `tiles` tiles: `blocks` blocks (or clusters), the first `fronts` of them from
/// the front, the others from the back. A block's first tile is fixed; each later one it draws by
/// adding to a counter that starts at zero: draws of the front in the low half, of the back in the
/// high half, or all of it for the front if all blocks are there.
///
/// A block that has a first tile draws until it gets none. So n tiles take n draws, and who makes
/// the last one clears the counter for the next launch.
struct BothEnds {
  int tiles, blocks, fronts;

  static constexpr int kNone = 0x7fffffff;

  /// All of them from one end, or where half a counter cannot count the tiles.
  MOE_HOST_DEVICE static constexpr int count_fronts(bool both_ends, int tiles, int blocks) {
    return both_ends && tiles <= 0xffff ? max_of(blocks * kFrontEighths / 8, 1) : blocks;
  }
  MOE_HOST_DEVICE constexpr bool is_front(int block) const { return block < fronts; }
  MOE_HOST_DEVICE constexpr int first(int block) const {
    if (block >= tiles)
      return kNone;
    return is_front(block) ? block : tiles - 1 - (block - fronts);
  }
  MOE_HOST_DEVICE constexpr u32 step(bool front) const { return front ? 1u : 0x10000u; }
  /// `before`: the counter before this draw.
  MOE_HOST_DEVICE constexpr int next(bool front, u32 before) const {
    const Draws draws = unpack(before);
    if (draws.front + draws.back >= u32(max_of(tiles - blocks, 0)))
      return kNone;
    return front ? fronts + int(draws.front) : tiles - 1 - (blocks - fronts + int(draws.back));
  }
  MOE_HOST_DEVICE constexpr bool is_last(u32 before) const {
    const Draws draws = unpack(before);
    return draws.front + draws.back == u32(tiles) - 1;
  }

private:
  struct Draws {
    u32 front, back;
  };
  MOE_HOST_DEVICE constexpr Draws unpack(u32 counter) const {
    return fronts == blocks ? Draws{counter, 0} : Draws{counter & 0xffffu, counter >> 16};
  }
};

} // namespace moe
