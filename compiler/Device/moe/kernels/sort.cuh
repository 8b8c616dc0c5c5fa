// Groups the routes of T tokens by expert: experts i32 [T,k] to offsets i32 [E+1], routes i32 [R]
// (stable inside an expert, -1 beyond offsets[E]), positions i32 [R] (the row of a route, -1 where
// its id is outside [0, E)) and tile maps.
//
// The R routes are cut into one contiguous part a block and, inside it, one a warp. A row is
//   offsets[e] + routes of e in earlier blocks + in earlier warps + earlier in this warp,
// so the result depends on nothing but the input. One launch with a single block, or two: the
// histogram leaves one line of E counters a block, and every block of the second sums all lines
// itself, which costs less than a third launch.
#pragma once

#include "moe/kernels/bounds.cuh"
#include "moe/kernels/tile_map.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

/// What the sort kernels are compiled for: experts, threads of a block, whether several blocks work
/// (two launches), whether rows of no group get tiles of expert -1, and the tile shapes whose maps
/// are written.
template <int kExperts_, int kThreads_, bool kMultiBlock_, bool kTail_, TileShape... kShapes>
struct SortConfig {
  static constexpr bool kTail = kTail_;
  static constexpr int kExperts = kExperts_, kThreads = kThreads_, kWarps = kThreads / 32;
  static constexpr bool kMultiBlock = kMultiBlock_;
  using Tiles = TileShapes<kShapes...>;
  static constexpr int kMaps = Tiles::kCount, kArrays = Tiles::kArrays;
  static constexpr int kSharedBytes = sort_shared_bytes(kExperts, kThreads, kArrays);

  static_assert(kExperts >= 1, "sort: needs at least one expert");
  static_assert(kThreads % 32 == 0 && kThreads >= 32 && kThreads <= 1024,
                "sort: threads must be a multiple of 32 up to 1024");
  static_assert(kMaps <= kMaxTileMaps, "sort: at most four tile maps");
};

/// The lanes of this warp that hold the same `value`.
MOE_DEVICE u32 lanes_with_same(int value) { return __match_any_sync(0xffffffffu, value); }

/// Names the pieces of the dynamic shared memory, sort_shared_bytes() in all.
template <class Sort>
struct SortShared {
  int *warp_counts; // [kWarps][E]: routes of a warp, then of the warps before it
  int *totals;      // [E]: routes of an expert over all blocks
  int *first_rows;  // [E]: first row of this block's routes of an expert
  int *offsets;     // [E+1]
  int *tile_begins; // [kArrays][E+1]: first tile of an expert, and their order
  int *scan_sums;   // [32][1 + kArrays]

  explicit MOE_DEVICE SortShared(int *base) {
    constexpr int kExperts = Sort::kExperts;
    warp_counts = base;
    totals = warp_counts + Sort::kWarps * kExperts;
    first_rows = totals + kExperts;
    offsets = first_rows + kExperts;
    tile_begins = offsets + kExperts + 1;
    scan_sums = tile_begins + Sort::kArrays * (kExperts + 1);
  }
};

/// This block's part of `routes` routes, and inside it this warp's.
struct RouteRange {
  int begin, end;

  static MOE_DEVICE RouteRange of_block(int routes) {
    const int size = share_size(routes, int(gridDim.x));
    const int begin = min(int(blockIdx.x) * size, routes);
    return {begin, min(begin + size, routes)};
  }

  MOE_DEVICE RouteRange of_warp(int warps) const {
    const int size = share_size(end - begin, warps);
    const int first = min(begin + int(threadIdx.x) / 32 * size, end);
    return {first, min(first + size, end)};
  }
};

