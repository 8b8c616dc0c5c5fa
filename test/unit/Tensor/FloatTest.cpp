// Narrow float conversions: every encodable value survives a round trip, and every narrowing agrees
// with an independent nearest-even search among the encodable values.

#include "runtime/Tensor/Float.h"
#include "runtime/Tensor/HostTensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace moert;

namespace {

/// A format as a table of its finite non-negative values in ascending order: index = encoding.
struct Format {
  const char *name;
  DType dtype;
  unsigned signBit;
  unsigned largestFinite; ///< its encoding
  bool saturates;
};
constexpr Format kFormats[] = {
    {"bf16", DType::BF16, 0x8000, 0x7f7f, false},
    {"f16", DType::F16, 0x8000, 0x7bff, false},
    {"f8e4m3", DType::F8E4M3, 0x80, 0x7e, true},
    {"f8e5m2", DType::F8E5M2, 0x80, 0x7b, false},
};

float widen(DType dtype, unsigned bits) {
  switch (dtype) {
  case DType::BF16:
    return bf16ToFloat(static_cast<uint16_t>(bits));
  case DType::F16:
    return halfToFloat(static_cast<uint16_t>(bits));
  case DType::F8E4M3:
    return f8E4M3ToFloat(static_cast<uint8_t>(bits));
  default:
    return f8E5M2ToFloat(static_cast<uint8_t>(bits));
  }
}

unsigned narrow(DType dtype, float value) {
  switch (dtype) {
  case DType::BF16:
    return floatToBf16(value);
  case DType::F16:
    return floatToHalf(value);
  case DType::F8E4M3:
    return floatToF8E4M3(value);
  default:
    return floatToF8E5M2(value);
  }
}

/// The encoding of |value| by search over the table: nearest, ties to the even encoding.
unsigned narrowBySearch(const Format &format, double magnitude) {
  double largest = widen(format.dtype, format.largestFinite);
  // The value that would follow the largest finite one, were there one more.
  double next = largest + (largest - widen(format.dtype, format.largestFinite - 1));
  if (magnitude > largest) {
    if (format.saturates)
      return format.largestFinite;
    double middle = (largest + next) / 2;
    bool up = magnitude > middle || (magnitude == middle && format.largestFinite % 2 == 1);
    return format.largestFinite + up;
  }
  unsigned low = 0, high = format.largestFinite;
  while (high - low > 1) {
    unsigned middle = (low + high) / 2;
    (widen(format.dtype, middle) <= magnitude ? low : high) = middle;
  }
  double below = magnitude - widen(format.dtype, low);
  double above = widen(format.dtype, high) - magnitude;
  if (below == above)
    return low % 2 == 0 ? low : high;
  return below < above ? low : high;
}

TEST(Float, KnownValues) {
  EXPECT_EQ(floatToBf16(1.0f), 0x3f80);
  EXPECT_EQ(floatToBf16(-2.0f), 0xc000);
  EXPECT_EQ(floatToHalf(1.0f), 0x3c00);
  EXPECT_EQ(floatToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(0x1p-24f), 0x0001);
  EXPECT_EQ(floatToF8E4M3(448.0f), 0x7e);
  EXPECT_EQ(floatToF8E4M3(0.0625f), 0x18);
  EXPECT_EQ(floatToF8E4M3(0x1p-9f), 0x01);
  EXPECT_EQ(floatToF8E5M2(1.0f), 0x3c);
}

TEST(Float, EveryFiniteEncodingRoundTrips) {
  for (const Format &format : kFormats)
    for (unsigned sign : {0u, format.signBit})
      for (unsigned bits = 0; bits <= format.largestFinite; ++bits)
        ASSERT_EQ(narrow(format.dtype, widen(format.dtype, sign | bits)), sign | bits)
            << format.name << " " << bits;
}

TEST(Float, ValuesAscendWithTheirEncoding) {
  for (const Format &format : kFormats)
    for (unsigned bits = 1; bits <= format.largestFinite; ++bits)
      ASSERT_GT(widen(format.dtype, bits), widen(format.dtype, bits - 1)) << format.name;
}

TEST(Float, NarrowingIsNearestEven) {
  std::mt19937 generator(7);
  for (const Format &format : kFormats) {
    for (int i = 0; i < 200000; ++i) {
      // Random bit patterns cover all magnitudes; half of them are moved next to a tie.
      float value = std::bit_cast<float>(static_cast<uint32_t>(generator()) & 0x7fffffffu);
      if (i % 2 == 0) {
        unsigned bits = generator() % format.largestFinite;
        float middle = 0.5f * widen(format.dtype, bits) + 0.5f * widen(format.dtype, bits + 1);
        float steps[] = {std::nextafter(middle, 0.0f), middle,
                         std::nextafter(middle, std::numeric_limits<float>::infinity())};
        value = steps[generator() % 3];
      }
      if (std::isnan(value))
        continue;
      if (std::isinf(value) && format.saturates) {
        ASSERT_EQ(narrow(format.dtype, value), format.largestFinite);
        continue;
      }
      ASSERT_EQ(narrow(format.dtype, value), narrowBySearch(format, value))
          << format.name << " of " << value;
      ASSERT_EQ(narrow(format.dtype, -value), format.signBit | narrowBySearch(format, value))
          << format.name << " of " << -value;
    }
  }
}

TEST(Float, NanStaysNanAndInfinityStaysInfinity) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const Format &format : kFormats) {
    for (uint32_t payload : {0x7f800001u, 0x7fc00000u, 0xffffffffu})
      EXPECT_TRUE(
          std::isnan(widen(format.dtype, narrow(format.dtype, std::bit_cast<float>(payload)))))
          << format.name;
    if (!format.saturates) {
      EXPECT_EQ(widen(format.dtype, narrow(format.dtype, kInf)), kInf) << format.name;
      EXPECT_EQ(widen(format.dtype, narrow(format.dtype, -kInf)), -kInf) << format.name;
    }
  }
}

TEST(Float, SettingADoubleRoundsOnce) {
  // 1 + 2^-8 + 2^-40 lies above the tie of bf16; f32 would round it onto the tie and then to even.
  HostTensor tensor = *HostTensor::allocate(DType::BF16, {2});
  tensor.set(0, 1.0 + 0x1p-8 + 0x1p-40);
  tensor.set(1, 1.0 + 0x1p-8);
  EXPECT_EQ(tensor.at(0), 1.0 + 0x1p-7);
  EXPECT_EQ(tensor.at(1), 1.0);
}

} // namespace
