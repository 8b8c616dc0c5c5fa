//===- Agreement.cpp - two results of one block -----------------------------===//

#include "compiler/Tune/Agreement.h"

#include "runtime/Support/Parallel.h"
#include "runtime/Tensor/Float.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <vector>

using moert::DType;
using moert::HostTensor;
using moert::Status;
using moert::StatusCode;

namespace moec {

namespace {
struct Worst {
  int64_t wrong = 0, index = -1;
  double excess = 0; ///< difference in bands
};
} // namespace

/// A row as floats: exact for every float type that a block may return.
static void readRow(const HostTensor &tensor, int64_t begin, std::span<float> row) {
  switch (tensor.dtype()) {
  case DType::BF16:
    std::ranges::transform(tensor.as<uint16_t>().subspan(size_t(begin), row.size()), row.begin(),
                           moert::bf16ToFloat);
    return;
  case DType::F16:
    std::ranges::transform(tensor.as<uint16_t>().subspan(size_t(begin), row.size()), row.begin(),
                           moert::halfToFloat);
    return;
  default:
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = float(tensor.at(begin + int64_t(i)));
  }
}

static Worst compareRow(std::span<const float> actual, std::span<const float> baseline,
                        double tolerance) {
  double squares = 0;
  for (double value : baseline)
    if (std::isfinite(value))
      squares += value * value;
  double scale = 4 * std::sqrt(squares / double(baseline.size()));
  Worst worst;
  for (size_t i = 0; i < baseline.size(); ++i) {
    double a = actual[i], b = baseline[i];
    double band = 2 * tolerance * (scale + std::abs(b));
    if (std::isfinite(b) && std::abs(a - b) <= band)
      continue; // not where a is NaN
    if (!std::isfinite(a) && !std::isfinite(b))
      continue;
    double excess =
        std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) / std::max(band, 1e-30) : INFINITY;
    if (excess <= 1)
      continue;
    ++worst.wrong;
    if (worst.index < 0 || excess > worst.excess)
      worst.index = int64_t(i), worst.excess = excess;
  }
  return worst;
}

Status checkAgreement(const HostTensor &actual, const HostTensor &baseline, double tolerance,
                      unsigned threads) {
  if (!std::ranges::equal(actual.shape(), baseline.shape()))
    return Status(StatusCode::Internal,
                  "expects " + describe(baseline) + ", but got " + describe(actual));
  int64_t rows = baseline.rank() == 0 ? 1 : baseline.dim(0);
  if (baseline.numElements() == 0)
    return Status::ok();
  int64_t columns = baseline.numElements() / rows;
  Worst total;
  std::mutex mutex;
  moert::parallelFor(rows, 16, threads, [&](int64_t begin, int64_t end) {
    std::vector<float> a(static_cast<size_t>(columns)), b(a.size());
    for (int64_t row = begin; row < end; ++row) {
      readRow(actual, row * columns, a);
      readRow(baseline, row * columns, b);
      Worst worst = compareRow(a, b, tolerance);
      if (worst.wrong == 0)
        continue;
      worst.index += row * columns;
      std::lock_guard<std::mutex> lock(mutex);
      total.wrong += worst.wrong;
      // Of equal ones the first, in whatever order threads come.
      if (total.index < 0 || worst.excess > total.excess ||
          (worst.excess == total.excess && worst.index < total.index))
        total.index = worst.index, total.excess = worst.excess;
    }
  });
  if (total.wrong == 0)
    return Status::ok();
  return Status(
      StatusCode::Mismatch,
      fmt::format("{} of {} elements differ from the default's, worst at [{}, {}]: {:.6g}, "
                  "expected {:.6g}",
                  total.wrong, baseline.numElements(), total.index / columns, total.index % columns,
                  actual.at(total.index), baseline.at(total.index)));
}

} // namespace moec
