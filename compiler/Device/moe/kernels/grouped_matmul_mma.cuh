// Grouped matmul on warp-level tensor cores (mma.sync), sm_80 and newer.
//
//   out[i, n] = epilogue(sum_k rows[i, k] * weights[e, n, k] + bias[e, n])   for rows i of expert e
//
// One block computes one output tile: a row tile of the device-side tile map times a column tile.
// cp.async fills a ring of swizzled shared-memory stages, ldmatrix feeds double-buffered fragments,
// results leave through shared memory. A generated `extern "C"` kernel instantiates
// grouped_matmul_mma; README.md shows one.
#pragma once
#include "moe/epilogue/result_tile.cuh"
#include "moe/kernels/early_experts.cuh"
#include "moe/ptx/misc.cuh"
#include "moe/scheduler/raster.cuh"
#include "moe/tile/fragments.cuh"
#include "moe/tile/load_rows.cuh"
#include "moe/tile/load_weights.cuh"

namespace moe {

/// Pointers of one launch, all 16-byte aligned; members that the problem has no use for stay null.
template <class Problem>
struct GroupedMatmulArgs {
  const typename Problem::Element *rows = nullptr;    ///< [R, K], or x [T, K] when gathered
  const typename Problem::Element *weights = nullptr; ///< the matrix, or the gate matrix
  const typename Problem::Element *up_weights = nullptr;
  const typename Problem::Bias *bias = nullptr; ///< [E, weight rows]
  const typename Problem::Bias *up_bias = nullptr;
  const i32 *routes = nullptr;            ///< [R]: gathered rows, weighted and accumulated stores
  const float *routing_weights = nullptr; ///< [T * k], by route index
  const int4 *tiles = nullptr;            ///< [row tiles]: {expert, row_begin, rows, n}
  const float *logits = nullptr;          ///< kEarlyExperts: the only token's
  typename Problem::Output *out = nullptr; ///< [R, N], or [T, N] when accumulated
  typename Problem::Output *up_out = nullptr;
};

template <class Plan>
struct SelectWeightLoader {
  using Type = WeightLoader<Plan>;
};
template <class Plan>
  requires(Plan::kTransposed)
struct SelectWeightLoader<Plan> {
  using Type = TransposedWeightLoader<Plan>;
};

/// An entry of the tile map. Before the wait it comes from L2: its writer has ended, but this
/// multiprocessor's first-level cache may still hold what memory held before.
template <class Plan>
MOE_DEVICE int4 load_entry(const int4 *entry) {
  if constexpr (Plan::kEarlyWeights) {
    const uint4 v = ptx::ld_relaxed_gpu_16(entry);
    return {int(v.x), int(v.y), int(v.z), int(v.w)};
  } else {
    return *entry;
  }
}

/// What a block computes: nothing where it has no rows.
struct BlockPlace {
  RowTile tile;
  int column_tile;
};

/// As the tile map has it.
template <class Plan>
MOE_DEVICE BlockPlace mapped_place(const int4 *tiles) {
  int4 entry = load_entry<Plan>(tiles + band_entry(blockIdx.x, Plan::kColumnTiles));
  TileExtent extent = unpack_extent(entry.z);
  if (extent.rows == 0)
    return {};
  const TileIndex index = tile_at(blockIdx.x, Plan::kColumnTiles, extent);
  if (extent.band != 1) { // else it is that entry's
    entry = load_entry<Plan>(tiles + index.m);
    extent = unpack_extent(entry.z);
  }
  return {{entry.x, entry.y, extent.rows}, index.n};
}

/// The same of a single token, before the map is there.
template <class Plan>
MOE_DEVICE BlockPlace early_place(const float *logits) {
  const int row = blockIdx.x / Plan::kColumnTiles;
  if (row >= Plan::kTopK)
    return {};
  return {{chosen_expert<Plan::kEarlyExperts, Plan::kTopK>(logits, row), row, 1},
          int(blockIdx.x) % Plan::kColumnTiles};
}

/// The body of a kernel of Plan::kThreads threads, Plan::kSharedBytes of dynamic shared memory and
/// (row tiles) * Plan::kColumnTiles blocks in x.
template <class Problem, class Schedule, class Epilogue = IdentityEpilogue>
MOE_DEVICE void grouped_matmul_mma(const GroupedMatmulArgs<Problem> &args) {
  using Plan = GroupedMatmulPlan<Problem, Schedule>;
  constexpr int kStages = Plan::kStages;
  constexpr int kSlices = Plan::kBlockK / 16;
  extern __shared__ __align__(1024) unsigned char shared_memory[];
  const u32 shared = ptx::shared_address(shared_memory);

  // Which tile this block computes. Who waits for this grid relies on it for those before, too: a
  // block that knows its tile before the wait waits later.
  constexpr bool kChoosing = Plan::kEarlyExperts != 0;
  constexpr bool kEarly = Plan::kEarlyWeights || kChoosing;
  if constexpr (Plan::kDependentLaunch && !kEarly)
    ptx::grid_dependency_wait();
  BlockPlace place;
  if constexpr (kChoosing)
    place = early_place<Plan>(args.logits);
  else
    place = mapped_place<Plan>(args.tiles);
  const RowTile tile = place.tile;
  if (tile.rows == 0 || tile.expert < 0) {
    if constexpr (kEarly)
      ptx::grid_dependency_wait();
    if (tile.rows != 0)
      ResultTile<Plan>(shared, tile, place.column_tile).template store<true>(args);
    return;
  }
  const ResultTile<Plan> results(shared, tile, place.column_tile);

  // Fill the ring. Routes are on their way while weights, whose addresses need none, are asked for.
  const RowLoader<Plan> rows(args.rows, args.routes, tile.row_begin, tile.rows);
  const typename SelectWeightLoader<Plan>::Type weights(args.weights, args.up_weights, tile.expert,
                                                        place.column_tile);
#pragma unroll
  for (int s = 0; s < kStages - 1; ++s)
    if (s < Plan::kSteps)
      weights.template load<0, 1>(shared + s * Plan::kStageBytes + Plan::kRowTileBytes, s);
  if constexpr (Plan::kEarlyWeights)
    ptx::grid_dependency_wait();
#pragma unroll
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < Plan::kSteps)
      rows.template load<0, 1>(shared + s * Plan::kStageBytes, s);
    ptx::cp_async_commit();
  }
  if constexpr (kChoosing) // the only token's row needs nothing of the grid before
    ptx::grid_dependency_wait();

  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int warp_m = warp / Plan::kWarpsN * Plan::kWarpM;
  const int warp_n = warp % Plan::kWarpsN * Plan::kWarpN;
  const bool active = warp_m < tile.rows; // a warp whose rows do not exist only copies
  const FragmentLoader<Plan> loader(warp_m, warp_n, lane);
  Fragments<Plan> fragments[2];
  Accumulators<Plan> accumulators;
  accumulators.clear();
  ptx::cp_async_wait<kStages - 2>();
  __syncthreads();
  if (active)
    loader.load(fragments[0], shared, 0);

  // The K loop. Step k multiplies stage `read` and copies step k + kStages - 1 into stage `write`,
  // which the barrier of step k - 1 has freed. The last slice waits for the next stage and fetches
  // its first fragments, so products never wait for a barrier.
  u32 read = shared, write = shared + (kStages - 1) * Plan::kStageBytes;
  constexpr u32 kRingBytes = kStages * Plan::kStageBytes;
