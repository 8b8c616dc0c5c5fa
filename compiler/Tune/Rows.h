//===- Rows.h - the trials of a search that may be interrupted --------------===//

#ifndef MOEC_COMPILER_TUNE_ROWS_H
#define MOEC_COMPILER_TUNE_ROWS_H

#include "compiler/Tune/Tuner.h"

#include <filesystem>

namespace moec {

/// A file with a line for every finished trial, written as it comes. What was cut by a crash is the
/// last line, which is not read.
class Rows {
public:
  /// Starts with the rows of the file where `resume`, else without any.
  Rows(std::filesystem::path path, bool resume);

  /// The measured or rejected trial of that choice; null where there is none.
  const Trial *find(const Choice &choice) const;
  size_t size() const { return known.size(); }
  /// Keeps a trial. A file that cannot be written costs the resuming, nothing else.
  void append(const Trial &trial) const;
  /// The search came to its end.
  void remove() const;

private:
  std::filesystem::path path;
  std::vector<Trial> known;
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_ROWS_H
