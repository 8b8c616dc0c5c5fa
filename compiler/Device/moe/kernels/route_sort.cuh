// Routing and sorting in one launch for few tokens: one block routes all of them, a group of lanes a
// token, and sorts the choice straight from shared memory. Saves the gap between two launches.
#pragma once

#include "moe/kernels/route.cuh"
#include "moe/kernels/sort.cuh"

namespace moe {

/// Both halves' policies (one block, same experts and threads) and the most tokens it accepts.
template <class Route_, class Sort_, int kMaxTokens_> struct RouteSortConfig {
  using Route = Route_;
  using Sort = Sort_;
  static constexpr int kMaxTokens = kMaxTokens_;
  static constexpr int kSharedBytes = route_sort_shared_bytes(
      Sort::kExperts, Sort::kThreads, Sort::kMaps, kMaxTokens, Route::kTopK);

  static_assert(int(Route::kExperts) == int(Sort::kExperts), "route_sort: both count the same experts");
  static_assert(int(Route::kThreads) == int(Sort::kThreads), "route_sort: both run in the same block");
  static_assert(!Sort::kMultiBlock, "route_sort: the sort is the single-block form");
  static_assert(kSharedBytes <= 99 * 1024,
                "route_sort: shared memory exceeds 99 KiB, take fewer tokens or threads");
};

/// Kernel body. Grid 1, block Route::kThreads, dynamic shared memory kSharedBytes; tokens <=
/// kMaxTokens. Arguments as in route and sort_routes.
template <class RouteSort>
MOE_DEVICE void route_sort(const float *logits, float *weights, int *experts, int *offsets,
                           int *sorted_routes, int *positions, TileMapPointers maps, int tokens) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  using Route = typename RouteSort::Route;
  using Sort = typename RouteSort::Sort;
  extern __shared__ __align__(16) int moe_sort_shared[];
  int *chosen = moe_sort_shared + Sort::kSharedBytes / 4;

  constexpr int kTokensPerWarp = 32 / Route::kLanes;
  route_tokens<Route>(logits, tokens, int(threadIdx.x) / 32 * kTokensPerWarp,
                      Route::kTokensPerBlock, [&](i64 index, const RouteChoice &choice) {
                        weights[index] = choice.weight;
                        experts[index] = choice.expert;
                        chosen[index] = choice.expert;
                      });
  __syncthreads();
  sort_block<Sort>(chosen, nullptr, offsets, sorted_routes, positions, maps,
                   tokens * Route::kTopK, moe_sort_shared);
}

} // namespace moe
