// Grouped matmul for Hopper (sm_90a): persistent blocks, warp-specialised, wgmma from shared
// memory. One warpgroup produces, two consume; this is what they share, and how a block begins and
// ends.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_consumer.cuh"
#include "moe/kernels/grouped_matmul_wgmma_producer.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/tile/early_weights.cuh"

namespace moe {

/// The whole kernel: 384 threads, gridDim.x <= number of SMs, clusters of Plan::kCluster blocks,
/// Plan::kSharedBytes of dynamic shared memory at `shared`.
template <class Plan, class Epilogue>
MOE_DEVICE void grouped_matmul_wgmma(const GroupedMatmulWgmmaArgs<Plan> &args, void *shared) {
  const u32 stages = (ptx::shared_address(shared) + 1023) & ~1023u;
  const u32 barriers = stages + Plan::kStages * Plan::kStageBytes + 2 * Plan::kStagingBytes;
  const PipelineState<Plan::kStages, Plan::kCluster> state{barriers};
  const TileSlots<Plan> slots(barriers);
  constexpr u32 kWarps = Plan::kCooperative ? 8 : 4;
  if (threadIdx.x == 0) {
    ptx::tma_prefetch_map(args.weights);
    for (u32 s = 0; s < Plan::kStages; ++s) {
      ptx::mbarrier_init(barriers + s * 8, GroupedMatmulProducer<Plan>::kArrivals);
      ptx::mbarrier_init(state.empty(s), kWarps * Plan::kCluster); // the warps that multiply it
    }
    for (u32 slot = 0; slot < 2; ++slot) {
      ptx::mbarrier_init(slots.barriers + slot * 8, 128);
      ptx::mbarrier_init(slots.barriers + 16 + slot * 8, kWarps);
    }
    if constexpr (Plan::kCluster > 1)
      ptx::mbarrier_init(slots.drawn() + 8, 1);
    ptx::st_shared_4(state.failure_flag(), 0);
    ptx::st_shared_4(slots.known_tile(), 0);
    ptx::mbarrier_init_fence();
    if constexpr (Plan::kEarlyStart)
      wait_begin(args.awaited, state.failure_flag());
  }
  if constexpr (Plan::kCluster > 1)
    ptx::cluster_sync();
  else
    __syncthreads();
  if constexpr (Plan::kEarlyExperts != 0)
    if (threadIdx.x == 128) // of the consumers, who have nothing to do until there is a tile
      EarlyWeights<Plan>::run(args.weights, args.up_weights, args.early_rows, slots.known_tile());
  // A report lets the next matmul start at once; it waits for its rows by itself, and all
  // that it takes from earlier kernels is there because it was for this one.
  if constexpr (Plan::kDependentLaunch && !Plan::kEarlyStart)
    ptx::grid_dependency_wait();
  if constexpr (Plan::kReports) {
    if (threadIdx.x == 0) {
      if (blockIdx.x == 0)
        report_begin(args.progress);
      ptx::grid_dependency_launch();
    }
  }

  const int warpgroup = __shfl_sync(~0u, int(threadIdx.x / 128), 0);
  if (warpgroup == 0) {
    ptx::registers_decrease<Plan::kProducerRegisters>();
    GroupedMatmulProducer<Plan>::run(args, stages, barriers);
    // All of its rows have been awaited, so the matmul before is at its end; that it is over is what
    // the kernels behind this one rely on.
    if constexpr (Plan::kEarlyStart)
      ptx::grid_dependency_wait();
    if constexpr (Plan::kCluster > 1) // no block is gone while the other writes to it
      ptx::cluster_sync();
    u32 failed;
    asm volatile("ld.volatile.shared.u32 %0, [%1];" : "=r"(failed) : "r"(state.failure_flag()));
    if (failed)
      ptx::trap();
  } else {
    ptx::registers_increase<Plan::kConsumerRegisters>();
    GroupedMatmulConsumer<Plan, Epilogue> consumer;
    consumer.run(args, stages, barriers, warpgroup - 1);
    if constexpr (Plan::kCluster > 1)
      ptx::cluster_sync();
  }
}

} // namespace moe
