// Routing and sorting in one launch for few tokens: one block routes all of them, a group of lanes
// a token, and sorts the choice by the sets of tokens that chose each expert. Saves the gap between
// two launches, and the general sort's counters for each warp.
#pragma once

#include "moe/kernels/route.cuh"
#include "moe/kernels/sort.cuh"
#include "moe/kernels/token_sets.cuh"

namespace moe {

/// Both halves' policies (one block, same experts and threads) and the most tokens it accepts.
template <class Route_, class Sort_, int kMaxTokens_>
struct RouteSortConfig {
  using Route = Route_;
  using Sort = Sort_;
  static constexpr int kMaxTokens = kMaxTokens_;
  static constexpr int kWords = token_words(kMaxTokens); ///< of bits, an expert
  static constexpr int kSharedBytes =
      route_sort_shared_bytes(Sort::kExperts, Sort::kArrays, kMaxTokens, Route::kTopK);

  static_assert(int(Route::kExperts) == int(Sort::kExperts),
                "route_sort: both count the same experts");
  static_assert(int(Route::kThreads) == int(Sort::kThreads),
                "route_sort: both run in the same block");
  static_assert(!Sort::kMultiBlock, "route_sort: the sort is the single-block form");
  static_assert(kSharedBytes <= 99 * 1024,
                "route_sort: shared memory exceeds 99 KiB, take fewer tokens");
};

/// Kernel body. Grid 1, block Route::kThreads, dynamic shared memory kSharedBytes; tokens <=
/// kMaxTokens. Arguments as in route and sort_routes.
template <class RouteSort>
MOE_DEVICE void route_sort(const float *logits, float *weights, int *experts, int *offsets,
                           int *sorted_routes, int *positions, TileMapPointers maps, int tokens) {
  using Route = typename RouteSort::Route;
  using Sort = typename RouteSort::Sort;
  constexpr int kExperts = Sort::kExperts, kTopK = Route::kTopK;
  extern __shared__ __align__(16) int moe_sort_shared[];
  const TokenSets<kExperts, RouteSort::kWords> sets = {reinterpret_cast<u32 *>(moe_sort_shared)};
  int *first_rows = moe_sort_shared + RouteSort::kWords * kExperts;
  int *tile_begins = first_rows + kExperts + 1;
  int *scan_sums = tile_begins + Sort::kArrays * (kExperts + 1);
  int *chosen = scan_sums + 32 * (1 + Sort::kArrays);

  sets.template clear<Sort::kThreads>();
  __syncthreads();
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  constexpr int kTokensPerWarp = 32 / Route::kLanes;
  route_tokens<Route>(logits, tokens, int(threadIdx.x) / 32 * kTokensPerWarp,
                      Route::kTokensPerBlock, [&](i64 index, const RouteChoice &choice) {
                        weights[index] = choice.weight;
                        experts[index] = choice.expert;
                        chosen[index] = choice.expert;
                        sets.add(choice.expert, int(index) / kTopK);
                      });
  __syncthreads();
  scan_groups<kExperts, Sort::kThreads, typename Sort::Tiles>(
      scan_sums, first_rows, tile_begins, [&](int expert) { return sets.size(expert); });
  __syncthreads();

  // Most loops have one turn, and a short kernel waits for its instructions: none is unrolled.
  const int routes = tokens * kTopK;
#pragma unroll 1
  for (int route = threadIdx.x; route < routes; route += Sort::kThreads) {
    const int row = first_rows[chosen[route]] + sets.rank(chosen[route], route / kTopK);
    sorted_routes[row] = route;
    positions[route] = row;
  }
#pragma unroll 1
  for (int e = threadIdx.x; e <= kExperts; e += Sort::kThreads)
    offsets[e] = first_rows[e];
  write_tile_maps<kExperts, typename Sort::Tiles, Sort::kTail>(
      first_rows, tile_begins, maps, routes, int(threadIdx.x), Sort::kThreads);
}

} // namespace moe
