// Grouped matmul for Hopper (sm_90a): persistent blocks, warp-specialised, wgmma from shared
// memory.
//
// Warpgroup 0 produces: its warps ask the copy engine for weight tiles and for contiguous rows, and
// copy gathered rows through cp.async. Warpgroups 1 and 2 consume: ping-pong ones take whole tiles
// in turn, so that one stores while the other multiplies; cooperating ones share each tile, which
// doubles the tile that their accumulators hold and so saves loads.
#pragma once
#include "moe/epilogue/fragment_store.cuh"
#include "moe/ptx/misc.cuh"
#include "moe/ptx/tma.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/ptx/wgmma.cuh"
#include "moe/scheduler/progress.cuh"
#include "moe/tile/early_weights.cuh"
#include "moe/tile/pipeline.cuh"
#include "moe/tile/row_producer.cuh"
#include "moe/tile/weight_policy.cuh"

namespace moe {

template <class Plan>
struct GroupedMatmulWgmmaArgs {
  const typename Plan::Element *rows; ///< gathered rows: x [T, K]
  const TensorMap *row_map;           ///< contiguous rows: (K, R), box (64, Plan::kRowBox)
  const i32 *routes;                  ///< [R]; gathered rows and weighted stores read it
  const int4 *tiles;                  ///< map for kBlockM * kCluster rows; entry 0's .w counts
  u32 *tickets;                       ///< kDynamic: zero at launch, this matmul's alone
  u32 *progress;                      ///< kReports: [kProgressWords], zero at launch
  const u32 *awaited;                 ///< kEarlyStart: `progress` of the matmul before
  const int4 *awaited_tiles;          ///< kEarlyStart: `tiles` of the matmul before
  const TensorMap *weights;           ///< (K, columns, E), box (64, Plan::kBoxRows, 1)
  const TensorMap *up_weights;        ///< gated forms: the same for up
  int early_rows;                     ///< kEarlyExperts: R, the rows of all experts
  StoreTarget<Plan> store;
};

template <class Plan>
class GroupedMatmulProducer {
  using State = PipelineState<Plan::kStages, Plan::kCluster>;
  /// A tile is handed over some steps after its loads have begun, so that they do not wait for the
  /// stores of the tile that had its slot; before the consumers want it.
  static constexpr int kPublishStep = min_of(max_of(Plan::kStages - 3, 0), Plan::kSteps - 1);
  /// The step during which the next tile becomes known: a drawn one has arrived by then.
  static constexpr int kTakeStep = Plan::kDynamic ? min_of(3, Plan::kSteps - 1) : 0;
  /// The step during which the next tile's routes are asked for: its map entry has arrived by then.
  static constexpr int kPrefetchStep =
      min_of(max_of(kPublishStep, kTakeStep + 1) + 1, Plan::kSteps - 1);

  /// The producers' warps. One thread asks for a box in about 80 clocks, one of each for four
  /// boxes.
  static constexpr u32 kWarps = 4;

public:
  /// Arrivals that fill a stage: each warp's requests, or that for the weights and each thread's
  /// rows. A warp that has nothing to ask for arrives as well, or the ring could turn under it.
  static constexpr u32 kArrivals = Plan::kRowBoxes ? kWarps : 1 + 128;

