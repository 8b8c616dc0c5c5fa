// Thread block clusters: neighbouring blocks that can reach each other's shared memory (sm_90).
#pragma once
#include "moe/common/types.cuh"

namespace moe::ptx {

/// This block's number in its cluster.
MOE_DEVICE u32 cluster_rank() {
  u32 rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// All threads of all blocks of the cluster meet; what they wrote before is visible after.
MOE_DEVICE void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}
/// The place in block `rank`'s shared memory that corresponds to `shared` in one's own.
MOE_DEVICE u32 cluster_address(u32 shared, u32 rank) {
  u32 address;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(shared), "r"(rank));
  return address;
}
/// Writes a word to a block of the cluster and completes its 4 bytes on that block's barrier.
MOE_DEVICE void st_async_4(u32 address, u32 value, u32 barrier) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];" ::"r"(address),
      "r"(value), "r"(barrier)
      : "memory");
}
/// Arrives at a barrier of any block of the cluster. Says nothing of this thread's writes: the form
/// with .release.cluster would wait for them at the level of the whole GPU, each time.
MOE_DEVICE void mbarrier_arrive_cluster(u32 address) {
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(address) : "memory");
}

} // namespace moe::ptx
