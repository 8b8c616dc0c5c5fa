// Routing and sorting of some hundreds or thousands of tokens in two launches: blocks route up to
// 32 tokens each and leave, for every expert, bits of those that chose it; then other blocks sort
// 32 tokens each, from everyone's bits. Against routing, counting and sorting this saves a launch,
// and a pass over the routes to count them.
//
// sets: i32 [ceil(T / 32), E], word [w, e] with bit b for token 32 w + b.
#pragma once

#include "moe/kernels/route.cuh"
#include "moe/kernels/sort.cuh"
#include "moe/kernels/token_sets.cuh"

namespace moe {

/// Kernel body. Grid ceil(tokens / 32) * (32 / Route::kTokensPerBlock), block Route::kThreads with
/// 8, 16 or 32 tokens, dynamic shared memory 4 * E bytes. Arguments as in route, and sets.
template <class Route>
MOE_DEVICE void route_sets(const float *logits, float *weights, int *experts, u32 *sets,
                           int tokens) {
  constexpr int kExperts = Route::kExperts, kTokens = Route::kTokensPerBlock;
  static_assert(kTokens == 8 || kTokens == 16 || kTokens == 32,
                "route_sets: a block routes 8, 16 or 32 tokens");
  extern __shared__ __align__(16) int moe_sort_shared[];
  const TokenSets<kExperts, 1> own = {reinterpret_cast<u32 *>(moe_sort_shared)};
  own.template clear<Route::kThreads>();
  __syncthreads();
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  constexpr int kTokensPerWarp = 32 / Route::kLanes;
  const int first = int(blockIdx.x) * kTokens;
  route_tokens<Route>(logits, min(tokens, first + kTokens),
                      first + int(threadIdx.x) / 32 * kTokensPerWarp, kTokens,
                      [&](i64 index, const RouteChoice &choice) {
                        weights[index] = choice.weight;
                        experts[index] = choice.expert;
                        own.add(choice.expert, int(index) / Route::kTopK - first);
                      });
  __syncthreads();
  // Blocks share words: each has the bytes of its tokens, and zeros where there are none.
  constexpr int kParts = 32 / kTokens;
  const i64 word = i64(blockIdx.x) / kParts * kExperts;
  const int part = int(blockIdx.x) % kParts;
  for (int e = threadIdx.x; e < kExperts; e += Route::kThreads) {
    if constexpr (kTokens == 8)
      reinterpret_cast<unsigned char *>(sets + word + e)[part] =
          static_cast<unsigned char>(own.words[e]);
    else if constexpr (kTokens == 16)
      reinterpret_cast<u16 *>(sets + word + e)[part] = u16(own.words[e]);
    else
      sets[word + e] = own.words[e];
  }
}

/// Names the pieces of the sort's dynamic shared memory, sort_sets_shared_bytes() in all.
template <class Sort>
struct SortSetsShared {
  static constexpr int kExperts = Sort::kExperts;
  int *totals; // [E]: tokens of an expert
  int *before; // [E]: of those, in earlier blocks
  TokenSets<kExperts, 1> own;
  int *offsets;     // [E+1]
  int *tile_begins; // [kArrays][E+1]
  int *scan_sums;   // [32][1 + kArrays]

  explicit MOE_DEVICE SortSetsShared(int *base)
      : totals(base), before(totals + kExperts), own{reinterpret_cast<u32 *>(before + kExperts)},
        offsets(before + 2 * kExperts), tile_begins(offsets + kExperts + 1),
        scan_sums(tile_begins + Sort::kArrays * (kExperts + 1)) {}

  MOE_DEVICE void clear() const {
    for (int e = threadIdx.x; e < kExperts; e += Sort::kThreads)
      totals[e] = before[e] = 0;
  }
  MOE_DEVICE void load_own(const u32 *sets, int count) const {
    const int line = int(blockIdx.x);
    for (int e = threadIdx.x; e < kExperts; e += Sort::kThreads)
      own.words[e] = line < count ? sets[i64(line) * kExperts + e] : 0;
  }
};

/// Up to so many tokens the sort lets the next kernel start before it has waited itself, which
/// gives that one more time to ask for weights: up to 0.3 % of a block. At 1024 it is between 0.2 %
/// faster and 0.7 slower, at 2048 0.3 to 0.9 slower (STEPS.md, step 53), when many
/// multiprocessors still route by then.
inline constexpr int kEarlyReleaseTokens = 512;

/// Kernel body. Any grid of more than (tokens - 1) / 32 blocks, block Sort::kThreads, dynamic
/// shared memory sort_sets_shared_bytes. Arguments and results as in sort_routes, with what
/// route_sets left in `sets`; experts are in [0, E).
template <class Sort, int kTopK>
MOE_DEVICE void sort_sets(const int *experts, const u32 *sets, int *offsets, int *sorted_routes,
                          int *positions, TileMapPointers maps, int tokens) {
  constexpr int kExperts = Sort::kExperts;
  static_assert(sort_sets_shared_bytes(kExperts, Sort::kArrays) <= 99 * 1024,
                "sort_sets: shared memory exceeds 99 KiB");
  extern __shared__ __align__(16) int moe_sort_shared[];
  const SortSetsShared<Sort> shared(moe_sort_shared);
  // The matmul behind may ask for weights while tokens are still routed: what was there before
  // route_sets is complete, since that waited.
  if (tokens <= kEarlyReleaseTokens)
    ptx::grid_dependency_launch();
  shared.clear();
  __syncthreads();
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  shared.load_own(sets, token_words(tokens));
  sum_lines<Sort>(sets, token_words(tokens), shared.totals, shared.before,
                  [](u32 word) { return __popc(word); });
  __syncthreads();
  scan_groups<kExperts, Sort::kThreads, typename Sort::Tiles>(
      shared.scan_sums, shared.offsets, shared.tile_begins,
      [&](int expert) { return shared.totals[expert]; });
  __syncthreads();

  const int routes = tokens * kTopK, first = int(blockIdx.x) * 32 * kTopK;
#pragma unroll 1
  for (int i = threadIdx.x; i < 32 * kTopK && first + i < routes; i += Sort::kThreads) {
    const int expert = experts[first + i];
    const int row =
        shared.offsets[expert] + shared.before[expert] + shared.own.rank(expert, i / kTopK);
    sorted_routes[row] = first + i;
    positions[first + i] = row;
  }
  if (blockIdx.x == 0)
    for (int e = threadIdx.x; e <= kExperts; e += Sort::kThreads)
      offsets[e] = shared.offsets[e];
  write_tile_maps<kExperts, typename Sort::Tiles, Sort::kTail>(
      shared.offsets, shared.tile_begins, maps, routes,
      int(blockIdx.x) * Sort::kThreads + int(threadIdx.x), int(gridDim.x) * Sort::kThreads);
}

} // namespace moe
