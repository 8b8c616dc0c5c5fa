// Tile maps: which rows a tile of a grouped matmul covers. Entry i is {expert, first row, extent,
// n}, its extent the rows and the place in a band (scheduler/raster.cuh); entries come expert by
// expert, n of them, and those beyond the last have extent 0. On request the rows beyond the last
// group get tiles too, of expert -1, that n does not count: a grouped matmul stores zeros there.
// Where experts are uneven and the shape asks for it, they come by size: bits in the last words say
// so, and which come late (scheduler/both_ends.cuh).
//
// A group's tiles are as high as the map's height but for the last, or, balanced, all of one height
// (the last may be lower): for kernels whose time follows a tile's rows, a full tile and a sliver
// cost more than two halves.
#pragma once

#include "moe/kernels/bounds.cuh"
#include "moe/kernels/size_order.cuh"
#include "moe/ptx/misc.cuh"
#include "moe/scheduler/raster.cuh"

namespace moe {

constexpr int kMaxTileMaps = 4;

/// Where the maps go, and counters that start at zero for the matmuls that read them: of drawn
/// tiles (scheduler/persistent.cuh), and of stored rows (scheduler/progress.cuh). Unused slots are
/// null.
struct TileMapPointers {
  int4 *map[kMaxTileMaps];
  u32 *tickets[kMaxTileMaps];
  u32 *progress[kMaxTileMaps]; ///< [kProgressWords], the last two the parts of maps by size
};

/// The shapes for which maps are made in one go.
template <TileShape... kShapes>
struct TileShapes {
  static constexpr int kCount = sizeof...(kShapes);
  static constexpr bool kBySize = (kShapes.both_ends || ...); ///< some of them, in uneven groups
  /// Arrays of a word for each group and one more that a kernel keeps: each map's prefix, and the
  /// order.
  static constexpr int kArrays = kCount + kBySize;
  static_assert(((kShapes.height >= 1 && kShapes.height <= kMaxTileHeight) && ...),
                "tile map: a tile has 1 to 8191 rows");
  static_assert(((kShapes.unit == 0 || kShapes.height % kShapes.unit == 0) && ...),
                "tile map: a balanced height is a multiple of its unit");
  static_assert(((kShapes.band >= 1 && kShapes.band <= kMaxBand) && ...),
                "tile map: a band has 1 to 255 row tiles");
  static_assert(((kShapes.cluster == 1 || kShapes.cluster == 2) && ...),
                "tile map: a cluster has 1 or 2 blocks");

  /// Folds to a constant in an unrolled loop.
  static MOE_DEVICE constexpr TileShape get(int index) {
    constexpr TileShape kAll[] = {kShapes..., {1}};
    return kAll[index];
  }
};

/// Exclusive prefixes over the groups, by one block: offsets [kGroups + 1] of size(group), and for
/// each shape tile_begins [shape][kGroups + 1] of its entries, in the order of the map. Behind them
/// that order, where a shape asks for it. sums: shared, 32 * (1 + Tiles::kArrays) ints.
template <int kGroups, int kThreads, class Tiles, class SizeT>
MOE_DEVICE void scan_groups(int *sums, int *offsets, int *tile_begins, SizeT size) {
  constexpr int kSums = 1 + Tiles::kCount;
  constexpr int kPerThread = int(ceil_div(kGroups, kThreads));
  constexpr int kScanWarps = int(ceil_div(kGroups, kPerThread * 32));
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int first = int(threadIdx.x) * kPerThread;
  const int *order = nullptr;
  if constexpr (Tiles::kBySize) {
    int *by_size = tile_begins + Tiles::kCount * (kGroups + 1);
    if (order_by_size<kGroups, kThreads>(sums, by_size, size))
      order = by_size;
  }

  // What the group at a place adds to sum number j: its rows, or its entries of a shape.
  auto part = [&](int place, int j) {
    if (j == 0)
      return size(place);
    const TileShape shape = Tiles::get(j - 1);
    const bool by_size = shape.both_ends && order != nullptr;
    return tile_entries(shape, size(by_size ? order[place] & ~kLateBit : place));
  };

  int own[kSums], before[kSums];
#pragma unroll
  for (int j = 0; j < kSums; ++j) {
    own[j] = 0;
    for (int i = 0; i < kPerThread; ++i)
      own[j] += first + i < kGroups ? part(first + i, j) : 0;
    int inclusive = own[j];
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const int other = __shfl_up_sync(0xffffffffu, inclusive, distance);
      inclusive += lane >= distance ? other : 0;
    }
    before[j] = inclusive - own[j];
    if (lane == 31)
      sums[warp * kSums + j] = inclusive;
  }
  __syncthreads();

#pragma unroll
  for (int j = 0; j < kSums; ++j) {
    int *prefix = j == 0 ? offsets : tile_begins + (j - 1) * (kGroups + 1);
#pragma unroll
    for (int w = 0; w < kScanWarps; ++w)
      before[j] += w < warp ? sums[w * kSums + j] : 0;
    for (int i = 0; i < kPerThread; ++i) {
      if (first + i >= kGroups)
        break;
      prefix[first + i] = before[j];
      before[j] += part(first + i, j);
      if (first + i == kGroups - 1)
        prefix[kGroups] = before[j];
    }
  }
}

