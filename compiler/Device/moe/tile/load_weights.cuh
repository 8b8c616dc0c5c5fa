// Global to shared copies of the weight tile, for both storage orders and every weight form.
#pragma once
#include "moe/kernels/grouped_matmul_policy.cuh"
#include "moe/ptx/cp_async.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

/// Base of loaders: the copy with the schedule's L2 policy.
template <class Plan>
class WeightCopy {
  u64 policy_ = 0;

public:
  MOE_DEVICE WeightCopy() {
    if constexpr (Plan::kWeightPolicy == WeightPolicy::evict_first)
      policy_ = ptx::create_policy_evict_first();
  }
  MOE_DEVICE void copy(u32 shared, const void *source, bool inside) const {
    if constexpr (Plan::kWeightPolicy == WeightPolicy::evict_first)
      ptx::cp_async_16(shared, source, inside ? 16 : 0, policy_);
    else
      ptx::cp_async_16(shared, source, inside ? 16 : 0);
  }
};

/// [E, rows, K]: tile rows are weight rows, K contiguous. Each thread owns one 16-byte chunk column
/// of every kStep-th tile row. Rows beyond N and chunks beyond K arrive as zeros.
template <class Plan>
class WeightLoader : WeightCopy<Plan> {
  using Element = typename Plan::Element;
  using Map = typename Plan::RowMap;
  static constexpr int kChunks = Plan::kBlockK / kChunkElements;
  static constexpr int kStep = Plan::kThreads / kChunks;
  static constexpr int kCopies = int(ceil_div(Plan::kBlockN, kStep));
  static constexpr i64 kRowBytes = i64(Plan::kK) * sizeof(Element);
  /// A thread's rows are all gate or all up rows; else row i's part is known at compile time.
  static constexpr bool kOnePart = kStep % 16 == 0;
  static constexpr bool kTwoBases = Plan::kWeightForm == WeightForm::separate && !kOnePart;

  const char *source_[kTwoBases ? 2 : 1];
  int first_row_, columns_left_, shared_;
  bool tail_;

  /// Rows from tile row first_row_ to first_row_ + i * kStep. first_row_ < kStep and kStep is a
  /// power of two, so the map splits into a part of first_row_ and this constant.
  MOE_HOST_DEVICE static constexpr i64 row_offset(int i) {
    return Map::locate(Map::column(i * kStep), Map::part(i * kStep)).row - Map::locate(0, 0).row;
  }

public:
  MOE_DEVICE WeightLoader(const Element *weights, const Element *up_weights, int expert,
                          int column_tile) {
    const int chunk = threadIdx.x % kChunks;
    first_row_ = threadIdx.x / kChunks;
    shared_ = swizzled_offset<kChunks>(first_row_, chunk);
    tail_ = (Plan::kSteps - 1) * Plan::kBlockK + chunk * kChunkElements < Plan::kK;
    const int column = column_tile * Plan::kTileColumns + Map::column(first_row_);
    columns_left_ = Plan::kN - column;
    const WeightRow from = Map::locate(column, Map::part(first_row_));
    const i64 offset = (i64(expert) * Map::kMatrixRows + from.row) * kRowBytes + chunk * kChunkBytes;
    if constexpr (kTwoBases) {
      source_[0] = reinterpret_cast<const char *>(weights) + offset;
      source_[1] = reinterpret_cast<const char *>(up_weights) + offset;
    } else {
      source_[0] = reinterpret_cast<const char *>(from.matrix ? up_weights : weights) + offset;
    }
  }

  template <int kPart, int kParts>
  MOE_DEVICE void load(u32 tile, int step) const {
    const bool inside = !Plan::kTailK || step + 1 < Plan::kSteps || tail_;
    const i64 advance = i64(step) * (Plan::kBlockK * sizeof(Element));
#pragma unroll
    for (int i = kCopies * kPart / kParts; i < kCopies * (kPart + 1) / kParts; ++i) {
      if (Plan::kBlockN % kStep != 0 && first_row_ + i * kStep >= Plan::kBlockN)
        break;
      const bool copy = inside && (!Plan::kTailN || Map::column(i * kStep) < columns_left_);
      const char *source = source_[kTwoBases ? Map::part(i * kStep) : 0] + advance;
      this->copy(tile + strided_offset<kChunks, kStep>(shared_, i),
                 source + row_offset(i) * kRowBytes, copy);
    }
  }
};

/// [E, K, rows]: tile rows are K, the weight rows' axis is contiguous. A 16-byte chunk is eight
/// weight rows, the grain of the gate/up alternation; K-outer interleaved weights keep their order.
template <class Plan>
class TransposedWeightLoader : WeightCopy<Plan> {
  using Element = typename Plan::Element;
  using Map = typename Plan::RowMap;
  static constexpr int kChunks = Plan::kBlockN / kChunkElements;
  static constexpr int kStep = Plan::kThreads / kChunks;
  static constexpr int kCopies = int(ceil_div(Plan::kBlockK, kStep));
  static constexpr i64 kRowBytes = i64(Map::kMatrixRows) * sizeof(Element);

  const char *source_;
  int first_k_, shared_;
  bool inside_;

public:
  MOE_DEVICE TransposedWeightLoader(const Element *weights, const Element *up_weights, int expert,
                                    int column_tile) {
    const int chunk = threadIdx.x % kChunks;
    first_k_ = threadIdx.x / kChunks;
    shared_ = swizzled_offset<kChunks>(first_k_, chunk);
    WeightRow from;
    if constexpr (Plan::kAdjacentPairs) {
      from = {0, i64(column_tile) * Plan::kBlockN + chunk * kChunkElements};
      inside_ = from.row < Map::kMatrixRows;
    } else {
      const int first = chunk * kChunkElements;
      const int column = column_tile * Plan::kTileColumns + Map::column(first);
      inside_ = column < Plan::kN;
      from = Map::locate(column, Map::part(first));
    }
    const Element *matrix = from.matrix ? up_weights : weights;
    source_ = reinterpret_cast<const char *>(matrix) +
              (i64(expert) * Plan::kK + first_k_) * kRowBytes + from.row * i64(sizeof(Element));
  }

  template <int kPart, int kParts>
  MOE_DEVICE void load(u32 tile, int step) const {
    const char *source = source_ + i64(step) * (Plan::kBlockK * kRowBytes);
#pragma unroll
    for (int i = kCopies * kPart / kParts; i < kCopies * (kPart + 1) / kParts; ++i) {
      const int k = first_k_ + i * kStep;
      if (Plan::kBlockK % kStep != 0 && k >= Plan::kBlockK)
        break;
      const bool copy = (!Plan::kTailN || inside_) &&
                        (!Plan::kTailK || step * Plan::kBlockK + k < Plan::kK);
      this->copy(tile + strided_offset<kChunks, kStep>(shared_, i), source + i * kStep * kRowBytes,
                 copy);
    }
  }
};

} // namespace moe
