// Warpgroup roles: register budgets and named barriers (sm_90).
#pragma once
#include "moe/common/types.cuh"

namespace moe::ptx {

/// The warpgroup gives registers back down to kRegisters a thread.
template <int kRegisters>
MOE_DEVICE void registers_decrease() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
/// The warpgroup takes registers up to kRegisters a thread; waits until they are free.
template <int kRegisters>
MOE_DEVICE void registers_increase() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
/// Waits at hardware barrier `id` until `threads` threads have synced or arrived there.
MOE_DEVICE void barrier_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
MOE_DEVICE void barrier_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

} // namespace moe::ptx
