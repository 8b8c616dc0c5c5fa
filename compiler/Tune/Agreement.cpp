//===- Agreement.cpp - two results of one block -----------------------------===//

#include "compiler/Tune/Agreement.h"

#include "runtime/Tensor/Parallel.h"

#include <fmt/format.h>

#include <cmath>
#include <mutex>

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

static Worst compareRow(const HostTensor &actual, const HostTensor &baseline, double tolerance,
                        int64_t begin, int64_t columns) {
  double squares = 0;
  for (int64_t i = begin; i < begin + columns; ++i)
    if (double value = baseline.at(i); std::isfinite(value))
      squares += value * value;
  double scale = 4 * std::sqrt(squares / double(columns));
  Worst worst;
  for (int64_t i = begin; i < begin + columns; ++i) {
    double a = actual.at(i), b = baseline.at(i);
    if (!std::isfinite(a) && !std::isfinite(b))
      continue;
    double band = 2 * tolerance * (scale + std::abs(b));
    double excess =
        std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) / std::max(band, 1e-30) : INFINITY;
    if (excess <= 1)
      continue;
    ++worst.wrong;
    if (worst.index < 0 || excess > worst.excess)
      worst.index = i, worst.excess = excess;
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
    for (int64_t row = begin; row < end; ++row) {
      Worst worst = compareRow(actual, baseline, tolerance, row * columns, columns);
      if (worst.wrong == 0)
        continue;
      std::lock_guard<std::mutex> lock(mutex);
      total.wrong += worst.wrong;
      if (total.index < 0 || worst.excess > total.excess)
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
