// Combine: y[t] = sum over slots s of weights[t,s] * rows[positions[t,s]] in slot order, f32, one
// rounding. Bound by memory: a thread keeps the vectors of several slots in flight.
#pragma once

#include "moe/kernels/rows.cuh"

namespace moe {

/// What L2 keeps or discards.
inline constexpr int kLineBytes = 128, kLineVectors = kLineBytes / 16;

/// What `combine` is compiled for. kWeighted: multiply by the routing weights here (else the rows
/// carry them already). kEarlyPositions: positions are read before the grid before this one has
/// ended, which has waited for what made them. kDiscardTokens: of up to so many tokens, whose rows L2
/// holds, rows are discarded there once they have been read, and need not be written to memory;
/// 0: never. kSlotsInFlight: loads of a thread before the first sum. kMinBlocks goes to
/// __launch_bounds__ with kThreads.
template <class T_, int kHidden_, int kTopK_, bool kWeighted_, int kThreads_ = 128,
          int kPerThread_ = 1, bool kEarlyPositions_ = false, int kDiscardTokens_ = 0,
          int kSlotsInFlight_ = min_of(kTopK_, 8), int kMinBlocks_ = 1024 / kThreads_>
struct CombineConfig {
  using T = T_;
  static constexpr int kHidden = kHidden_, kTopK = kTopK_, kSlotsInFlight = kSlotsInFlight_;
  static constexpr bool kWeighted = kWeighted_, kEarlyPositions = kEarlyPositions_;
  static constexpr int kDiscardTokens = kDiscardTokens_;
  static constexpr int kThreads = kThreads_, kPerThread = kPerThread_, kMinBlocks = kMinBlocks_;
  using Walk = RowWalk<T, kHidden, kThreads, kPerThread>;
  static_assert(kTopK >= 1, "combine: at least one slot");
  static_assert(kDiscardTokens == 0 || kHidden * int(sizeof(T)) % kLineBytes == 0,
                "combine: rows that are discarded are whole lines");
  static_assert(kSlotsInFlight >= 1 && kSlotsInFlight <= 16,
                "combine: 1 to 16 slots in flight");
};

/// kCount neighbours from `from`, four at a time where kAligned says that they are so aligned;
/// kFromL2: as other blocks have written them, whatever this multiprocessor's first-level cache has.
template <int kCount, bool kAligned, bool kFromL2 = false, class T>
MOE_DEVICE void load_neighbours(const T *from, T (&values)[kCount]) {
  static_assert(!kFromL2 || is_same<T, int>, "what other kernels write early are numbers");
  struct alignas(kAligned ? 16 : 4) Piece {
    T values[kAligned ? 4 : 1];
  };
  constexpr int kWidth = kAligned ? 4 : 1;
#pragma unroll
  for (int i = 0; i < kCount; i += kWidth) {
    if constexpr (kFromL2 && kAligned) {
      const uint4 four = ptx::ld_relaxed_gpu_16(from + i);
      values[i] = four.x, values[i + 1] = four.y, values[i + 2] = four.z, values[i + 3] = four.w;
    } else if constexpr (kFromL2) {
      values[i] = ptx::ld_relaxed_gpu(reinterpret_cast<const u32 *>(from) + i);
    } else {
      const Piece piece = *reinterpret_cast<const Piece *>(from + i);
#pragma unroll
      for (int j = 0; j < kWidth; ++j)
        values[i + j] = piece.values[j];
    }
  }
}

/// The rows of one token's slots.
template <class Combine> struct SlotRows {
  static constexpr int kTopK = Combine::kTopK;
  int taken[kTopK];

  /// `positions` start at the token's.
  MOE_DEVICE void load(const int *positions) {
    load_neighbours<kTopK, kTopK % 4 == 0, Combine::kEarlyPositions>(positions, taken);
  }
};

/// What is discarded of one token's rows: the eight lanes whose vectors are a line of each row take
/// a slot each, and the next eight slots after that.
template <class Combine>
class RowLines {
  static constexpr int kTopK = Combine::kTopK;
  static constexpr int kOwn = int(ceil_div(kTopK, kLineVectors));
  int taken_[kOwn];

public:
  /// `positions` start at the token's.
  MOE_DEVICE void load(const int *positions) {
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const int slot = int(threadIdx.x) % kLineVectors + i * kLineVectors;
      int row[1] = {-1};
      if (slot < kTopK)
        load_neighbours<1, false, Combine::kEarlyPositions>(positions + slot, row);
      taken_[i] = row[0];
    }
  }
  /// Once the eight lanes have read what they want of their line, which holds vector `vector`.
  MOE_DEVICE void discard(const typename Combine::T *rows, int vector) const {
    __syncwarp(((1u << kLineVectors) - 1) << threadIdx.x % 32 / kLineVectors * kLineVectors);
#pragma unroll
    for (int i = 0; i < kOwn; ++i)
      if (taken_[i] >= 0)
        ptx::discard_line(row_vector<typename Combine::T, Combine::kHidden>(
            rows, taken_[i], vector / kLineVectors * kLineVectors));
  }
};

