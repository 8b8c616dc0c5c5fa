// mbarrier: shared-memory barriers that count threads and asynchronously copied bytes (sm_90).
#pragma once
#include "moe/common/types.cuh"

namespace moe::ptx {

MOE_DEVICE void mbarrier_init(u32 barrier, u32 arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
/// Makes initialised barriers visible to the copy engine.
MOE_DEVICE void mbarrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
/// Orders this thread's ordinary accesses to shared memory before later ones of the copy engine
/// and of wgmma.
MOE_DEVICE void proxy_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
/// Orders this thread's ordinary accesses to global memory, and what it learnt of others', before
/// later ones of the copy engine.
MOE_DEVICE void proxy_fence_global() { asm volatile("fence.proxy.async.global;" ::: "memory"); }
MOE_DEVICE void mbarrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// Arrives, and adds `bytes` that copies will complete to the current phase.
MOE_DEVICE void mbarrier_arrive_expect(u32 barrier, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
/// Arrives once this thread's cp.async copies so far have landed; the arrival is one of those that
/// mbarrier_init counted.
MOE_DEVICE void mbarrier_arrive_cp_async(u32 barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}
/// Whether the phase of the given parity has completed; waits for a bounded time. Suspended threads
/// issue nothing, which costs less power than asking again and again.
MOE_DEVICE bool mbarrier_try_wait(u32 barrier, u32 parity) {
  constexpr u32 kSuspendNanoseconds = 1'000'000;
  u32 done;
  asm volatile("{\n.reg .pred p;\n"
               "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2, %3;\n"
               "selp.u32 %0, 1, 0, p;\n}"
               : "=r"(done)
               : "r"(barrier), "r"(parity), "r"(kSuspendNanoseconds)
               : "memory");
  return done != 0;
}

} // namespace moe::ptx
