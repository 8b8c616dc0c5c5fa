// The producers of the Hopper grouped matmul: warpgroup 0 walks the block's tiles, asks the copy
// engine for weight tiles and for contiguous rows, copies gathered rows through cp.async, and hands
// each tile to the consumers.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_args.cuh"
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/scheduler/progress.cuh"
#include "moe/tile/pipeline.cuh"
#include "moe/tile/row_producer.cuh"
#include "moe/tile/weight_boxes.cuh"
#include "moe/tile/weight_policy.cuh"

namespace moe {

template <class Plan>
class GroupedMatmulProducer {
  using State = PipelineState<Plan::kStages, Plan::kCluster>;
  /// A tile is handed over some steps after its loads have begun, so that they do not wait for the
  /// stores of the tile that had its slot; before the consumers want it.
  static constexpr int kPublishStep = min_of(max_of(Plan::kStages - 3, 0), Plan::kSteps - 1);
  /// The steps during which the next tile becomes known: a drawn one has arrived by the first, what
  /// the map has of its band by the second, and its entry by the third, where its routes are asked
  /// for.
  static constexpr int kReceiveStep = Plan::kDynamic ? min_of(3, Plan::kSteps - 1) : 0;
  static constexpr int kLocateStep = min_of(kReceiveStep + 2, Plan::kSteps - 1);
  static constexpr int kPrefetchStep =
      min_of(max_of(kPublishStep, kLocateStep + 1) + 1, Plan::kSteps - 1);
  static constexpr int kReportStep =
      Plan::kReports ? ProgressReport<Plan>::kStep : Plan::kSteps - 1;

  /// The next of these steps behind `step`. A K step has one question to ask, not one for each.
  MOE_DEVICE static int next_event(int step) {
    constexpr int kEvents[] = {kReceiveStep, kLocateStep, kPublishStep, kReportStep, kPrefetchStep};
    int next = Plan::kSteps - 1;
#pragma unroll
    for (int event : kEvents)
      next = event > step ? min_of(event, next) : next;
    return next;
  }

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
    ProgressReport<Plan> report(args.progress, args.tiles, slots);
    ProgressWait<Plan> arrival;
    ComingTile next = {};
    walk.template receive<true>(next);
    walk.locate(next);
    walk.get(next);
    ProducedTile tile = next;
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
      int event = 0;
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
        if (step != event)
          continue;
        event = next_event(step);
        if (step == 0)
          walk.draw();
        if (step == kReceiveStep)
          walk.template receive<false>(next);
        if (step == kLocateStep)
          walk.locate(next);
        if (step == kPublishStep) {
          slots.wait_empty();
          rows.put_targets(slots.target(0));
          publish(slots, tile);
        }
        if (step == kReportStep)
          report.count(tile, slots);
        if (step == kPrefetchStep) {
          walk.get(next);
          rows.prefetch_routes(next);
        }
        if (step == Plan::kSteps - 1)
          rows.prefetch_weights();
      }
      if constexpr (Plan::kLendsStage) { // left to the consumers
        state.wait_empty();
        if (!Plan::kRowBoxes || leader)
          ptx::mbarrier_arrive(state.full());
        if (!Plan::kRowBoxes && threadIdx.x == 0)
          ptx::mbarrier_arrive(state.full());
        state.advance();
      }
      tile = next;
    }
    // All is asked for. Once both slots are empty the last tiles have been stored, so that who looks
    // for failed waits then sees theirs, too.
    constexpr int kEndMarks = 2 / Plan::kStripStride; // one for each walk of slots
    for (int end = 0; end < 2; ++end) {
      if (Plan::kDependentLaunch && !Plan::kReports && end == 1)
        ptx::grid_dependency_launch();
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
    const Tile plain = tile.plain();
    const int column_tile = plain.column_tile, k = step * Plan::kBlockK;
    const u32 shared = at + Plan::kRowTileBytes;
    const bool any = Plan::kColumnTiles % Plan::kCluster == 0 || column_tile < Plan::kColumnTiles;
    ptx::mbarrier_arrive_expect(barrier, (any ? Plan::kWeightTileBytes : 0) + row_bytes);
    if (!any)
      return;
    const WeightBoxes<Plan> boxes{args.weights, args.up_weights, plain.expert,
                                  column_tile * Plan::kTileColumns};
    if (Plan::kCluster == 2 && tile.shares_weights()) {
      constexpr int kOwn = Plan::kBoxes / 2; // each brings half of the boxes for both
      const int first = int(ptx::cluster_rank()) * kOwn;
#pragma unroll
      for (int i = 0; i < kOwn; ++i)
        boxes.load_for_both(shared, barrier, first + i, k, policy);
      return;
    }
#pragma unroll
    for (int i = 0; i < Plan::kBoxes; ++i)
      boxes.load(shared, barrier, i, k, policy);
  }
};

} // namespace moe
