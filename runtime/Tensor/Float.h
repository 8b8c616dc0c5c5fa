//===- Float.h - Conversions between narrow floats and f32
//-------------------------------------===//
//
// The one place that knows the bit layouts of bf16, f16 and f8E4M3 on the host. All narrowing
// conversions round to nearest, ties to even, and keep NaN a (quiet) NaN. Inline and branch-light
// so that loops over them vectorise.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_TENSOR_FLOAT_H
#define MOEC_RUNTIME_TENSOR_FLOAT_H

#include <bit>
#include <cstdint>

namespace moert {

/// bf16 is the upper half of an f32: 1 sign, 8 exponent, 7 mantissa bits.
inline float bf16ToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

/// Nearest-even f32 to bf16; overflow becomes infinity.
inline uint16_t floatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  uint32_t quietNan = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quietNan : rounded);
}

/// IEEE binary16: 1 sign, 5 exponent (bias 15), 10 mantissa bits, subnormals included.
inline float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  uint32_t magnitude = bits & 0x7fffu;
  // Placing the bits in an f32 leaves the exponent too small by 127 - 15; multiplying by 2^112 is
  // exact and treats subnormals alike. Infinity and NaN need the exponent of all ones instead.
  uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f);
  uint32_t special = 0x7f800000u | ((magnitude & 0x3ffu) << 13);
  return std::bit_cast<float>(sign | (magnitude >= 0x7c00u ? special : finite));
}

/// Nearest-even f32 to binary16; values from 65520 on become infinity.
inline uint16_t floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  // A subnormal result counts in steps of 2^-24, the ulp of 0.5: the f32 adder does the rounding.
  uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
  uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal; // 2^-14, the smallest normal
  result = magnitude >= 0x477ff000u ? 0x7c00u : result;           // 65520, halfway to 2^16
  result = magnitude > 0x7f800000u ? nan : result;
  return static_cast<uint16_t>(sign | result);
}

/// f8E4M3FN (OCP 8-bit, bias 7, no infinities, 0x7f is NaN, largest value 448).
inline float f8E4M3ToFloat(uint8_t bits) {
  uint32_t sign = uint32_t{bits & 0x80u} << 24;
  uint32_t magnitude = bits & 0x7fu;
  if (magnitude == 0x7fu)
    return std::bit_cast<float>(sign | 0x7fc00000u);
  float scaled = std::bit_cast<float>(magnitude << 20) * 0x1p120f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

/// Nearest-even f32 to f8E4M3FN; finite values and infinities beyond 448 saturate to 448, the rule
/// of the OCP specification's saturating mode and of the hardware conversion `cvt.satfinite`.
inline uint8_t floatToF8E4M3(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<uint8_t>(sign | 0x7fu);
  if (magnitude < 0x3c800000u) { // below 2^-6: a subnormal, counted in steps of 2^-9
    float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
    return static_cast<uint8_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x46800000u));
  }
  uint32_t rounded = (magnitude + 0x7ffffu + ((magnitude >> 20) & 1u)) >> 20;
  uint32_t result = rounded > 0x43eu ? 0x7eu : rounded - 0x3c0u; // 0x43e is 448, 0x3c0 rebiases
  return static_cast<uint8_t>(sign | result);
}

/// f8E5M2 (OCP 8-bit, bias 15, IEEE-like infinities and NaNs) is the upper half of an f16.
inline float f8E5M2ToFloat(uint8_t bits) {
  return halfToFloat(static_cast<uint16_t>(uint32_t{bits} << 8));
}

/// Nearest-even f32 to f8E5M2; values beyond the largest finite one (57344) become infinity from
/// 61440 on, as in IEEE arithmetic.
inline uint8_t floatToF8E5M2(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 24) & 0x80u;
  uint32_t magnitude = bits & 0x7fffffffu;
  // The ulp of 2^7 in f32 is 2^-16, the step of f8E5M2 subnormals.
  uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0x1p7f) - 0x43000000u;
  uint32_t normal = (magnitude + 0xfffffu + ((magnitude >> 21) & 1u) - 0x38000000u) >> 21;
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal; // 2^-14, the smallest normal
  result = magnitude >= 0x47700000u ? 0x7cu : result;             // 61440, halfway to 2^16
  result = magnitude > 0x7f800000u ? 0x7eu : result;
  return static_cast<uint8_t>(sign | result);
}

} // namespace moert

#endif // MOEC_RUNTIME_TENSOR_FLOAT_H
