// Combine: y[t] = sum over slots s of weights[t,s] * rows[positions[t,s]] in slot order, f32, one
// rounding. Bound by memory: a thread keeps the vectors of several slots in flight.
#pragma once

#include "moe/kernels/rows.cuh"

namespace moe {

/// What `combine` is compiled for. kWeighted: multiply by the routing weights here (else the rows
/// carry them already). kSlotsInFlight: loads of a thread before the first sum. kMinBlocks goes to
/// __launch_bounds__ with kThreads.
template <class T_, int kHidden_, int kTopK_, bool kWeighted_, int kThreads_ = 128,
          int kPerThread_ = 1, int kSlotsInFlight_ = min_of(kTopK_, 8),
          int kMinBlocks_ = 1024 / kThreads_>
struct CombineConfig {
  using T = T_;
  static constexpr int kHidden = kHidden_, kTopK = kTopK_, kSlotsInFlight = kSlotsInFlight_;
  static constexpr bool kWeighted = kWeighted_;
  static constexpr int kThreads = kThreads_, kPerThread = kPerThread_, kMinBlocks = kMinBlocks_;
  using Walk = RowWalk<T, kHidden, kThreads, kPerThread>;
  static_assert(kTopK >= 1, "combine: at least one slot");
  static_assert(kSlotsInFlight >= 1 && kSlotsInFlight <= 16,
                "combine: 1 to 16 slots in flight");
};

/// kCount neighbours from `from`, four at a time where kAligned says that they are so aligned.
template <int kCount, bool kAligned, class T>
MOE_DEVICE void load_neighbours(const T *from, T (&values)[kCount]) {
  struct alignas(kAligned ? 16 : 4) Piece {
    T values[kAligned ? 4 : 1];
  };
  constexpr int kWidth = kAligned ? 4 : 1;
#pragma unroll
  for (int i = 0; i < kCount; i += kWidth) {
    const Piece piece = *reinterpret_cast<const Piece *>(from + i);
#pragma unroll
    for (int j = 0; j < kWidth; ++j)
      values[i + j] = piece.values[j];
  }
}

/// Adds kSlots slots of one token's vector; positions and weights start at the first of them.
template <class Combine, int kSlots>
MOE_DEVICE void add_slots(const typename Combine::T *rows, const int *positions,
                          const float *weights, int vector,
                          float (&sum)[Vector16<typename Combine::T>::kElements]) {
  using T = typename Combine::T;
  using Vector = Vector16<T>;
  constexpr bool kAligned =
      Combine::kTopK % 4 == 0 && Combine::kSlotsInFlight % 4 == 0 && kSlots % 4 == 0;
  int taken[kSlots];
  float scales[kSlots];
  uint4 slots[kSlots];
  load_neighbours<kSlots, kAligned>(positions, taken);
  if constexpr (Combine::kWeighted)
    load_neighbours<kSlots, kAligned>(weights, scales);
  // A slot without a row loads row 0 and is masked to zero: predicates would let the compiler
  // string the loads out, one at a time.
#pragma unroll
  for (int i = 0; i < kSlots; ++i)
    slots[i] = ptx::ld_global_nc_stream_16(
        row_vector<T, Combine::kHidden>(rows, max(taken[i], 0), vector));
#pragma unroll
  for (int i = 0; i < kSlots; ++i) {
    const bool present = taken[i] >= 0;
    float values[Vector::kElements];
    Vector::unpack(present ? slots[i] : uint4{0, 0, 0, 0}, values);
    const float scale = Combine::kWeighted ? (present ? scales[i] : 0.0f) : 1.0f;
#pragma unroll
    for (int j = 0; j < Vector::kElements; ++j)
      sum[j] = fmaf(scale, values[j], sum[j]);
  }
}

/// The weighted sum of one token's vector.
template <class Combine>
MOE_DEVICE uint4 combine_vector(const typename Combine::T *rows, const int *positions,
                                const float *weights, i64 token, int vector) {
  using Vector = Vector16<typename Combine::T>;
  constexpr int kTopK = Combine::kTopK, kInFlight = Combine::kSlotsInFlight;
  constexpr int kWhole = kTopK / kInFlight * kInFlight;
  float sum[Vector::kElements] = {};
  positions += token * kTopK;
  weights += Combine::kWeighted ? token * kTopK : 0;
#pragma unroll
  for (int first = 0; first < kWhole; first += kInFlight)
    add_slots<Combine, kInFlight>(rows, positions + first, weights + first, vector, sum);
  if constexpr (kWhole < kTopK)
    add_slots<Combine, kTopK - kWhole>(rows, positions + kWhole, weights + kWhole, vector, sum);
  return Vector::pack(sum);
}

/// Kernel body. Grid row_walk_grid(tokens, Walk::kVectors, Walk::kTile), block kThreads, no dynamic
/// shared memory. rows T [R,H], positions i32 [tokens,k] (-1: no row), weights f32 [tokens,k] (null
/// unless kWeighted), output T [tokens,H]; all 16-byte aligned. The caller's __launch_bounds__ must
/// name kMinBlocks: without it ptxas aims at 32 registers and keeps two loads in flight, not eight.
template <class Combine>
MOE_DEVICE void combine(const typename Combine::T *rows, const int *positions, const float *weights,
                        typename Combine::T *output, int tokens) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  using T = typename Combine::T;
  const typename Combine::Walk walk;
#pragma unroll
  for (int i = 0; i < Combine::kPerThread; ++i) {
    const i64 token = walk.first_row + walk.row(i);
    if (token < tokens)
      ptx::st_global_16(
          row_vector<T, Combine::kHidden>(output, token, walk.vector(i)),
          combine_vector<Combine>(rows, positions, weights, token, walk.vector(i)));
  }
}

} // namespace moe