  MOE_DEVICE static void run(const GroupedMatmulWgmmaArgs<Plan> &args, u32 stages, u32 barriers) {
    State state{barriers};
    const bool leader = threadIdx.x % 32 == 0;
    TileSlots<Plan> slots(barriers);
    RowProducer<Plan> rows(
        args.rows, Plan::kRowSource == RowSource::gathered ? args.routes : args.store.routes,
        args.store.routing_weights, slots.slots + 2 * Plan::kSlotBytes);
    const u64 policy = create_weight_policy<Plan>();
    TileWalk<Plan> walk(args.tiles, args.tickets, slots.drawn());
    ProgressReport<Plan> report(args.progress, args.tiles);
    ProgressWait<Plan> arrival;
    ProducedTile tile = walk.template take<true>();
    rows.prefetch_routes(tile);
    rows.prefetch_weights();
    if (Plan::kEarlyExperts != 0 && threadIdx.x == 0)
      ptx::st_shared_4(slots.known_tile(), 1);
#pragma unroll 1
    while (true) {
      tile.rows = __shfl_sync(~0u, tile.rows, 0); // tells the compiler that it is uniform
      if (tile.rows < 0)
        break;
      rows.start(tile);
      ProducedTile next;
#pragma unroll 1
      for (int step = 0; step < Plan::kSteps; ++step) {
        state.wait_empty();
        const u32 at = stages + state.stage * Plan::kStageBytes;
        if constexpr (Plan::kRowBoxes) {
          if (leader)
            load_boxes(args, at, state, tile, step, policy, arrival);
          __syncwarp(); // lanes that go ahead could sleep while the ring turns twice under them
        } else {
          if (threadIdx.x == step % kWarps * 32) // warps take turns, for an even load
            load_weights(args, at, state.full(), tile, step, policy, 0);
          rows.load(at, step);
          ptx::mbarrier_arrive_cp_async(state.full());
        }
        state.advance();
        if (step == 0)
          walk.draw();
        if (step == kTakeStep)
          next = walk.template take<false>();
        if (step == kPublishStep) {
          slots.wait_empty();
          rows.put_targets(slots.target(0));
          publish(slots, tile);
        }
        if (step == ProgressReport<Plan>::kStep)
          report.count(tile, slots);
        if (step == kPrefetchStep)
          rows.prefetch_routes(next);
        if (step == Plan::kSteps - 1)
          rows.prefetch_weights();
      }
      if constexpr (Plan::kStaged) { // left to the consumers
        state.wait_empty();
        if (!Plan::kRowBoxes || leader)
          ptx::mbarrier_arrive(state.full());
        if (!Plan::kRowBoxes && threadIdx.x == 0)
          ptx::mbarrier_arrive(state.full());
        state.advance();
      }
      tile = next;
    }
    constexpr int kEndMarks = 2 / Plan::kStripStride; // one for each walk of slots
    for (int end = 0; end < (Plan::kReports ? 2 : kEndMarks); ++end) {
      slots.wait_empty();
      if (end < kEndMarks)
        publish(slots, tile);
    }
    report.finish();
  }

private:
  MOE_DEVICE static void publish(TileSlots<Plan> &slots, const ProducedTile &tile) {
    if (threadIdx.x == 0)
      slots.put(tile.plain());
    ptx::mbarrier_arrive(slots.full());
    slots.advance();
  }
  /// This warp's boxes of a K step into the stage at `at`: every fourth of the rows, and the last
  /// warp, which has the fewest, those of the weights.
  MOE_DEVICE static void load_boxes(const GroupedMatmulWgmmaArgs<Plan> &args, u32 at,
                                    const State &state, const ProducedTile &tile, int step,
                                    u64 policy, ProgressWait<Plan> &arrival) {
    constexpr int kBytes = Plan::kRowBox * 128;
    const u32 warp = threadIdx.x / 32;
    const u32 all = (u32(tile.rows) + Plan::kRowBox - 1) / Plan::kRowBox;
    const u32 boxes = (all + kWarps - 1 - warp) / kWarps;
    if (warp == kWarps - 1)
      load_weights(args, at, state.full(), tile, step, policy, boxes * kBytes);
    else
      ptx::mbarrier_arrive_expect(state.full(), boxes * kBytes);
    if (step == 0)
      arrival.wait(args.awaited, args.awaited_tiles, tile, state.failure_flag());
#pragma unroll // a loop would take registers that producers lack, or as long as a step's products
    for (u32 i = 0; i < u32(ceil_div(Plan::kBlockM, Plan::kRowBox * kWarps)); ++i) {
      if (i == boxes)
        break;
      const u32 box = i * kWarps + warp;
      ptx::tma_load_2d(at + box * kBytes, args.row_map, state.full(), step * Plan::kBlockK,
                       tile.row_begin + int(box) * Plan::kRowBox);
    }
  }
  /// `row_bytes`: what else the copy engine brings for the step.
  MOE_DEVICE static void load_weights(const GroupedMatmulWgmmaArgs<Plan> &args, u32 at, u32 barrier,
                                      const ProducedTile &tile, int step, u64 policy,
                                      u32 row_bytes) {
    const int column_tile = tile.plain().column_tile;
    const int k = step * Plan::kBlockK, column = column_tile * Plan::kTileColumns;
    const u32 shared = at + Plan::kRowTileBytes;
    constexpr u32 kHalf = Plan::kWeightTileBytes / 2;
    const bool any = Plan::kColumnTiles % Plan::kCluster == 0 || column_tile < Plan::kColumnTiles;
    ptx::mbarrier_arrive_expect(barrier, (any ? Plan::kWeightTileBytes : 0) + row_bytes);
    if (!any)
      return;
    // The second box: up, or the other half of the columns.
    const TensorMap *second = Plan::kGated ? args.up_weights : args.weights;
    const int second_column = Plan::kGated ? column : column + Plan::kBoxRows;
    if (Plan::kCluster == 2 && tile.shares_weights()) {
      constexpr u16 kBoth = 3;
      const u32 rank = ptx::cluster_rank(); // each brings one box for both
      ptx::tma_load_3d_multicast(shared + rank * kHalf, rank ? second : args.weights, barrier, k,
                                 rank ? second_column : column, tile.expert, kBoth, policy);
      return;
    }
    ptx::tma_load_3d(shared, args.weights, barrier, k, column, tile.expert, policy);
    if constexpr (Plan::kBoxRows < Plan::kBlockN)
      ptx::tma_load_3d(shared + kHalf, second, barrier, k, second_column, tile.expert, policy);
  }
};

template <class Plan, class Epilogue>
class GroupedMatmulConsumer {
  using State = PipelineState<Plan::kStages, Plan::kCluster>;
  static constexpr bool kPingPong = !Plan::kCooperative;
  static constexpr int kStripBytes = 64 * 128;
  /// Steps by which the first of cooperating consumers leads, so that one multiplies while the
  /// other stores (0: none, the leader could get a tile ahead).
  static constexpr int kLead = !kPingPong && Plan::kSteps > Plan::kStages + 2 ? 2 : 0;
  float acc_[Plan::kStrips][Plan::kMmaN / 2];
  u32 last_ = 0;  ///< the stage whose products may still be under way
  u32 strip_ = 0; ///< first strip: 1 for the second of cooperating consumers