#pragma unroll 1
  for (int step = 0; step < Plan::kSteps; ++step) {
    const u32 following = read + Plan::kStageBytes == shared + kRingBytes
                              ? shared
                              : read + Plan::kStageBytes;
    auto slice = [&]<int kSlice>() {
      if (step + kStages - 1 < Plan::kSteps) {
        rows.template load<kSlice, kSlices>(write, step + kStages - 1);
        weights.template load<kSlice, kSlices>(write + Plan::kRowTileBytes, step + kStages - 1);
      }
      if constexpr (kSlice == kSlices - 1) {
        ptx::cp_async_commit();
        ptx::cp_async_wait<kStages - 2>();
        __syncthreads();
      }
      if (active) {
        loader.load(fragments[(kSlice + 1) % 2], kSlice == kSlices - 1 ? following : read,
                    (kSlice + 1) % kSlices);
        accumulators.multiply(fragments[kSlice % 2]);
      }
    };
    [&]<int... kSlice>(IntegerSequence<kSlice...>) {
      (slice.template operator()<kSlice>(), ...);
    }(MakeIntegerSequence<kSlices>{});
    // The next kernel's blocks take the room of blocks that are done, and may ask for weights while
    // the others multiply: once these have nothing left to ask for, unless told otherwise.
    constexpr int kRelease = Plan::kEarlyRelease ? 0 : max_of(Plan::kSteps - kStages, 0);
    if (Plan::kDependentLaunch && step == kRelease)
      ptx::grid_dependency_launch();
    write = read;
    read = following;
  }

  // Results replace the operand stages.
  ptx::cp_async_wait<0>();
  __syncthreads();
  if (active)
    results.template stage<Epilogue>(accumulators, args, warp_m, warp_n, lane);
  __syncthreads();
  results.template store<false>(args);
}

} // namespace moe
