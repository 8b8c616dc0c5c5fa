//===- Products.cpp - Widening and dot products
//----------------------------------------------------===//

#include "compiler/Reference/Products.h"
#include "runtime/Tensor/Float.h"
#include "runtime/Tensor/VectorClones.h"

using moert::DType;
using moert::HostTensor;

namespace moec::reference {

MOEC_VECTOR_CLONES
static void widenBf16(const uint16_t *from, int64_t count, double *out) {
  for (int64_t j = 0; j < count; ++j)
    out[j] = moert::bf16ToFloat(from[j]);
}

void widen(const HostTensor &tensor, int64_t begin, int64_t stride, int64_t count, double *out) {
  if (stride == 1 && tensor.dtype() == DType::BF16)
    return widenBf16(tensor.as<uint16_t>().data() + begin, count, out);
  if (stride == 1 && tensor.dtype() == DType::F16) {
    const uint16_t *from = tensor.as<uint16_t>().data() + begin;
    for (int64_t j = 0; j < count; ++j)
      out[j] = moert::halfToFloat(from[j]);
    return;
  }
  if (stride == 1 && tensor.dtype() == DType::F32) {
    const float *from = tensor.as<float>().data() + begin;
    for (int64_t j = 0; j < count; ++j)
      out[j] = from[j];
    return;
  }
  for (int64_t j = 0; j < count; ++j)
    out[j] = tensor.at(begin + j * stride);
}

MOEC_VECTOR_CLONES
void dotPanel(const double *x, const double *panel, int64_t count, double *out) {
  constexpr int64_t kLanes = 8;
  double sums[kPanel][kLanes] = {};
  int64_t whole = count / kLanes * kLanes;
  for (int64_t j = 0; j < whole; j += kLanes)
    for (int64_t c = 0; c < kPanel; ++c)
      for (int64_t lane = 0; lane < kLanes; ++lane)
        sums[c][lane] += x[j + lane] * panel[c * count + j + lane];
  for (int64_t c = 0; c < kPanel; ++c) {
    double total = 0.0;
    for (int64_t lane = 0; lane < kLanes; ++lane)
      total += sums[c][lane];
    for (int64_t j = whole; j < count; ++j)
      total += x[j] * panel[c * count + j];
    out[c] = total;
  }
}

} // namespace moec::reference
