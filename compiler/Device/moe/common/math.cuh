// f32 math of the epilogues: the hardware approximations (about 2 ulp) and ratios of polynomials (6
// ulp), whose error vanishes in a bf16 or f16 result. logf and sqrtf are compiler built-ins and
// need no wrapper.
#pragma once
#include "moe/common/odd_ratio.cuh"

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
/// An odd function that ends at -1 and 1, by its ratio. NaN stays NaN.
template <class Ratio>
MOE_DEVICE float odd_by_ratio(float x) {
  const float z = x * x;
  const float ratio = x * Ratio::numerator(z) * fast_rcp(Ratio::denominator(z));
  return fabsf(x) >= Ratio::kEnd ? copysignf(1.0f, x) : minimum(maximum(ratio, -1.0f), 1.0f);
}
/// erff and tanhf take more registers than the accumulators of a large tile leave.
MOE_DEVICE float fast_erf(float x) { return odd_by_ratio<ErfRatio>(x); }
MOE_DEVICE float fast_tanh(float x) { return odd_by_ratio<TanhRatio>(x); }

} // namespace moe
