// cp.async: 16-byte copies from global to shared memory that bypass registers and L1 (sm_80).
#pragma once
#include "moe/common/types.cuh"

namespace moe::ptx {

/// base + 16 * units in one instruction, whatever the compiler would make of it.
MOE_DEVICE const void *address_16(const void *base, u32 units) {
  const void *p;
  asm("mad.wide.u32 %0, %1, 16, %2;" : "=l"(p) : "r"(units), "l"(base));
  return p;
}
/// Copies `bytes` (16 or 0) from `source` and fills the rest of the 16 bytes with zeros.
MOE_DEVICE void cp_async_16(u32 shared, const void *source, u32 bytes) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared), "l"(source),
               "r"(bytes)
               : "memory");
}
MOE_DEVICE void cp_async_16(u32 shared, const void *source) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(shared), "l"(source)
               : "memory");
}
/// As the first with an L2 policy from create_policy_*.
MOE_DEVICE void cp_async_16(u32 shared, const void *source, u32 bytes, u64 policy) {
  asm volatile(
      "cp.async.cg.shared.global.L2::cache_hint.L2::128B [%0], [%1], 16, %2, %3;" ::"r"(shared),
      "l"(source), "r"(bytes), "l"(policy)
      : "memory");
}
MOE_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most kPending of this thread's groups are under way.
template <int kPending>
MOE_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

} // namespace moe::ptx
