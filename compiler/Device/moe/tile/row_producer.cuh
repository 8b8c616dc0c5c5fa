// What the producer warpgroup of the wgmma form does about rows: copies of gathered ones, and what
// stores look up. Contiguous rows come by the copy engine.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/cp_async.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/scheduler/persistent.cuh"

namespace moe {

/// 128 threads; thread t copies 16-byte chunk t % 8 of rows t / 8, t / 8 + 16, ... of each K step
/// into the 128-byte swizzle that wgmma reads. Rows with route -1 arrive as zeros. Rows
/// beyond the tile's end repeat its last row or are left as they are: what lies there reaches only
/// its own row of results, which is never stored.
///
/// A copy is a handful of instructions without a branch of its own: the kernel is as slow as this
/// loop as soon as it takes longer than the products of a step.
///
/// What a tile needs of `routes` and `routing_weights` is loaded while the tile before it is under
/// way (thread t: rows t and t + 128), so that loads do not pause from one tile to the next.
template <class Plan>
class RowProducer {
  using Element = typename Plan::Element;
  static constexpr bool kGathered = Plan::kRowSource == RowSource::gathered;
  static constexpr bool kTargets = Plan::kStore != StoreForm::rows;
  static constexpr int kStep = 16;
  static constexpr int kCopies = int(ceil_div(Plan::kBlockM, kStep));
  static constexpr int kOwn = int(ceil_div(Plan::kBlockM, 128));
  static constexpr u32 kRowChunks = Plan::kK / kChunkElements;
  static constexpr u32 kNoRow = ~0u;
  static constexpr bool kTailK = Plan::kK % Plan::kBlockK != 0;
  /// Once a route's weight is known, nobody asks for the route: the weight takes its register.
  static constexpr bool kWeightForRoute = !kGathered && Plan::kStore == StoreForm::weighted_rows;
  static constexpr int kBarrier = TileWalk<Plan>::kBarrier;

  const Element *rows_;
  const i32 *routes_;
  const float *routing_weights_;
  u32 table_; ///< shared, kBlockM words: each gathered row's place, in 16-byte units from `rows_`
  int chunk_, first_row_, count_ = 0;
  u32 place_[kCopies]; ///< of each row that this thread copies, in 16-byte units from `rows_`
  u32 zeros_ = 0;      ///< bit i: row first_row_ + 16 i has route -1
  int route_[kOwn];
  float weight_[kWeightForRoute ? 1 : kOwn];

  MOE_DEVICE float weight(int i) const {
    if constexpr (kWeightForRoute)
      return __int_as_float(route_[i]);
    else
      return weight_[i];
  }

public:
  MOE_DEVICE RowProducer(const Element *rows, const i32 *routes, const float *routing_weights,
                         u32 table)
      : rows_(rows), routes_(routes), routing_weights_(routing_weights), table_(table),
        chunk_(threadIdx.x % 8), first_row_(threadIdx.x / 8) {}

  /// Starts loading the routes of the tile after the current one.
  MOE_DEVICE void prefetch_routes(const Tile &tile) {
    if constexpr (kGathered || kTargets) {
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
        const int row = threadIdx.x + i * 128;
        route_[i] = tile.rows > 0 ? routes_[tile.row_begin + min_of(row, tile.rows - 1)] : -1;
      }
    }
  }
  /// Starts loading the routing weights of those routes.
  MOE_DEVICE void prefetch_weights() {
    if constexpr (kTargets) {
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
        int weight = route_[i];
        ptx::replace_index(weight, routing_weights_);
        if constexpr (kWeightForRoute)
          route_[i] = weight;
        else
          weight_[i] = __int_as_float(weight);
      }
    }
  }

  /// Leaves at `targets` what stores will look up of the rows of the current tile.
  MOE_DEVICE void put_targets(u32 targets) const {
    if constexpr (kTargets) {
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
        const int row = threadIdx.x + i * 128;
        if (row >= Plan::kBlockM)
          break;
        const u32 at = targets + row * Plan::kTargetBytes;
        if constexpr (Plan::kStore == StoreForm::accumulate)
          ptx::st_shared_4(at + 4, route_[i] < 0 ? ~0u : u32(route_[i]) / Plan::kTopK);
        ptx::st_shared_f32(at, weight(i));
      }
    }
  }

  /// Begins the prefetched tile.
  MOE_DEVICE void start(const Tile &tile) {
    count_ = tile.rows;
    if constexpr (kGathered) {
      ptx::barrier_sync(kBarrier, 128); // all have read the tile before from the table
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
        const int row = threadIdx.x + i * 128;
        if (row < Plan::kBlockM)
          ptx::st_shared_4(table_ + row * 4,
                           route_[i] < 0 ? kNoRow : u32(route_[i]) / Plan::kTopK * kRowChunks);
      }
      ptx::barrier_sync(kBarrier, 128);
      zeros_ = 0;
#pragma unroll
      for (int i = 0; i < kCopies; ++i) {
        const u32 place = ptx::ld_shared_4(table_ + (first_row_ + i * kStep) * 4);
        place_[i] = place == kNoRow ? 0 : place;
        zeros_ |= place == kNoRow ? 1u << i : 0;
      }
    }
  }

  /// K step `step` of gathered rows into the row tile at shared address `tile`.
  MOE_DEVICE void load(u32 tile, int step) const {
    const int k = step * Plan::kBlockK + chunk_ * kChunkElements;
    const u32 shared = tile + swizzled_offset<8>(first_row_, chunk_);
    if ((kTailK && k >= Plan::kK) || zeros_ != 0)
      copy<true>(shared, kTailK && k >= Plan::kK ? rows_ : rows_ + k,
                 kTailK && k >= Plan::kK ? ~0u : zeros_);
    else
      copy<false>(shared, rows_ + k, 0);
  }

private:
  /// `zeros`: bit i fills row first_row_ + 16 i with zeros.
  template <bool kZeros>
  MOE_DEVICE void copy(u32 shared, const Element *from, u32 zeros) const {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      if (i * kStep >= count_)
        continue; // a predicate, the same for all; rows of no use would cost L2's bandwidth
      const void *row_chunk = ptx::address_16(from, place_[i]);
      if constexpr (kZeros)
        ptx::cp_async_16(shared + i * kStep * 128, row_chunk, zeros >> i & 1 ? 0 : 16);
      else
        ptx::cp_async_16(shared + i * kStep * 128, row_chunk);
    }
  }
};

} // namespace moe
