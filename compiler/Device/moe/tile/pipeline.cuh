// A ring of shared-memory stages between producers and consumers, guarded by mbarriers.
#pragma once
#include "moe/ptx/cluster.cuh"
#include "moe/ptx/mbarrier.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

MOE_DEVICE u32 clock_low() {
  u32 c;
  asm volatile("mov.u32 %0, %%clock;" : "=r"(c));
  return c;
}

/// Asks until it is done. Every wait is bounded: past about two seconds it raises the block's failure
/// flag, and from then on all waits of the block give up, so that a mistake ends in a trap and never
/// in a hang. (A trap inside the consumers' loop would cost them their register budget.)
template <class IsDone>
MOE_DEVICE void bounded_wait(IsDone is_done, u32 failure_flag) {
  if (is_done())
    return;
  constexpr u32 kLimit = 3'500'000'000u; // clocks
  const u32 start = clock_low();
  while (!is_done()) {
    if (clock_low() - start > kLimit)
      asm volatile("st.shared.u32 [%0], 1;" ::"r"(failure_flag) : "memory");
    u32 failed;
    asm volatile("ld.volatile.shared.u32 %0, [%1];" : "=r"(failed) : "r"(failure_flag) : "memory");
    if (failed)
      return;
  }
}

MOE_DEVICE void bounded_wait(u32 barrier, u32 parity, u32 failure_flag) {
  bounded_wait([&] { return ptx::mbarrier_try_wait(barrier, parity); }, failure_flag);
}

/// One role's position in a ring of kStages. Barriers lie at `barriers`: kStages "full", then
/// kStages "empty", then the failure flag. Blocks of a cluster fill each other's rings: a stage is
/// empty when it is so in all of them.
template <int kStages, int kCluster = 1>
struct PipelineState {
  u32 barriers;
  u32 stage = 0;
  u32 phase = 0;

  MOE_DEVICE u32 full() const { return barriers + stage * 8; }
  MOE_DEVICE u32 empty(u32 of) const { return barriers + (kStages + of) * 8; }
  MOE_DEVICE u32 failure_flag() const { return barriers + kStages * 16; }

  MOE_DEVICE void wait_full() const { bounded_wait(full(), phase, failure_flag()); }
  MOE_DEVICE void wait_empty() const { bounded_wait(empty(stage), phase ^ 1, failure_flag()); }
  /// The calling warp is through with stage `of`.
  MOE_DEVICE void release(u32 of) const {
    const u32 lane = threadIdx.x % 32;
    if constexpr (kCluster == 1) {
      if (lane == 0)
        ptx::mbarrier_arrive(empty(of));
    } else if (lane < kCluster) {
      ptx::mbarrier_arrive_cluster(ptx::cluster_address(empty(of), lane));
    }
  }
  MOE_DEVICE void advance() {
    if (++stage == kStages) {
      stage = 0;
      phase ^= 1;
    }
  }
  /// Moves on by the stages that the other consumer takes.
  MOE_DEVICE void skip(u32 stages) {
    const u32 to = stage + stages;
    phase ^= (to / kStages) & 1;
    stage = to % kStages;
  }
};

} // namespace moe
