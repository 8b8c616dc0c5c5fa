//===- Recording.h - what is kept of a search -------------------------------===//

#ifndef MOEC_COMPILER_TUNE_RECORDING_H
#define MOEC_COMPILER_TUNE_RECORDING_H

#include "compiler/Engine/Tuned.h"
#include "compiler/Tune/Tuner.h"

namespace moec {

/// Under what a search ran.
struct SearchConditions {
  TunedFor who;
  std::string target;
  int64_t tokens = 0;
  RecordEnvironment environment;
};

/// The records of a finished search: of its winner and, where that one's bits depend on timing, of
/// the fastest build found before whose bits do not, which is what everybody gets who does not ask
/// for the other. That the default is the fastest is worth a record only where the search was not
/// stopped. None of a search that was interrupted, as its winner had no last race.
moert::Result<std::vector<Record>> recordsOf(const MoeBlock &block, const TuneResult &result,
                                             const SearchConditions &conditions);

} // namespace moec

#endif // MOEC_COMPILER_TUNE_RECORDING_H
