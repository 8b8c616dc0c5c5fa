// Conversions between f32 and the 16-bit element types, one PTX instruction each (sm_80).
#pragma once
#include "moe/common/types.cuh"

namespace moe {

MOE_DEVICE float to_f32(float v) { return v; }
MOE_DEVICE float to_f32(bf16 v) { return __uint_as_float(u32(v.bits) << 16); }
MOE_DEVICE float to_f32(f16 v) {
  float r;
  asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(v.bits));
  return r;
}

/// from_f32<T>(v): round to nearest even.
template <class T>
MOE_DEVICE T from_f32(float v) {
  T r;
  if constexpr (is_same<T, float>) {
    r = v;
  } else if constexpr (is_same<T, bf16>) {
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r.bits) : "f"(v));
  } else {
    static_assert(is_same<T, f16>, "from_f32 expects float, bf16 or f16");
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r.bits) : "f"(v));
  }
  return r;
}

/// Two values rounded and packed, `lo` in the low half (the lower address).
template <class T>
MOE_DEVICE u32 pack2(float lo, float hi) {
  u32 r;
  if constexpr (is_same<T, bf16>) {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
  } else {
    static_assert(is_same<T, f16>, "pack2 expects bf16 or f16");
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
  }
  return r;
}

/// The low and high half of a packed pair.
template <class T>
MOE_DEVICE float unpack_lo(u32 pair) {
  return to_f32(T{u16(pair & 0xffffu)});
}
template <class T>
MOE_DEVICE float unpack_hi(u32 pair) {
  return to_f32(T{u16(pair >> 16)});
}

} // namespace moe
