// The producer warpgroup's copies of row tiles, contiguous or gathered, for the wgmma form.
#pragma once
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/cp_async.cuh"
#include "moe/scheduler/persistent.cuh"

namespace moe {

/// 128 threads; thread t copies 16-byte chunk t % 8 of rows t / 8, t / 8 + 16, ... of each K step
/// into the 128-byte swizzle that wgmma reads. Rows at or beyond the tile's end are left as they
/// are: a row of garbage reaches only its own row of results, which is never stored. Gathered rows
/// with route -1 arrive as zeros.
template <class Plan>
class RowProducer {
  using Element = typename Plan::Element;
  static constexpr bool kGathered = Plan::kRowSource == RowSource::gathered;
  static constexpr int kStep = 16;
  static constexpr int kCopies = int(ceil_div(Plan::kBlockM, kStep));
  static constexpr u32 kRowChunks = Plan::kK / kChunkElements;

  const Element *rows_;
  const i32 *routes_;
  int chunk_, first_row_, count_ = 0;
  static constexpr u32 kNoRow = ~0u;
  u32 chunk_index_[kCopies]; ///< of the row's own chunk column: 16-byte units from `rows_`

public:
  MOE_DEVICE RowProducer(const Element *rows, const i32 *routes)
      : rows_(rows), routes_(routes), chunk_(threadIdx.x % 8), first_row_(threadIdx.x / 8) {}

  MOE_DEVICE void start(const Tile &tile) {
    count_ = tile.rows;
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int row = min_of(first_row_ + i * kStep, tile.rows - 1);
      int source = tile.row_begin + row;
      if constexpr (kGathered) {
        const int route = routes_[source];
        source = route < 0 ? -1 : route / Plan::kTopK;
      }
      chunk_index_[i] = source < 0 ? kNoRow : u32(source) * kRowChunks + chunk_;
    }
  }

  /// K step `step` into the row tile at shared address `tile`.
  MOE_DEVICE void load(u32 tile, int step) const {
    const bool inside =
        Plan::kK % Plan::kBlockK == 0 || step * Plan::kBlockK + chunk_ * kChunkElements < Plan::kK;
    const char *base = reinterpret_cast<const char *>(rows_) + step * (Plan::kBlockK * 2);
    const u32 shared = tile + swizzled_offset<8>(first_row_, chunk_);
#pragma unroll
    for (int i = 0; i < kCopies; ++i)
      if (first_row_ + i * kStep < count_) {
        const bool copy = inside && (!kGathered || chunk_index_[i] != kNoRow);
        ptx::cp_async_16(shared + i * kStep * 128,
                         copy ? base + u64(chunk_index_[i]) * kChunkBytes : base, copy ? 16 : 0);
      }
  }
};

} // namespace moe