  /// One K step of the first kActive strips of each part over kN columns, as one committed group, as
  /// soon as its stage is full.
  template <int kActive, int kN>
  MOE_DEVICE void issue(State &state, u32 stages, int step) {
    using Mma = ptx::WgmmaM64K64<typename Plan::Element, kN>;
    constexpr u32 kStride = Plan::kStripStride * kStripBytes;
    const u32 rows = stages + state.stage * Plan::kStageBytes, weights = rows + Plan::kRowTileBytes;
    u32 a = ptx::wgmma_descriptor((Plan::kSwapped ? weights : rows) + strip_ * kStripBytes);
    u32 b = ptx::wgmma_descriptor(Plan::kSwapped ? rows : weights);
    ptx::make_here(a);
    ptx::make_here(b);
    state.wait_full();
    ptx::wgmma_fence();
#pragma unroll
    for (int s = 0; s < Plan::kStrips; ++s)
      if (s % Plan::kPartStrips < kActive)
        Mma::run(reinterpret_cast<float(&)[kN / 2]>(acc_[s]), a + ((s * kStride) >> 4), b, step != 0);
    ptx::wgmma_commit();
  }

  /// Swapped operands: over the narrowest of kFirst, kFirst + kTokenStep, ... kLast columns that
  /// hold `rows` tokens. Each width is an instruction of its own, which names its accumulators.
  template <int kFirst, int kLast>
  MOE_DEVICE void issue_tokens(State &state, u32 stages, int step, int rows) {
    if constexpr (kFirst == kLast) {
      if constexpr (Plan::kFewStrips != 0 && kLast == Plan::kBlockM)
        if (rows > Plan::kBlockM)
          return issue<Plan::kFewStrips, kLast>(state, stages, step);
      issue<Plan::kPartStrips, kLast>(state, stages, step);
    } else {
      constexpr int kMiddle = kFirst + (kLast - kFirst) / Plan::kTokenStep / 2 * Plan::kTokenStep;
      if (rows <= kMiddle)
        issue_tokens<kFirst, kMiddle>(state, stages, step, rows);
      else
        issue_tokens<kMiddle + Plan::kTokenStep, kLast>(state, stages, step, rows);
    }
  }
  /// The rows for `multiply_tile`: where kN leaves a consumer fewer strips of the last column tile,
  /// none or more than there can be, so that a K step has nothing else to ask. Few strips are
  /// multiplied over all token columns: another set of widths would be much to compile. Tiles of
  /// fewer rows wait for their weights, and gain nothing (RESULTS.md, step 49).
  MOE_DEVICE int multiplied_rows(const Tile &tile) const {
    if (!Plan::kShortLastTile || tile.column_tile != Plan::kColumnTiles - 1 ||
        tile.rows <= Plan::kBlockM * 3 / 4)
      return tile.rows;
    const int strips = strip_ == 0 ? Plan::last_strips(0) : Plan::last_strips(1);
    return strips == Plan::kPartStrips ? tile.rows : strips == 0 ? 0 : Plan::kBlockM + 1;
  }
  /// Rows as strips: those of the first kActive that begin below `rows`. Cooperating consumers may
  /// have none.
  template <int kActive>
  MOE_DEVICE void issue_strips(State &state, u32 stages, int step, int rows) {
    constexpr int kLeast = kPingPong ? 1 : 0;
    if constexpr (kActive == 0) {
      state.wait_full();
    } else if (kActive == kLeast ||
               64 * ((kActive - 1) * Plan::kStripStride + int(strip_)) < rows) {
      issue<kActive, Plan::kMmaN>(state, stages, step);
    } else {
      issue_strips<kActive - 1>(state, stages, step, rows);
    }
  }

