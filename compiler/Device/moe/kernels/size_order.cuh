// Groups by size, for the maps whose tiles are taken from both ends (scheduler/both_ends.cuh).
#pragma once

#include "moe/scheduler/both_ends.cuh"

namespace moe {

/// order [kGroups + 1], shared: the groups by size, largest first, those of one size as they come,
/// each with kLateBit if it comes late; behind them 0 where they are not uneven, and nothing before
/// it counts, else one more than the rows of those that come late. By all kThreads threads of a
/// block; sums: shared, 3 * ceil(kGroups / 32) ints; size(group) of any group.
template <int kGroups, int kThreads, class SizeT>
MOE_DEVICE bool order_by_size(int *sums, int *order, SizeT size) {
  const int thread = int(threadIdx.x), lane = thread % 32;
  bool is_large = false;
  for (int g = thread; g < kGroups; g += kThreads)
    is_large |= size(g) > kStreamRows;
  bool uneven = false;
  if (thread == 0)
    order[kGroups] = 0;
  if (__syncthreads_or(is_large)) { // else nothing leaves the memory idle
    constexpr int kWarps = min_of(kThreads / 32, int(ceil_div(kGroups, 32)));
    IdleTime own;
    for (int g = thread; g < kGroups; g += kThreads)
      own.add(IdleTime::of(size(g)));
    if (thread < kWarps * 32) {
      own = {__reduce_add_sync(~0u, own.memory), __reduce_add_sync(~0u, own.products),
             __reduce_add_sync(~0u, own.all)};
      if (lane == 0) {
        int *sum = sums + thread / 32 * 3;
        sum[0] = own.memory, sum[1] = own.products, sum[2] = own.all;
      }
    }
    __syncthreads();
    IdleTime all;
    for (int w = 0; w < kWarps; ++w)
      all.add({sums[w * 3], sums[w * 3 + 1], sums[w * 3 + 2]});
    uneven = all.is_uneven();
  }
  if (uneven) {
    // A group's place: how many come before it, counted by a few lanes together.
    constexpr int kLanes = max_of(min_of(kThreads / next_power_of_two(kGroups), 32), 1);
#pragma unroll 1
    for (int first = 0; first < kGroups; first += kThreads / kLanes) {
      const int group = first + thread / kLanes;
      const int rows = group < kGroups ? size(group) : 0;
      int before = 0;
      EndCost cost;
#pragma unroll 8
      for (int other = lane % kLanes; other < kGroups; other += kLanes) {
        const int its = size(other);
        const bool is_before = its > rows || (its == rows && other < group);
        before += is_before;
        cost.front += is_before ? EndCost::of(its).front : 0;
        cost.back += is_before ? 0 : EndCost::of(its).back;
      }
#pragma unroll
      for (int distance = 1; distance < kLanes; distance *= 2) {
        before += __shfl_xor_sync(~0u, before, distance);
        cost.front += __shfl_xor_sync(~0u, cost.front, distance);
        cost.back += __shfl_xor_sync(~0u, cost.back, distance);
      }
      if (group < kGroups && lane % kLanes == 0) {
        order[before] = group | (cost.is_late() ? kLateBit : 0);
        atomicAdd(&order[kGroups], (before == 0) + (cost.is_late() ? rows : 0));
      }
    }
  }
  __syncthreads();
  return uneven;
}

} // namespace moe
