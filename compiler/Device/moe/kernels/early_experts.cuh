// The tile map of one token without the map: its row m belongs to the m-th of the experts that it
// chose, in order of their ids. A block of the first matmul finds its own expert from the logits
// while `route_sort` still sorts, and asks for weights that much sooner.
#pragma once
#include "moe/kernels/route.cuh"

namespace moe {

/// The `place`-th (from 0, below kTopK) of the experts that a single token chooses, by ascending
/// id. Each warp finds it by itself, in the way of `route`, so that the two never differ.
/// `logits`: [kExperts], 16-byte aligned.
template <int kExperts, int kTopK>
MOE_DEVICE int chosen_expert(const float *logits, int place) {
  using Route = RouteConfig<kExperts, kTopK, SoftmaxOver::kSelected>;
  static_assert(Route::kInRegisters, "logits that are read again would hold every block up");
  const RouteSelection slot = select_experts<Route>(Logits<true>{logits});
  // Group 0's lanes 0 ... k - 1 hold the slots; the other groups did the same.
  int smaller = 0;
#pragma unroll
  for (int s = 0; s < kTopK; ++s)
    smaller += __shfl_sync(0xffffffffu, slot.expert, s) < slot.expert;
  const bool found = int(threadIdx.x % 32) < kTopK && smaller == place;
  return __shfl_sync(0xffffffffu, slot.expert, __ffs(__ballot_sync(0xffffffffu, found)) - 1);
}

} // namespace moe