  /// All K steps of a tile; a stage is released when the group after its own has been issued.
  ///
  /// What is multiplied is told apart inside the loop, since a loop for each width takes the
  /// compiler a fifth to two thirds longer; and before the wait for data, after which branches would
  /// cost time.
  MOE_DEVICE void multiply_tile(State &state, u32 stages, int rows) {
#pragma unroll 1
    for (int step = 0; step < Plan::kSteps; ++step) {
      if ((Plan::kCluster > 1 || Plan::kShortLastTile) && rows == 0)
        state.wait_full(); // nothing but stages, for which others wait
      else if constexpr (Plan::kSwapped)
        issue_tokens<Plan::kLeastTokens, Plan::kBlockM>(state, stages, step, rows);
      else
        issue_strips<Plan::kStrips>(state, stages, step, rows);
      if (step != 0) {
        ptx::wgmma_wait<1>();
        state.release(last_);
      }
      last_ = state.stage;
      state.advance();
      if constexpr (kLead != 0)
        if (step == kLead - 1 && strip_ == 0)
          ptx::barrier_arrive(1, 256);
    }
  }

public:
  MOE_DEVICE void run(const GroupedMatmulWgmmaArgs<Plan> &args, u32 stages, u32 barriers,
                      int consumer) {
    State state{barriers};
    TileSlots<Plan> slots(barriers);
    const bool leader = threadIdx.x % 32 == 0;
    if constexpr (kPingPong) {
      // Named barriers 1 and 2 pass the tensor cores from one consumer to the other.
      if (consumer == 1) {
        state.skip(Plan::kSteps);
        slots.advance();
        ptx::barrier_arrive(1, 256);
      }
    } else {
      strip_ = consumer;
    }
#pragma unroll 1
    while (true) {
      slots.wait_full();
      StoreTile tile{slots.get(), slots.target(0), int(strip_)};
      if (tile.rows < 0)
        break;
      if constexpr (kPingPong) {
        ptx::barrier_sync(1 + consumer, 256);
      } else if (kLead != 0 && consumer == 1) {
        ptx::barrier_sync(1, 256);
      }
      multiply_tile(state, stages, multiplied_rows(tile));
      if constexpr (kPingPong)
        ptx::barrier_arrive(2 - consumer, 256);
      ptx::wgmma_wait<0>();
      state.release(last_);
      if constexpr (Plan::kStaged)
        state.wait_full();
      FragmentStore<Plan, Epilogue>::run(acc_, args.store, tile,
                                         stages + state.stage * Plan::kStageBytes +
                                             consumer * (Plan::kStageBytes / 2));
      if constexpr (Plan::kStaged)
        ptx::proxy_fence();
      __syncwarp();
      if (leader)
        ptx::mbarrier_arrive(slots.empty());
      if constexpr (Plan::kStaged) {
        state.release(state.stage);
        state.advance();
      }
      slots.advance();
      if constexpr (kPingPong) {
        state.skip(Plan::kSteps);
        slots.advance();
      }
    }
  }
};

/// The whole kernel: 384 threads, gridDim.x <= number of SMs, clusters of Plan::kCluster blocks,
/// Plan::kSharedBytes of dynamic shared memory at `shared`.
template <class Plan, class Epilogue>
MOE_DEVICE void grouped_matmul_wgmma(const GroupedMatmulWgmmaArgs<Plan> &args, void *shared) {
  const u32 stages = (ptx::shared_address(shared) + 1023) & ~1023u;
  const u32 barriers = stages + Plan::kStages * Plan::kStageBytes;
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
    if constexpr (Plan::kDependentLaunch && !Plan::kReports)
      ptx::grid_dependency_launch();
    u32 failed;
    asm volatile("ld.volatile.shared.u32 %0, [%1];" : "=r"(failed) : "r"(state.failure_flag()));
    if (failed)
      ptx::trap();
    if constexpr (Plan::kCluster > 1) // no block is gone while the other writes to it
      ptx::cluster_sync();
  } else {
    ptx::registers_increase<Plan::kConsumerRegisters>();
    GroupedMatmulConsumer<Plan, Epilogue> consumer;
    consumer.run(args, stages, barriers, warpgroup - 1);
    if constexpr (Plan::kCluster > 1)
      ptx::cluster_sync();
  }
}

} // namespace moe
