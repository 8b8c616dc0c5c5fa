//===- Choice.h - one way to build a block ----------------------------------===//

#ifndef MOEC_COMPILER_TUNE_CHOICE_H
#define MOEC_COMPILER_TUNE_CHOICE_H

#include "compiler/Pipelines/Pipelines.h"

#include <string>
#include <vector>

namespace moec {

/// Everything that the search decides: fusions, the form of the combine and the schedule of every
/// grouped matmul.
struct Choice {
  FusionChoice fusions;
  CombineMode combine = CombineMode::Ordered;
  std::vector<std::string> schedules; ///< by position in the function

  bool operator==(const Choice &) const = default;
  /// What `--schedule` takes: "0: wgmma, ...; 1: ...".
  std::string scheduleText() const;
  /// The options of moec that build it, apart from the default ones.
  std::string options() const;
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_CHOICE_H
