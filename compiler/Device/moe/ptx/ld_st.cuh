// Loads, stores and reductions with an explicit width and cache policy.
#pragma once
#include "moe/common/types.cuh"
#include "moe/ptx/misc.cuh"

namespace moe::ptx {

/// Address of a generic pointer inside the shared window, as ldmatrix and cp.async want it.
MOE_DEVICE u32 shared_address(const void *p) { return u32(__cvta_generic_to_shared(p)); }

/// 16 bytes through the read-only path; the data must not change while the kernel runs.
MOE_DEVICE uint4 ld_global_nc_16(const void *p) {
  uint4 v;
  asm volatile("ld.global.nc.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}
/// As ld_global_nc_16 for data read once: kept out of L1.
MOE_DEVICE uint4 ld_global_nc_stream_16(const void *p) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}
/// The same for data that the kernel itself may change afterwards.
MOE_DEVICE uint4 ld_global_stream_16(const void *p) {
  uint4 v;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}
/// The 128 bytes at p, so aligned, are undefined afterwards: L2 need not write them to memory.
MOE_DEVICE void discard_line(const void *p) {
  asm volatile("discard.global.L2 [%0], 128;" ::"l"(p) : "memory");
}
MOE_DEVICE uint4 ld_global_16(const void *p) {
  uint4 v;
  asm volatile("ld.global.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p)
               : "memory");
  return v;
}
MOE_DEVICE u32 ld_acquire_gpu(const u32 *p) {
  u32 v;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
/// As other blocks have written it; orders nothing.
MOE_DEVICE u32 ld_relaxed_gpu(const u32 *p) {
  u32 v;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
MOE_DEVICE uint4 ld_relaxed_gpu_16(const void *p) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p)
               : "memory");
  return v;
}
/// Between what this thread saw of other blocks and what it does next, and the other way round.
MOE_DEVICE void fence_gpu() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

MOE_DEVICE void st_global_16(void *p, uint4 v) {
  asm volatile("st.global.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
}
/// A predicated store: no branch, so that neighbouring stores' shuffles and sums overlap. kKeep: its
/// line is the last to leave L2.
template <bool kKeep = false>
MOE_DEVICE void st_global_16_if(bool store, void *p, uint4 v) {
  if constexpr (kKeep)
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %5, 0;\n"
                 "@p st.global.L2::cache_hint.v4.u32 [%0], {%1,%2,%3,%4}, %6;\n}" ::"l"(p),
                 "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w), "r"(int(store)),
                 "l"(create_policy_evict_last())
                 : "memory");
  else
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %5, 0;\n"
                 "@p st.global.v4.u32 [%0], {%1,%2,%3,%4};\n}" ::"l"(p),
                 "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w), "r"(int(store))
                 : "memory");
}
/// `index` becomes the bits of values[index], or 0 where it is negative. In place, so that nothing
/// waits for the load but what reads it: of a choice the compiler makes a move behind the load.
MOE_DEVICE void replace_index(int &index, const float *values) {
  asm volatile("{\n.reg .pred p;\n.reg .b64 a;\nsetp.ge.s32 p, %0, 0;\n"
               "mad.wide.s32 a, %0, 4, %1;\nmov.b32 %0, 0;\n@p ld.global.b32 %0, [a];\n}"
               : "+r"(index)
               : "l"(values)
               : "memory");
}
/// Streaming store: the line is the first to leave L2.
MOE_DEVICE void st_global_stream_16(void *p, uint4 v) {
  asm volatile("st.global.cs.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
}
MOE_DEVICE void st_global_f32x2(float *p, float a, float b) {
  asm volatile("st.global.v2.f32 [%0], {%1,%2};" ::"l"(p), "f"(a), "f"(b) : "memory");
}
/// *p = *p < last ? *p + 1 : 0; the value before.
MOE_DEVICE u32 atomic_count(u32 *p, u32 last) {
  u32 before;
  asm volatile("atom.global.inc.u32 %0, [%1], %2;" : "=r"(before) : "l"(p), "r"(last) : "memory");
  return before;
}
/// *p += v; the value before.
MOE_DEVICE u32 atomic_add(u32 *p, u32 v) {
  u32 before;
  asm volatile("atom.relaxed.gpu.global.add.u32 %0, [%1], %2;"
               : "=r"(before)
               : "l"(p), "r"(v)
               : "memory");
  return before;
}
MOE_DEVICE void st_release_gpu(u32 *p, u32 v) {
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}

MOE_DEVICE void st_shared_4(u32 address, u32 v) {
  asm volatile("st.shared.u32 [%0], %1;" ::"r"(address), "r"(v) : "memory");
}
MOE_DEVICE void st_shared_2(u32 address, u16 v) {
  asm volatile("st.shared.u16 [%0], %1;" ::"r"(address), "h"(v) : "memory");
}
MOE_DEVICE void st_shared_f32x2(u32 address, float a, float b) {
  asm volatile("st.shared.v2.f32 [%0], {%1,%2};" ::"r"(address), "f"(a), "f"(b) : "memory");
}
MOE_DEVICE void st_shared_f32(u32 address, float a) {
  asm volatile("st.shared.f32 [%0], %1;" ::"r"(address), "f"(a) : "memory");
}
/// Two neighbouring floats; address 8-byte aligned.
MOE_DEVICE void ld_shared_f32x2(u32 address, float &a, float &b) {
  asm volatile("ld.shared.v2.f32 {%0,%1}, [%2];" : "=f"(a), "=f"(b) : "r"(address) : "memory");
}
/// Four 8x8 matrices of 16-bit elements, each transposed: lane l names the row that column l % 8 of
/// matrix l / 8 becomes; word i of lane l holds elements 2 (l % 4) + {0, 1} of row l / 4 of matrix i.
MOE_DEVICE void stmatrix_x4_trans(u32 address, const u32 (&w)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(address),
               "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3])
               : "memory");
}
MOE_DEVICE void st_shared_16(u32 address, uint4 v) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(address), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
}
MOE_DEVICE u32 ld_shared_4(u32 address) {
  u32 v;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(address) : "memory");
  return v;
}
MOE_DEVICE uint4 ld_shared_16(u32 address) {
  uint4 v;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(address)
               : "memory");
  return v;
}

/// p[0] += v, with no value returned; orders nothing.
MOE_DEVICE void red_add_u32(u32 *p, u32 v) {
  asm volatile("red.relaxed.gpu.global.add.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}
/// p[0] += v, with no value returned.
MOE_DEVICE void red_add_f32(float *p, float v) {
  asm volatile("red.global.add.f32 [%0], %1;" ::"l"(p), "f"(v) : "memory");
}
/// p[0] += a, p[1] += b; p 8-byte aligned. One instruction from sm_90 on, two before.
MOE_DEVICE void red_add_f32x2(float *p, float a, float b) {
#if __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v2.f32 [%0], {%1,%2};" ::"l"(p), "f"(a), "f"(b) : "memory");
#else
  red_add_f32(p, a);
  red_add_f32(p + 1, b);
#endif
}
/// p[0..3] += v; p 16-byte aligned. One instruction from sm_90 on, four before.
MOE_DEVICE void red_add_f32x4(float *p, float4 v) {
#if __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v4.f32 [%0], {%1,%2,%3,%4};" ::"l"(p), "f"(v.x), "f"(v.y), "f"(v.z),
               "f"(v.w)
               : "memory");
#else
  red_add_f32(p, v.x);
  red_add_f32(p + 1, v.y);
  red_add_f32(p + 2, v.z);
  red_add_f32(p + 3, v.w);
#endif
}

} // namespace moe::ptx
