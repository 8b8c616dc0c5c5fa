// Combine: y[t] = sum over slots s of weights[t,s] * rows[positions[t,s]] in slot order, f32, one
// rounding. Bound by memory: a thread keeps the vectors of several slots in flight.
#pragma once

#include "moe/kernels/rows.cuh"

namespace moe {

/// What `combine` is compiled for. kWeighted: multiply by the routing weights here (else the rows
/// carry them already). kSlotsInFlight: loads of a thread before the first sum.
template <class T_, int kHidden_, int kTopK_, bool kWeighted_, int kThreads_ = 128,
          int kPerThread_ = 1, int kSlotsInFlight_ = (kTopK_ < 8 ? kTopK_ : 8)>
struct CombineConfig {
  using T = T_;
  static constexpr int kHidden = kHidden_, kTopK = kTopK_, kSlotsInFlight = kSlotsInFlight_;
  static constexpr bool kWeighted = kWeighted_;
  static constexpr int kThreads = kThreads_, kPerThread = kPerThread_;
  using Walk = RowWalk<T, kHidden, kThreads, kPerThread>;
  static_assert(kTopK >= 1, "combine: at least one slot");
  static_assert(kSlotsInFlight >= 1 && kSlotsInFlight <= 16,
                "combine: 1 to 16 slots in flight");
};

/// The weighted sum of one token's vector.
template <class Combine>
MOE_DEVICE uint4 combine_vector(const typename Combine::T *rows, const int *positions,
                                const float *weights, i64 token, int vector) {
  using T = typename Combine::T;
  using Vector = Vector16<T>;
  constexpr int kTopK = Combine::kTopK, kInFlight = Combine::kSlotsInFlight;
  float sum[Vector::kElements] = {};
#pragma unroll
  for (int first = 0; first < kTopK; first += kInFlight) {
    int taken[kInFlight];
    float scales[kInFlight];
    uint4 slots[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      const int slot = first + i;
      taken[i] = slot < kTopK ? positions[token * kTopK + slot] : -1;
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      // A slot without a row adds zero, whatever its weight holds.
      scales[i] = taken[i] >= 0 ? 1.0f : 0.0f;
      if (Combine::kWeighted && taken[i] >= 0)
        scales[i] = weights[token * kTopK + first + i];
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      slots[i] = uint4{0, 0, 0, 0};
      if (taken[i] >= 0)
        slots[i] = ptx::ld_global_nc_stream_16(
            row_vector<T, Combine::kHidden>(rows, taken[i], vector));
    }
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) {
      float values[Vector::kElements];
      Vector::unpack(slots[i], values);
#pragma unroll
      for (int j = 0; j < Vector::kElements; ++j)
        sum[j] = fmaf(scales[i], values[j], sum[j]);
    }
  }
  return Vector::pack(sum);
}

/// Kernel body. Grid row_walk_grid(tokens, Walk::kVectors, Walk::kTile), block kThreads, no dynamic
/// shared memory. rows T [R,H], positions i32 [tokens,k] (-1: no row), weights f32 [tokens,k] (null
/// unless kWeighted), output T [tokens,H]; rows and output 16-byte aligned.
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
