//===- Histogram.h - recorded numbers of tokens of each expert --------------===//
//
// What a router really did, as a JSON file:
//
//   {"counts": [1520, 31, 0, 977]}
//
// `counts` has a number for each expert, in the order of the experts: how many tokens chose it, or
// anything in proportion to that. Other members are notes of whoever recorded it and are not read.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_INPUTS_HISTOGRAM_H
#define MOEC_COMPILER_INPUTS_HISTOGRAM_H

#include "runtime/Support/Status.h"

#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace moec {

struct Histogram {
  std::string path;           ///< as it was given; for messages and commands
  std::vector<double> counts; ///< finite, from 0 on

  bool operator==(const Histogram &) const = default;
  /// 32 hexadecimal digits of the counts alone: the same for a copy elsewhere, another one for a
  /// file that has changed.
  std::string digest() const;
};

/// Reads a file. InvalidInput, with the path and the place in it, where it is not as above.
moert::Result<Histogram> readHistogram(std::string path);

/// The content of a file, and back.
moert::Result<Histogram> histogramFromJson(const llvm::json::Value &value, std::string path);
llvm::json::Object toJson(const Histogram &histogram);

} // namespace moec

#endif // MOEC_COMPILER_INPUTS_HISTOGRAM_H
