// Global to shared copies of the left operand's row tile, contiguous or gathered.
#pragma once
#include "moe/kernels/grouped_matmul_policy.cuh"
#include "moe/ptx/cp_async.cuh"

namespace moe {

/// Each thread owns one 16-byte chunk column of every kStep-th row. Rows at or beyond the tile's
/// end, routes < 0 and chunks beyond K arrive as zeros and touch no memory.
template <class Plan>
class RowLoader {
  using Element = typename Plan::Element;
  static constexpr bool kGathered = Plan::kRowSource == RowSource::gathered;
  static constexpr int kChunks = Plan::kBlockK / kChunkElements;
  static constexpr int kStep = Plan::kThreads / kChunks;
  static constexpr int kCopies = int(ceil_div(Plan::kBlockM, kStep));
  static constexpr u32 kRowBytes = Plan::kK * sizeof(Element);

  const char *source_; // chunk column of the first row (contiguous) or of x (gathered)
  int first_row_, rows_, shared_;
  bool tail_; // this chunk column exists in the last K step
  int token_[kGathered ? kCopies : 1];

  MOE_DEVICE static int token_of(int route) { return route < 0 ? -1 : route / Plan::kTopK; }

public:
  MOE_DEVICE RowLoader(const Element *rows, const i32 *routes, int row_begin, int row_count)
      : rows_(row_count) {
    const int chunk = threadIdx.x % kChunks;
    first_row_ = threadIdx.x / kChunks;
    shared_ = swizzled_offset<kChunks>(first_row_, chunk);
    tail_ = (Plan::kSteps - 1) * Plan::kBlockK + chunk * kChunkElements < Plan::kK;
    source_ = reinterpret_cast<const char *>(rows) + chunk * kChunkBytes;
    if constexpr (kGathered) {
#pragma unroll
      for (int i = 0; i < kCopies; ++i) {
        const int row = first_row_ + i * kStep;
        if (row >= rows_)
          token_[i] = -1;
        else if constexpr (Plan::kEarlyExperts != 0)
          token_[i] = 0; // the only one, before its routes are there
        else
          token_[i] = token_of(routes[row_begin + row]);
      }
    } else {
      source_ += i64(row_begin + first_row_) * kRowBytes;
    }
  }

  /// Issues part kPart of kParts of K step `step` into the row tile at shared address `tile`.
  template <int kPart, int kParts>
  MOE_DEVICE void load(u32 tile, int step) const {
    const bool inside = !Plan::kTailK || step + 1 < Plan::kSteps || tail_;
    const char *source = source_ + i64(step) * (Plan::kBlockK * sizeof(Element));
#pragma unroll
    for (int i = kCopies * kPart / kParts; i < kCopies * (kPart + 1) / kParts; ++i) {
      if (Plan::kBlockM % kStep != 0 && first_row_ + i * kStep >= Plan::kBlockM)
        break;
      const u32 shared = tile + strided_offset<kChunks, kStep>(shared_, i);
      if constexpr (kGathered) {
        const bool copy = inside && token_[i] >= 0;
        ptx::cp_async_16(shared, source + u64(u32(token_[i])) * kRowBytes, copy ? 16 : 0);
      } else {
        const bool copy = inside && first_row_ + i * kStep < rows_;
        ptx::cp_async_16(shared, source + i64(i) * kStep * kRowBytes, copy ? 16 : 0);
      }
    }
  }
};

} // namespace moe
