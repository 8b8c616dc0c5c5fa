//===- BenchTable.h - what moec bench tells -----------------------------------===//
//
// A row of its results, on a line of the table and in JSON.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_BENCHTABLE_H
#define MOEC_COMPILER_TOOLS_MOEC_BENCHTABLE_H

#include "compiler/Bench/CudaBench.h"
#include "compiler/Reference/Check.h"

#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace moec::cli {

struct BenchRow {
  int64_t tokens = 0;
  std::string routing;
  Timing timing;
  double touchedExperts = 0;
  double tflops = 0, tbs = 0, floor = 0;
  struct Part {
    std::string kernel;
    double microseconds;
  };
  std::vector<Part> parts;
  std::optional<CheckReport> check; ///< of the first input whose result is wrong, else of the first
  std::string unsteady;             ///< which input's result is not what one run leaves, and where

  bool isWrong() const { return (check && !check->passed()) || !unsteady.empty(); }
};

/// The names of the columns.
void printBenchColumns();
/// A line, and one for each part and for a check.
void printBenchRow(const BenchRow &row);
llvm::json::Object toJson(const BenchRow &row);

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_BENCHTABLE_H
