// f32 math of the epilogues: the hardware approximations whose error (about 2 ulp of f32) vanishes
// in a bf16 or f16 result. tanhf, erff, logf and sqrtf are compiler built-ins and need no wrapper.
#pragma once
#include "moe/common/types.cuh"

namespace moe {

MOE_DEVICE float fast_exp2(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
MOE_DEVICE float fast_exp(float x) { return fast_exp2(x * 1.4426950408889634f); }
MOE_DEVICE float fast_rcp(float x) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
/// a / b for |b| < 2^126.
MOE_DEVICE float fast_div(float a, float b) { return a * fast_rcp(b); }
/// 1 / (1 + exp(-x)); 0 at -inf, 1 at +inf, NaN stays NaN.
MOE_DEVICE float sigmoid(float x) { return fast_rcp(1.0f + fast_exp(-x)); }
/// x * sigmoid(x).
MOE_DEVICE float silu(float x) { return x * sigmoid(x); }
/// IEEE 754-2019 maximum and minimum: NaN where either is NaN, unlike fmaxf and fminf.
MOE_DEVICE float maximum(float a, float b) {
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}
MOE_DEVICE float minimum(float a, float b) {
  float r;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}

} // namespace moe