/// The last group whose begin is at most `index`: the non-empty group that holds it. begins
/// [kGroups + 1] ascending, begins[0] <= index < begins[kGroups].
template <int kGroups>
MOE_DEVICE int find_group(const int *begins, int index) {
  int low = 0, high = kGroups;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    const bool right = begins[middle] <= index;
    low = right ? middle : low;
    high = right ? high : middle;
  }
  return low;
}

/// Writes every entry of every map and clears the counters; `thread` of `threads` take turns.
/// `rows` is the bound on all groups' rows from which the maps' sizes follow.
template <int kGroups, class Tiles, bool kTail>
MOE_DEVICE void write_tile_maps(const int *offsets, const int *tile_begins, TileMapPointers maps,
                                int rows, int thread, int threads) {
  const int *order = tile_begins + Tiles::kCount * (kGroups + 1);
#pragma unroll // a pointer at a place that is only known at run time would be read from local memory
  for (int j = 0; j < kMaxTileMaps; ++j) {
    if (thread == j && maps.tickets[j] != nullptr)
      *maps.tickets[j] = 0;
    if (thread == j && maps.progress[j] != nullptr) {
      for (int i = 0; i < kProgressCounters; ++i)
        maps.progress[j][i] = 0;
      if constexpr (Tiles::kBySize)
        if (order[kGroups] != 0) {
          maps.progress[j][kProgressEarlyRows] = u32(offsets[kGroups] - (order[kGroups] - 1));
          maps.progress[j][kProgressRows] = u32(offsets[kGroups]);
        }
    }
  }
#pragma unroll
  for (int j = 0; j < Tiles::kCount; ++j) {
    const TileShape shape = Tiles::get(j);
    const int height = shape.height;
    const int *begins = tile_begins + j * (kGroups + 1);
    const bool by_size = shape.both_ends && order[kGroups] != 0;
    const int entries = tile_map_bound(rows, kGroups + kTail, height);
    for (int i = thread; i < entries; i += threads) {
      int4 entry = {0, 0, 0, begins[kGroups]};
      if (i < begins[kGroups]) {
        entry.x = find_group<kGroups>(begins, i);
        const int begin = begins[entry.x];
        if (by_size) {
          const int group = order[entry.x];
          entry.x = group & ~kLateBit;
          entry.w |= i == 0 ? kBothEndsBit : group & kLateBit;
        }
        const int first = offsets[entry.x];
        const GroupTile tile = group_tile(shape, i - begin, offsets[entry.x + 1] - first);
        entry.y = first + tile.begin;
        entry.z = pack(tile.extent);
      } else if (kTail) {
        entry.x = -1;
        entry.y = min(offsets[kGroups] + (i - begins[kGroups]) * height, rows);
        entry.z = pack({min(height, rows - entry.y), 0, 1});
      }
      maps.map[j][i] = entry;
    }
  }
}

/// What `tile_maps` is compiled for: maps from offsets that another kernel or the caller made.
/// kTail: rows beyond the last group get tiles of expert -1.
template <int kExperts_, int kThreads_, bool kTail_, TileShape... kShapes>
struct TileMapConfig {
  static constexpr bool kTail = kTail_;
  static constexpr int kExperts = kExperts_, kThreads = kThreads_;
  using Tiles = TileShapes<kShapes...>;
  static constexpr int kSharedBytes = 4 * (1 + Tiles::kArrays) * (kExperts + 1 + 32);
  static_assert(kThreads % 32 == 0 && kThreads >= 32 && kThreads <= 1024,
                "tile map: threads must be a multiple of 32 up to 1024");
  static_assert(Tiles::kCount >= 1 && Tiles::kCount <= kMaxTileMaps,
                "tile map: one to four shapes");
  static_assert(kSharedBytes <= 99 * 1024, "tile map: shared memory exceeds 99 KiB");
};

/// Kernel body. Grid any G >= 1 (ceil(entries / kThreads), at most 132, is plenty), block kThreads,
/// dynamic shared memory kSharedBytes. offsets i32 [E+1] ascending from 0 with offsets[E] <= rows;
/// maps.map[i] int4 [tile_map_bound(rows, E + kTail, height of shape i)].
template <class TileMap>
MOE_DEVICE void tile_maps(const int *offsets, TileMapPointers maps, int rows) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  constexpr int kExperts = TileMap::kExperts;
  extern __shared__ __align__(16) int moe_sort_shared[];
  int *own_offsets = moe_sort_shared;
  int *tile_begins = own_offsets + kExperts + 1;
  int *sums = tile_begins + TileMap::Tiles::kArrays * (kExperts + 1);
  scan_groups<kExperts, TileMap::kThreads, typename TileMap::Tiles>(
      sums, own_offsets, tile_begins, [&](int e) { return max(offsets[e + 1] - offsets[e], 0); });
  __syncthreads();
  write_tile_maps<kExperts, typename TileMap::Tiles, TileMap::kTail>(
      own_offsets, tile_begins, maps, rows, int(blockIdx.x) * TileMap::kThreads + int(threadIdx.x),
      int(gridDim.x) * TileMap::kThreads);
}

} // namespace moe
