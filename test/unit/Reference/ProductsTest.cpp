// The inner loops of the evaluator: exact widening, and dot products of every length.

#include "compiler/Reference/Products.h"
#include "test/unit/Reference/Fixture.h"

using namespace moec::test;
using namespace moec::reference;

namespace {

TEST(Products, WideningIsExactForEveryType) {
  for (DType dtype : {DType::BF16, DType::F16, DType::F32, DType::F64, DType::F8E4M3, DType::F8E5M2,
                      DType::I32}) {
    HostTensor tensor = *HostTensor::allocate(dtype, {6, 37});
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.set(i, static_cast<double>(i % 113) - 50.25);
    std::vector<double> out(37);
    for (int64_t row = 0; row < 6; ++row) {
      widen(tensor, row * 37, 1, 37, out.data());
      for (int64_t j = 0; j < 37; ++j)
        EXPECT_EQ(out[j], tensor.at(row * 37 + j));
    }
    widen(tensor, 5, 37, 6, out.data());
    for (int64_t row = 0; row < 6; ++row)
      EXPECT_EQ(out[row], tensor.at(row * 37 + 5));
  }
}

TEST(Products, DotPanelOfEveryLength) {
  for (int64_t count = 0; count <= 40; ++count) {
    std::vector<double> x(count), panel(kPanel * count);
    for (int64_t j = 0; j < count; ++j) {
      x[j] = static_cast<double>(j + 1);
      for (int64_t c = 0; c < kPanel; ++c)
        panel[c * count + j] = static_cast<double>((c + 1) * (j % 5));
    }
    double out[kPanel];
    dotPanel(x.data(), panel.data(), count, out);
    for (int64_t c = 0; c < kPanel; ++c) {
      double expected = 0.0;
      for (int64_t j = 0; j < count; ++j)
        expected += x[j] * panel[c * count + j];
      EXPECT_EQ(out[c], expected) << count; // small integers: exact in any order
    }
  }
}

} // namespace
