//===- Report.h - what a search found ---------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_REPORT_H
#define MOEC_COMPILER_TUNE_REPORT_H

#include "compiler/Tune/Tuner.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace moec {

/// One line of a trial: microseconds, share of the default's time, the model's figures, the
/// schedule, and for a rejected one the reason.
void printTrial(llvm::raw_ostream &os, const Trial &trial);

/// The winner of each matmul, how well the model foresaw it, and the options that build the best.
/// `subject` and `conditions` ("--tokens 64 --routing uniform") make the command that repeats it.
void printSummary(llvm::raw_ostream &os, const TuneResult &result, llvm::StringRef subject,
                  llvm::StringRef conditions);

/// Everything, for programs.
llvm::json::Object toJson(const TuneResult &result);

/// How well the model ordered the tiles of one matmul.
struct Foresight {
  unsigned matmul = 0;
  size_t tiles = 0;      ///< measured
  size_t rankOfBest = 0; ///< the fastest tile's place in the model's order, from 1
  double regret = 1;     ///< time of the model's first choice over that of the fastest
};
std::vector<Foresight> foresight(const TuneResult &result);

} // namespace moec

#endif // MOEC_COMPILER_TUNE_REPORT_H