/// Adds the slots from kFirst to kFirst + kSlots of one token's vector.
template <class Combine, int kFirst, int kSlots>
MOE_DEVICE void add_slots(const typename Combine::T *rows, const SlotRows<Combine> &slot_rows,
                          const float *weights, int vector,
                          float (&sum)[Vector16<typename Combine::T>::kElements]) {
  using T = typename Combine::T;
  using Vector = Vector16<T>;
  constexpr bool kAligned = Combine::kTopK % 4 == 0 && kFirst % 4 == 0 && kSlots % 4 == 0;
  const int(&taken)[Combine::kTopK] = slot_rows.taken;
  float scales[kSlots];
  uint4 slots[kSlots];
  if constexpr (Combine::kWeighted)
    load_neighbours<kSlots, kAligned>(weights + kFirst, scales);
  // A slot without a row loads row 0 and is masked to zero: predicates would let the compiler
  // string the loads out, one at a time.
#pragma unroll
  for (int i = 0; i < kSlots; ++i) {
    const T *from = row_vector<T, Combine::kHidden>(rows, max(taken[kFirst + i], 0), vector);
    slots[i] = Combine::kDiscardTokens > 0 ? ptx::ld_global_stream_16(from)
                                           : ptx::ld_global_nc_stream_16(from);
  }
#pragma unroll
  for (int i = 0; i < kSlots; ++i) {
    const bool present = taken[kFirst + i] >= 0;
    float values[Vector::kElements];
    Vector::unpack(present ? slots[i] : uint4{0, 0, 0, 0}, values);
    const float scale = Combine::kWeighted ? (present ? scales[i] : 0.0f) : 1.0f;
#pragma unroll
    for (int j = 0; j < Vector::kElements; ++j)
      sum[j] = fmaf(scale, values[j], sum[j]);
  }
  if constexpr (kFirst + kSlots < Combine::kTopK)
    add_slots<Combine, kFirst + kSlots,
              min_of(Combine::kSlotsInFlight, Combine::kTopK - kFirst - kSlots)>(
        rows, slot_rows, weights, vector, sum);
}

/// The weighted sum of one token's vector; `weights` start at the token's.
template <class Combine>
MOE_DEVICE uint4 combine_vector(const typename Combine::T *rows, const SlotRows<Combine> &slot_rows,
                                const float *weights, int vector) {
  using Vector = Vector16<typename Combine::T>;
  float sum[Vector::kElements] = {};
  add_slots<Combine, 0, min_of(Combine::kSlotsInFlight, Combine::kTopK)>(rows, slot_rows, weights,
                                                                         vector, sum);
  return Vector::pack(sum);
}

/// Kernel body. Grid row_walk_grid(tokens, Walk::kVectors, Walk::kTile), block kThreads, no dynamic
/// shared memory. rows T [R,H], positions i32 [tokens,k] (-1: no row), weights f32 [tokens,k] (null
/// unless kWeighted), output T [tokens,H]; all 16-byte aligned. With kDiscardTokens rows are 128-byte
/// aligned, no two positions name the same one, and those that are named are undefined afterwards.
/// The caller's __launch_bounds__ must name kMinBlocks: without it ptxas aims at 32 registers and
/// keeps two loads in flight, not eight.
template <class Combine>
MOE_DEVICE void combine(const typename Combine::T *rows, const int *positions, const float *weights,
                        typename Combine::T *output, int tokens) {
  using T = typename Combine::T;
  constexpr int kTopK = Combine::kTopK, kPerThread = Combine::kPerThread;
  constexpr bool kEarly = Combine::kEarlyPositions;
  const bool discards = Combine::kDiscardTokens > 0 && tokens <= Combine::kDiscardTokens;
  const typename Combine::Walk walk;
  SlotRows<Combine> slot_rows[kPerThread];
  RowLines<Combine> lines[kPerThread];
  const auto load_rows = [&](int i, i64 token) {
    slot_rows[i].load(positions + token * kTopK);
    if (discards)
      lines[i].load(positions + token * kTopK);
  };
  if constexpr (kEarly) {
#pragma unroll
    for (int i = 0; i < kPerThread; ++i)
      if (walk.first_row + walk.row(i) < tokens)
        load_rows(i, walk.first_row + walk.row(i));
  }
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const i64 token = walk.first_row + walk.row(i);
    if (token >= tokens)
      continue;
    if constexpr (!kEarly)
      load_rows(i, token);
    ptx::st_global_16(
        row_vector<T, Combine::kHidden>(output, token, walk.vector(i)),
        combine_vector<Combine>(rows, slot_rows[i],
                                Combine::kWeighted ? weights + token * kTopK : nullptr,
                                walk.vector(i)));
    if (discards)
      lines[i].discard(rows, walk.vector(i));
  }
}

} // namespace moe
