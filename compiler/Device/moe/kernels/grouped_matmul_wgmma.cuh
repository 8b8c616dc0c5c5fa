// Grouped matmul for Hopper (sm_90a): persistent blocks, warp-specialised, wgmma from shared
// memory.
//
// Warpgroup 0 produces: its 128 threads copy row tiles through cp.async (gathered or contiguous),
// one of them asks the copy engine for weight tiles. Warpgroups 1 and 2 consume whole tiles in
// turn: while one multiplies, the other applies the epilogue and stores, so stores cost nothing.
#pragma once
#include "moe/epilogue/fragment_store.cuh"
#include "moe/ptx/misc.cuh"
#include "moe/ptx/tma.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/ptx/wgmma.cuh"
#include "moe/tile/pipeline.cuh"
#include "moe/tile/row_producer.cuh"

namespace moe {

template <class Plan>
struct GroupedMatmulWgmmaArgs {
  const typename Plan::Element *rows; ///< [R, K], or x [T, K] when gathered
  const i32 *routes;                  ///< [R]; gathered rows and weighted stores read it
  const int4 *tiles;                  ///< tile map for kBlockM rows, entry 0's .w = valid entries
  const TensorMap *weights;           ///< (K, columns, E), box (64, kBlockN or half of it, 1)
  const TensorMap *up_weights;        ///< gated forms: the same for up
  StoreTarget<Plan> store;
};

template <class Plan>
class GroupedMatmulProducer {
  using State = PipelineState<Plan::kStages>;

public:
  MOE_DEVICE static void run(const GroupedMatmulWgmmaArgs<Plan> &args, u32 stages, u32 barriers) {
    State state{barriers};
    RowProducer<Plan> rows(args.rows, args.routes);
    const u64 policy = Plan::kWeightPolicy == WeightPolicy::evict_first
                           ? ptx::create_policy_evict_first()
                           : ptx::create_policy_evict_last();
    TileWalk<Plan> walk(args.tiles, blockIdx.x, gridDim.x);
#pragma unroll 1
    while (!walk.done()) {
      const Tile tile = walk.take();
      rows.start(tile);
#pragma unroll 1
      for (int step = 0; step < Plan::kSteps; ++step) {
        state.wait_empty();
        const u32 at = stages + state.stage * Plan::kStageBytes;
        if (threadIdx.x == 0)
          load_weights(args, at + Plan::kRowTileBytes, state.full(), tile, step, policy);
        rows.load(at, step);
        ptx::mbarrier_arrive_cp_async(state.full());
        state.advance();
      }
    }
  }

private:
  MOE_DEVICE static void load_weights(const GroupedMatmulWgmmaArgs<Plan> &args, u32 shared,
                                      u32 barrier, const Tile &tile, int step, u64 policy) {
    const int k = step * Plan::kBlockK, column = tile.column_tile * Plan::kTileColumns;
    ptx::mbarrier_arrive_expect(barrier, Plan::kWeightTileBytes);
    ptx::tma_load_3d(shared, args.weights, barrier, k, column, tile.expert, policy);
    if constexpr (Plan::kGated)
      ptx::tma_load_3d(shared + Plan::kWeightTileBytes / 2, args.up_weights, barrier, k, column,
                       tile.expert, policy);
  }
};

template <class Plan, class Epilogue>
class GroupedMatmulConsumer {
  using State = PipelineState<Plan::kStages>;
  float acc_[Plan::kStrips][Plan::kMmaN / 2];
  u32 last_ = 0; ///< the stage whose products may still be under way

  /// One K step of the first kActive strips over kN columns, as one committed group.
  template <int kActive, int kN>
  MOE_DEVICE void issue(u32 stage, int keep) {
    using Mma = ptx::WgmmaM64K16<typename Plan::Element, kN>;
    const u64 rows = ptx::wgmma_descriptor(stage);
    const u64 weights = ptx::wgmma_descriptor(stage + Plan::kRowTileBytes);
    const u64 a = Plan::kSwapped ? weights : rows, b = Plan::kSwapped ? rows : weights;
    ptx::wgmma_fence();
#pragma unroll
    for (int k16 = 0; k16 < 4; ++k16)
#pragma unroll
      for (int s = 0; s < kActive; ++s)
        Mma::run(reinterpret_cast<float (&)[kN / 2]>(acc_[s]), a + ((s * 64 * 128 + k16 * 32) >> 4),
                 b + ((k16 * 32) >> 4), k16 == 0 ? keep : 1);
    ptx::wgmma_commit();
  }