/// Histogram kernel body of the two-launch form. Grid and block as sort_routes, dynamic shared
/// memory 4 * E bytes. experts i32 [routes]; block_counts i32 [gridDim.x, E] (workspace).
template <class Sort>
MOE_DEVICE void count_routes(const int *experts, int *block_counts, int routes) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  extern __shared__ __align__(16) int moe_sort_shared[];
  int *counts = moe_sort_shared;
  for (int e = threadIdx.x; e < Sort::kExperts; e += Sort::kThreads)
    counts[e] = 0;
  __syncthreads();
  const RouteRange range = RouteRange::of_block(routes);
  for (int r = range.begin + int(threadIdx.x); r < range.end; r += Sort::kThreads) {
    const int expert = experts[r];
    if (u32(expert) < u32(Sort::kExperts))
      atomicAdd(&counts[expert], 1);
  }
  __syncthreads();
  int *line = block_counts + i64(blockIdx.x) * Sort::kExperts;
  for (int e = threadIdx.x; e < Sort::kExperts; e += Sort::kThreads)
    line[e] = counts[e];
}

/// warp_counts[w][e] = routes of expert e in warp w's part.
template <class Sort>
MOE_DEVICE void count_by_warp(const int *experts, RouteRange range, SortShared<Sort> shared) {
  for (int i = threadIdx.x; i < Sort::kWarps * Sort::kExperts; i += Sort::kThreads)
    shared.warp_counts[i] = 0;
  __syncthreads();
  int *counts = shared.warp_counts + int(threadIdx.x) / 32 * Sort::kExperts;
  constexpr int kInFlight = 4; // loads that wait together
  for (int base = range.begin + int(threadIdx.x) % 32; base < range.end; base += 32 * kInFlight) {
    int chosen[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i)
      chosen[i] = base + 32 * i < range.end ? experts[base + 32 * i] : -1;
#pragma unroll
    for (int i = 0; i < kInFlight; ++i)
      if (u32(chosen[i]) < u32(Sort::kExperts))
        atomicAdd(&counts[chosen[i]], 1);
  }
}

/// Adds up `count` lines of E words, one a block, as numbers `value(word)`: all to totals[e], those
/// of the blocks before this one to before[e]. A warp takes every kWarps-th line, as much of it at
/// once as 16-byte loads bring: lines come from L2, and each round of loads is a wait for it.
template <class Sort, class ValueT>
MOE_DEVICE void sum_lines(const u32 *lines, int count, int *totals, int *before, ValueT value) {
  constexpr int kExperts = Sort::kExperts;
  constexpr int kVector = kExperts > 32 && kExperts % 4 == 0 ? 4 : 1;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int e = lane * kVector; e < kExperts; e += 32 * kVector) {
    int total[kVector] = {}, earlier[kVector] = {};
#pragma unroll 4
    for (int block = warp; block < count; block += Sort::kWarps) {
      const u32 *line = lines + i64(block) * kExperts + e;
      u32 words[kVector];
      if constexpr (kVector == 4) {
        const uint4 four = *reinterpret_cast<const uint4 *>(line);
        words[0] = four.x, words[1] = four.y, words[2] = four.z, words[3] = four.w;
      } else {
        words[0] = *line;
      }
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        const int number = value(words[i]);
        total[i] += number;
        earlier[i] += block < int(blockIdx.x) ? number : 0;
      }
    }
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      atomicAdd(&totals[e + i], total[i]);
      atomicAdd(&before[e + i], earlier[i]);
    }
  }
}

/// totals[e] over all blocks, first_rows[e] over the blocks before this one.
template <class Sort>
MOE_DEVICE void sum_block_counts(const int *block_counts, SortShared<Sort> shared) {
  for (int e = threadIdx.x; e < Sort::kExperts; e += Sort::kThreads)
    shared.totals[e] = shared.first_rows[e] = 0;
  __syncthreads();
  sum_lines<Sort>(reinterpret_cast<const u32 *>(block_counts), int(gridDim.x), shared.totals,
                  shared.first_rows, [](u32 count) { return int(count); });
}

