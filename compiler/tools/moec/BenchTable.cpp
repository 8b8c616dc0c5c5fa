//===- BenchTable.cpp - what moec bench tells ---------------------------------===//

#include "compiler/tools/moec/BenchTable.h"
#include "compiler/tools/moec/Checking.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <algorithm>

using namespace llvm;

namespace moec::cli {

void printBenchColumns() {
  outs() << fmt::format("{:>7} {:>12} {:>8} {:>11} {:>9} {:>8} {:>11} {:>7}\n", "T", "routing",
                        "experts", "us", "TFLOP/s", "TB/s", "floor us", "share");
}

void printBenchRow(const BenchRow &row) {
  outs() << fmt::format("{:>7} {:>12} {:>8.1f} {:>11.1f} {:>9.1f} {:>8.2f} {:>11.1f} {:>6.1f}%\n",
                        row.tokens, row.routing, row.touchedExperts, row.timing.median, row.tflops,
                        row.tbs, row.floor, 100 * row.floor / row.timing.median);
  for (const BenchRow::Part &part : row.parts)
    outs() << fmt::format("{:>28} {:>11.1f}  {}\n", "", part.microseconds, part.kernel);
  if (row.check)
    outs() << fmt::format("{:>20} {}\n", "", summarize(*row.check));
  if (!row.unsteady.empty())
    outs() << fmt::format("{:>20} UNSTEADY, {}\n", "", row.unsteady);
  outs().flush();
}

json::Object toJson(const BenchRow &row) {
  json::Array parts;
  for (const BenchRow::Part &part : row.parts)
    parts.push_back(json::Object{{"kernel", part.kernel}, {"us", part.microseconds}});
  json::Value right = nullptr, error = nullptr;
  if (row.check) {
    right = !row.isWrong();
    double largest = 0;
    for (const Comparison &output : row.check->outputs)
      largest = std::max(largest, output.relativeError);
    error = largest;
  }
  return json::Object{{"tokens", row.tokens},
                      {"routing", row.routing},
                      {"touched_experts", row.touchedExperts},
                      {"us", row.timing.median},
                      {"us_p10", row.timing.p10},
                      {"us_p90", row.timing.p90},
                      {"replays", int64_t(row.timing.replays)},
                      {"tflops", row.tflops},
                      {"tbs", row.tbs},
                      {"floor_us", row.floor},
                      {"share_of_floor", row.floor / row.timing.median},
                      {"right", std::move(right)},
                      {"relative_error", std::move(error)},
                      {"launches", std::move(parts)}};
}

} // namespace moec::cli
