//===- Tuner.h - the search for the fastest build of a block ----------------===//
//
// Coordinate-wise: the schedules of one grouped matmul are varied while everything else is at its
// best so far, in the whole block, where they share caches, power and launches with the rest. All
// times are fair ones (FairTimer.h), so that a drifting clock is not taken for a better schedule;
// what comes out within a few percent of the best is measured again in turns.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_TUNER_H
#define MOEC_COMPILER_TUNE_TUNER_H

#include "compiler/Tune/Effort.h"
#include "compiler/Tune/FairTimer.h"
#include "compiler/Tune/Measurer.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <functional>
#include <limits>
#include <map>
#include <optional>

namespace moec {

struct TunerOptions {
  Effort effort = Effort::Quick;
  std::vector<unsigned> matmuls; ///< to search, in this order; empty: all
  double budgetSeconds = std::numeric_limits<double>::infinity(); ///< of `run`
};

/// A candidate and what became of it.
struct Trial {
  int matmul = -1;    ///< -1: a lowering
  std::string change; ///< "default", "tile", the parameter that was varied, or the lowering
  Choice choice;
  std::string schedule;    ///< of that matmul; empty for a lowering
  double predicted = 0;    ///< microseconds of the matmul alone; 0 for a lowering
  size_t rank = 0;         ///< in the model's order of the candidates of a batch, from 1
  double microseconds = 0; ///< of the block; 0 where it was rejected
  double ratio = 0;        ///< to the default's time around the same moment
  std::string rejected;    ///< the reason; empty where it was measured
  bool finalist = false;   ///< measured again in turns
  bool won = false;        ///< became the best of its batch
};

struct TuneResult {
  Choice defaults, best;
  double defaultMicroseconds = 0, bestMicroseconds = 0; ///< of the last rounds in turns
  std::vector<double> defaultPredicted; ///< microseconds of each matmul alone, by the model
  std::vector<Trial> trials;
  std::string stopped;      ///< why the search ended early; empty where it did not
  bool wasCutShort = false; ///< without the last race, so that the best is not sure to be one
  /// The best before lowerings were tried whose bits depend on timing.
  struct Deterministic {
    Choice choice;
    double ratio;
  };
  std::optional<Deterministic> deterministic;

  double ratio() const {
    return defaultMicroseconds == 0 ? 1 : bestMicroseconds / defaultMicroseconds;
  }
};

/// One search, at one token count and one routing.
class Tuner {
public:
  /// `lowerings`: the one to start from, then those to try beside it.
  Tuner(Measurer &measurer, std::vector<Lowering> lowerings, TunerOptions options);
  Tuner(const Tuner &) = delete; // the timer calls this object
  Tuner &operator=(const Tuner &) = delete;

  /// Seconds since any moment; replaced in tests.
  std::function<double()> clock;
  /// Whether somebody asked to stop.
  std::function<bool()> interrupted = [] { return false; };
  /// What became of a choice in an earlier search of the same; null where it was not tried. Its
  /// ratio is taken over, and only what comes near the best is measured again, in turns.
  std::function<const Trial *(const Choice &)> recall = [](const Choice &) { return nullptr; };
  /// Called before a candidate is built or measured, and with the default's time and every finished
  /// trial.
  std::function<void(const std::string &what)> onProgress = [](const std::string &) {};
  std::function<void(const Trial &)> onTrial = [](const Trial &) {};

  /// Replaces the budget of the options, for a caller that knows only after preparing what that
  /// left.
  void setBudget(double seconds) { options.budgetSeconds = seconds; }

  /// Over how many inputs the measurer is to measure.
  size_t sets() const { return limits.sets; }

  /// Has the measurer begin to build what is sure to be tried; `run` does, unless it was done
  /// before, while the measurer's inputs were made.
  void compileAhead();

  /// Fails only where the default itself cannot be built, run or trusted, or the device is lost;
  /// everything else is a rejected trial.
  moert::Result<TuneResult> run();

  /// What is known while `run` runs, for a caller that has to give up on it.
  TuneResult partial() const;

private:
  /// A gain below this is noise: the former best stays.
  static constexpr double kNoise = 0.003;

  bool isOver();
  /// Ratios to the default's time, a series for the best so far and for each finalist.
  struct Race {
    std::vector<Trial *> finalists;
    std::vector<std::vector<double>> ratios;
    double deviation() const;
    void dropIf(llvm::function_ref<bool(const Trial &)> isOut);
  };
  moert::Status check(Trial &trial);
  moert::Status time(Trial &trial);
  std::vector<Trial *> finalistsOf(std::span<Trial> trials) const;
  moert::Status race(std::span<Trial> trials);
  moert::Status takeTurns(Race &race);
  moert::Status tryBatch(std::vector<Trial> trials,
                         llvm::function_ref<void(const Trial &)> whenLeading = {},
                         bool mayLeaveOut = true);
  bool isBuiltInTime(const Trial &trial);
  bool isLate() const;
  double leastLead(unsigned ratios = 2) const;
  void adopt(std::span<Trial> trials);
  void compile(std::span<const Trial> trials);
  const std::vector<search::Candidate> &tilesOf(const search::Task &task);
  std::vector<Trial> tileTrials(const Lowering &lowering, unsigned matmul);
  std::vector<Trial> refinements(const Lowering &lowering, unsigned matmul,
                                 llvm::StringRef schedule) const;
  std::string runnerUpOf(std::span<const Trial> tiles, unsigned matmul) const;
  std::vector<Trial> loweringTrials() const;
  std::vector<unsigned> matmulsOf(const Lowering &lowering) const;
  moert::Status searchMatmul(const Lowering &lowering, unsigned matmul, bool tiles);
  void compileSupposing(const Trial &leading, llvm::function_ref<std::vector<Trial>()> next);
  moert::Status searchQuickly(const Lowering &lowering);
  moert::Status searchSchedules(const Lowering &lowering);
  moert::Status tryLowerings();
  moert::Status finish();
  moert::Result<FairTimer::Turns> raceAgainstDefault(const Choice &choice);
  void settleWinner();
  moert::Status proveWinner();
  moert::Status proveDeterministic();
  Trial scheduleTrial(unsigned matmul, std::string change, const search::Task &task,
                      kernel::ScheduleAttr schedule) const;

  Measurer &measurer;
  std::vector<Lowering> lowerings;
  TunerOptions options;
  Limits limits;
  TuneResult result;
  size_t current = 0; ///< lowering of the best
  double started = 0, warmed = 0; ///< when the search began, and when the default had its time
  std::map<const search::Task *, std::vector<search::Candidate>> shortlists; ///< tiles to try
  std::vector<Choice> compiled; ///< that the measurer was asked to prepare
  FairTimer timer;              ///< against the default
  double bestRatio = 1;         ///< of the best, to the default
  double bestDoubt = 0;         ///< by how much a race may be wrong about it
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_TUNER_H