  /// All K steps of a tile; a stage is released when the group after its own has been issued.
  template <int kActive, int kN>
  MOE_DEVICE void multiply(State &state, u32 stages) {
    const bool leader = threadIdx.x % 32 == 0;
#pragma unroll 1
    for (int step = 0; step < Plan::kSteps; ++step) {
      state.wait_full();
      issue<kActive, kN>(stages + state.stage * Plan::kStageBytes, step != 0);
      if (step != 0) {
        ptx::wgmma_wait<1>();
        if (leader)
          ptx::mbarrier_arrive(state.empty(last_));
      }
      last_ = state.stage;
      state.advance();
    }
  }

  /// Swapped operands: the narrowest of kN, kN + kTokenStep, ... columns that hold `rows` tokens.
  template <int kN>
  MOE_DEVICE void multiply_tokens(State &state, u32 stages, int rows) {
    if constexpr (kN >= Plan::kBlockM) {
      multiply<Plan::kStrips, Plan::kBlockM>(state, stages);
    } else {
      if (rows <= kN)
        multiply<Plan::kStrips, kN>(state, stages);
      else
        multiply_tokens<kN + Plan::kTokenStep>(state, stages, rows);
    }
  }

  MOE_DEVICE void multiply_tile(State &state, u32 stages, int rows) {
    if constexpr (Plan::kSwapped) {
      multiply_tokens<Plan::kTokenStep>(state, stages, rows);
    } else {
      if (Plan::kStrips == 1 || rows <= 64)
        multiply<1, Plan::kMmaN>(state, stages);
      else
        multiply<Plan::kStrips, Plan::kMmaN>(state, stages);
    }
  }

public:
  /// Named barriers 1 and 2 pass the tensor cores from one consumer to the other.
  MOE_DEVICE void run(const GroupedMatmulWgmmaArgs<Plan> &args, u32 stages, u32 barriers,
                      int consumer) {
    State state{barriers};
    const bool leader = threadIdx.x % 32 == 0;
    if (consumer == 1) {
      state.skip(Plan::kSteps);
      ptx::barrier_arrive(1, 256);
    }
    TileWalk<Plan> walk(args.tiles, blockIdx.x + consumer * gridDim.x, 2 * gridDim.x);
#pragma unroll 1
    while (!walk.done()) {
      const Tile tile = walk.take();
      ptx::barrier_sync(1 + consumer, 256);
      multiply_tile(state, stages, tile.rows);
      ptx::barrier_arrive(2 - consumer, 256);
      ptx::wgmma_wait<0>();
      if (leader)
        ptx::mbarrier_arrive(state.empty(last_));
      state.skip(Plan::kSteps);
      FragmentStore<Plan, Epilogue>::run(acc_, args.store, tile);
    }
  }
};

/// The whole kernel: 384 threads, gridDim.x <= number of SMs, Plan::kSharedBytes of dynamic shared
/// memory at `shared`.
template <class Plan, class Epilogue>
MOE_DEVICE void grouped_matmul_wgmma(const GroupedMatmulWgmmaArgs<Plan> &args, void *shared) {
  const u32 stages = (ptx::shared_address(shared) + 1023) & ~1023u;
  const u32 barriers = stages + Plan::kStages * Plan::kStageBytes;
  const PipelineState<Plan::kStages> state{barriers};
  if (threadIdx.x == 0) {
    ptx::tma_prefetch_map(args.weights);
    for (u32 s = 0; s < Plan::kStages; ++s) {
      ptx::mbarrier_init(barriers + s * 8, 128 + 1); // each producer's rows, and the weights
      ptx::mbarrier_init(state.empty(s), 4);         // the warps of the consumer whose tile it is
    }
    asm volatile("st.shared.u32 [%0], 0;" ::"r"(state.failure_flag()) : "memory");
    ptx::mbarrier_init_fence();
  }
  __syncthreads();
  if constexpr (Plan::kDependentLaunch)
    ptx::grid_dependency_wait();

  const int warpgroup = __shfl_sync(~0u, int(threadIdx.x / 128), 0);
  if (warpgroup == 0) {
    ptx::registers_decrease<Plan::kProducerRegisters>();
    GroupedMatmulProducer<Plan>::run(args, stages, barriers);
    if constexpr (Plan::kDependentLaunch)
      ptx::grid_dependency_launch();
    u32 failed;
    asm volatile("ld.volatile.shared.u32 %0, [%1];" : "=r"(failed) : "r"(state.failure_flag()));
    if (failed)
      ptx::trap();
  } else {
    ptx::registers_increase<Plan::kConsumerRegisters>();
    GroupedMatmulConsumer<Plan, Epilogue> consumer;
    consumer.run(args, stages, barriers, warpgroup - 1);
  }
}

} // namespace moe
