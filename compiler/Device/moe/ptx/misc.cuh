// Cache policies, shuffles of floats, dependent launch and trap.
#pragma once
#include "moe/common/types.cuh"

namespace moe::ptx {

/// L2 policy for data that is read once.
MOE_DEVICE u64 create_policy_evict_first() {
  u64 p;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(p));
  return p;
}
/// L2 policy for data that is reread.
MOE_DEVICE u64 create_policy_evict_last() {
  u64 p;
  asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(p));
  return p;
}
/// The L2 policy of accesses without a hint.
MOE_DEVICE u64 create_policy_normal() {
  u64 p;
  asm("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(p));
  return p;
}

/// Keeps the compiler from moving what makes `value` behind a wait that follows.
MOE_DEVICE void make_here(u32 &value) { asm volatile("" : "+r"(value)); }

/// `value` of the lane whose number differs by the bits of kLanes. What `__shfl_xor_sync` is given
/// becomes an integer, and with it every accumulator that may be given to it.
template <int kLanes>
MOE_DEVICE float shuffle_xor(float value) {
  float other;
  asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;"
               : "=f"(other)
               : "f"(value), "n"(kLanes));
  return other;
}

/// Programmatic dependent launch: wait for the kernels before this one. Nothing before sm_90 and
/// nothing in a launch without the attribute.
MOE_DEVICE void grid_dependency_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Lets the next kernel of the stream start; its grid_dependency_wait still waits for our end.
MOE_DEVICE void grid_dependency_launch() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

MOE_DEVICE void trap() { asm volatile("trap;"); }

} // namespace moe::ptx
