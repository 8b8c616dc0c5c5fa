// The consumers of the Hopper grouped matmul: warpgroups 1 and 2 multiply what lies in the ring and
// store. Ping-pong ones take whole tiles in turn, so that one stores while the other multiplies;
// cooperating ones share each tile, which doubles the tile that their accumulators hold and so
// saves loads.
#pragma once
#include "moe/epilogue/fragment_store.cuh"
#include "moe/kernels/grouped_matmul_wgmma_args.cuh"
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/ptx/wgmma.cuh"
#include "moe/scheduler/persistent.cuh"
#include "moe/tile/pipeline.cuh"

namespace moe {

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

  /// One K step of the first kActive strips of each part over kN columns, as one committed group,
  /// as soon as its stage is full.
  template <int kActive, int kN>
  MOE_DEVICE void issue(State &state, u32 stages, int step) {
    using Mma = ptx::WgmmaM64K64<typename Plan::Element, kN>;
    constexpr u32 kStride = Plan::kStripStride * kStripBytes;
    const u32 rows = stages + state.stage * Plan::kStageBytes, weights = rows + Plan::kRowTileBytes;
    constexpr bool kTurnA = Plan::kTransposed && Plan::kSwapped;
    constexpr bool kTurnB = Plan::kTransposed && !Plan::kSwapped;
    u32 a = ptx::wgmma_descriptor<kTurnA>((Plan::kSwapped ? weights : rows) + strip_ * kStripBytes);
    u32 b = ptx::wgmma_descriptor<kTurnB>(Plan::kSwapped ? rows : weights);
    ptx::make_here(a);
    ptx::make_here(b);
    state.wait_full();
    ptx::wgmma_fence();
#pragma unroll
    for (int s = 0; s < Plan::kStrips; ++s)
      if (s % Plan::kPartStrips < kActive)
        Mma::template run<kTurnA, kTurnB>(reinterpret_cast<float(&)[kN / 2]>(acc_[s]),
                                          a + ((s * kStride) >> 4), b, step != 0);
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
  /// fewer rows wait for their weights, and gain nothing (STEPS.md, step 49).
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

  /// All K steps of a tile. A stage is released when the group after its own has been issued, so
  /// that the tensor cores never wait; of a stream (Plan::is_stream) as soon as it is multiplied.
  ///
  /// What is multiplied is told apart inside the loop, since a loop for each width takes the
  /// compiler a fifth to two thirds longer; and before the wait for data, after which branches
  /// would cost time.
  MOE_DEVICE void multiply_tile(State &state, u32 stages, int rows) {
#pragma unroll 1
    for (int step = 0; step < Plan::kSteps; ++step) {
      if ((Plan::kCluster > 1 || Plan::kShortLastTile) && rows == 0)
        state.wait_full(); // nothing but stages, for which others wait
      else if constexpr (Plan::kSwapped)
        issue_tokens<Plan::kLeastTokens, Plan::kBlockM>(state, stages, step, rows);
      else
        issue_strips<Plan::kStrips>(state, stages, step, rows);
      if (Plan::is_stream(rows)) {
        ptx::wgmma_wait<0>();
        state.release(state.stage);
      } else if (step != 0) {
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
      const int rows = multiplied_rows(tile);
      multiply_tile(state, stages, rows);
      if constexpr (kPingPong)
        ptx::barrier_arrive(2 - consumer, 256);
      ptx::wgmma_wait<0>();
      if (!Plan::is_stream(rows))
        state.release(last_);
      if constexpr (Plan::kLendsStage)
        state.wait_full();
      const u32 staging =
          Plan::kLendsStage
              ? stages + state.stage * Plan::kStageBytes + consumer * (Plan::kStageBytes / 2)
              : stages + Plan::kStages * Plan::kStageBytes + consumer * Plan::kStagingBytes;
      FragmentStore<Plan, Epilogue>::run(acc_, args.store, tile, staging);
      if constexpr (Plan::kLendsStage)
        ptx::proxy_fence();
      __syncwarp();
      if (leader)
        ptx::mbarrier_arrive(slots.empty());
      if constexpr (Plan::kLendsStage) {
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

} // namespace moe