/// Turns the counters into prefixes: offsets, tile_begins, first_rows, and warp_counts into the
/// routes of the warps before.
template <class Sort>
MOE_DEVICE void scan_experts(SortShared<Sort> shared) {
  constexpr int kExperts = Sort::kExperts, kSums = 1 + Sort::kMaps;
  constexpr int kPerThread = int(ceil_div(kExperts, Sort::kThreads));
  const int first = int(threadIdx.x) * kPerThread;

#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const int e = first + i;
    if (e >= kExperts)
      break;
    int before = 0;
#pragma unroll 8
    for (int w = 0; w < Sort::kWarps; ++w) {
      int *counter = &shared.warp_counts[w * kExperts + e];
      const int count = *counter;
      *counter = before;
      before += count;
    }
    if constexpr (!Sort::kMultiBlock) {
      shared.totals[e] = before;
      shared.first_rows[e] = 0;
    }
  }
  if constexpr (Sort::Tiles::kBySize) // which compares the experts of all threads
    __syncthreads();
  scan_groups<kExperts, Sort::kThreads, typename Sort::Tiles>(
      shared.scan_sums, shared.offsets, shared.tile_begins,
      [&](int e) { return shared.totals[e]; });
  for (int e = first; e < min(first + kPerThread, kExperts); ++e)
    shared.first_rows[e] += shared.offsets[e];
}

/// Gives every route of this warp's part its row, in order.
template <class Sort>
MOE_DEVICE void scatter_routes(const int *experts, RouteRange range, SortShared<Sort> shared,
                               int *sorted_routes, int *positions) {
  const int lane = threadIdx.x % 32;
  int *counts = shared.warp_counts + int(threadIdx.x) / 32 * Sort::kExperts;
  int next = range.begin + lane < range.end ? experts[range.begin + lane] : -1;
  for (int base = range.begin; base < range.end; base += 32) {
    const int route = base + lane;
    const bool routed = u32(next) < u32(Sort::kExperts);
    const int expert = routed ? next : -1;
    next = route + 32 < range.end ? experts[route + 32] : -1;

    const u32 peers = lanes_with_same(expert);
    const int rank = __popc(peers & ((1u << lane) - 1u));
    const int before = routed ? counts[expert] : 0;
    __syncwarp();
    if (routed && rank == 0)
      counts[expert] = before + __popc(peers);
    __syncwarp();

    const int row = routed ? shared.first_rows[expert] + before + rank : -1;
    if (routed)
      sorted_routes[row] = route;
    if (route < range.end)
      positions[route] = row;
  }
}

/// Kernel body. Grid 1, or G blocks after count_routes with the same G; block Sort::kThreads;
/// dynamic shared memory Sort::kSharedBytes. experts i32 [routes], block_counts i32 [G, E] (null in
/// the single-block form), offsets i32 [E+1], sorted_routes and positions i32 [routes], maps.map[i]
/// int4 [tile_map_bound(routes, E + kTail, height i)]. routes >= 1 and below 2^31 - 2^16.
template <class Sort>
MOE_DEVICE void sort_routes(const int *experts, const int *block_counts, int *offsets,
                            int *sorted_routes, int *positions, TileMapPointers maps, int routes) {
  static_assert(Sort::kSharedBytes <= 99 * 1024,
                "sort: shared memory exceeds 99 KiB, take fewer threads");
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  extern __shared__ __align__(16) int moe_sort_shared[];
  const SortShared<Sort> shared(moe_sort_shared);
  const RouteRange range = RouteRange::of_block(routes).of_warp(Sort::kWarps);
  count_by_warp<Sort>(experts, range, shared);
  if constexpr (Sort::kMultiBlock)
    sum_block_counts<Sort>(block_counts, shared);
  __syncthreads();
  scan_experts<Sort>(shared);
  __syncthreads();

  scatter_routes<Sort>(experts, range, shared, sorted_routes, positions);
  const int thread = int(blockIdx.x) * Sort::kThreads + int(threadIdx.x);
  const int threads = int(gridDim.x) * Sort::kThreads;
  if (blockIdx.x == 0)
    for (int e = threadIdx.x; e <= Sort::kExperts; e += Sort::kThreads)
      offsets[e] = shared.offsets[e];
  for (int i = shared.offsets[Sort::kExperts] + thread; i < routes; i += threads)
    sorted_routes[i] = -1;
  write_tile_maps<Sort::kExperts, typename Sort::Tiles, Sort::kTail>(
      shared.offsets, shared.tile_begins, maps, routes, thread, threads);
}

} // namespace moe
