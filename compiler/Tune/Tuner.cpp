//===- Tuner.cpp - the search for the fastest build of a block --------------===//

#include "compiler/Tune/Tuner.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// Over all matmuls of a full search: the second where the first improved something.
static constexpr unsigned kPasses = 2;
/// Rounds of the last race of a search that ran out of time.
static constexpr unsigned kFewRounds = 8;

static double secondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Tuner::Tuner(Measurer &measurer, std::vector<Lowering> lowerings, TunerOptions options)
    : clock(secondsNow), measurer(measurer), lowerings(std::move(lowerings)),
      options(std::move(options)),
      limits(limitsOf(this->options.effort, predictedMicroseconds(this->lowerings.front()))),
      timer(measurer, this->lowerings.front().defaults) {
  timer.looks = limits.looks;
  timer.warmTimes = limits.warmTimes;
  result.defaults = result.best = this->lowerings.front().defaults;
  timer.isOver = [this] { return isOver(); };
  timer.onProgress = [this](const std::string &what) { onProgress(what); };
}

TuneResult Tuner::partial() const {
  TuneResult known = result;
  known.wasCutShort = true;
  known.defaultMicroseconds = timer.yardstickMicroseconds();
  known.bestMicroseconds = known.defaultMicroseconds * bestRatio;
  return known;
}

bool Tuner::isOver() {
  if (!result.stopped.empty())
    return true;
  if (interrupted())
    result.stopped = "interrupted";
  else if (clock() - started > options.budgetSeconds)
    result.stopped =
        fmt::format("the budget of {:.1f} s is spent", std::max(0.0, options.budgetSeconds));
  return !result.stopped.empty();
}

static const std::string &nameOf(const Trial &trial) {
  return trial.schedule.empty() ? trial.change : trial.schedule;
}

/// Waits for the compilers of a candidate, which may have much else to do first, though not beyond
/// the time of the search.
bool Tuner::isBuiltInTime(const Trial &trial) {
  if (!recall(trial.choice)) {
    onProgress("compiling " + nameOf(trial));
    measurer.waitForBuild(trial.choice, timer.isOver);
  }
  return !isOver();
}

/// Checks one candidate, or knows it from an earlier search.
Status Tuner::check(Trial &trial) {
  if (const Trial *known = recall(trial.choice)) {
    trial.microseconds = known->microseconds;
    trial.ratio = known->ratio;
    trial.rejected = known->rejected;
    return Status::ok();
  }
  onProgress("checking " + nameOf(trial));
  timer.hasRested();
  Status status = measurer.check(trial.choice);
  if (status.isOk())
    return status;
  trial.rejected = status.message();
  return isRejection(status) ? Status::ok() : std::move(status);
}

/// Times one candidate that passed its check.
Status Tuner::time(Trial &trial) {
  if (!trial.rejected.empty() || trial.ratio != 0)
    return Status::ok();
  onProgress(nameOf(trial));
  MOERT_ASSIGN_OR_RETURN(FairTimer::Time time, timer.time(trial.choice));
  // What would lead the rest of a search has to be as fast once more where no race follows.
  if (time.rejected.empty() && !limits.races && time.ratio < bestRatio && !isOver()) {
    MOERT_ASSIGN_OR_RETURN(FairTimer::Time again, timer.time(trial.choice));
    if (!again.rejected.empty() || again.ratio > time.ratio)
      time = std::move(again);
  }
  trial.microseconds = time.microseconds;
  trial.ratio = time.ratio;
  trial.rejected = std::move(time.rejected);
  return Status::ok();
}

/// Begins to compile what neither is nor was measured in an earlier search.
void Tuner::compile(std::span<const Trial> trials) {
  size_t first = compiled.size();
  for (const Trial &trial : trials)
    if (!recall(trial.choice) && !llvm::is_contained(compiled, trial.choice))
      compiled.push_back(trial.choice);
  std::span<const Choice> choices = std::span(compiled).subspan(first);
  if (choices.empty())
    return;
  measurer.prepare(choices);
}

/// Begins to compile at once what is sure to be tried, and in a quick search what is tried if the
/// default stays, as it mostly does: batch by batch, few cores would have something to do. Kernels
/// that are tried beside another best after all are the same ones, and so in the cache.
void Tuner::compileAhead() {
  if (!compiled.empty())
    return;
  compiled = {result.defaults};
  measurer.prepare(compiled);
  const Lowering &base = lowerings.front();
  std::vector<Trial> trials;
  for (unsigned matmul : matmulsOf(base)) {
    llvm::append_range(trials, tileTrials(base, matmul));
    if (options.effort == Effort::Quick)
      llvm::append_range(trials, refinements(base, matmul, result.best.schedules[matmul]));
  }
  llvm::append_range(trials, loweringTrials());
  // An earlier search of the same knew better what is tried after what.
  if (llvm::none_of(trials, [&](const Trial &trial) { return recall(trial.choice); }))
    compile(trials);
}

/// Whether the search has waited long enough for what it may do without.
bool Tuner::isLate() const { return clock() - warmed > limits.patience; }

/// Builds, measures and races candidates. `whenLeading` hears of each that looks put before
/// all others. `mayLeaveOut`: what is not built by now is not tried once it is late.
Status Tuner::tryBatch(std::vector<Trial> trials,
                       llvm::function_ref<void(const Trial &)> whenLeading, bool mayLeaveOut) {
  auto isLeftOut = [&](const Trial &trial) {
    return mayLeaveOut && isLate() && !recall(trial.choice) && !measurer.isBuilt(trial.choice);
  };
  // Nothing is tried twice, neither as part of another batch.
  std::vector<Trial> fresh;
  for (Trial &trial : trials) {
    auto same = [&](const Trial &other) { return other.choice == trial.choice; };
    if (trial.choice != result.best && trial.choice != result.defaults &&
        llvm::none_of(result.trials, same) && llvm::none_of(fresh, same) && !isLeftOut(trial))
      fresh.push_back(std::move(trial));
  }
  if (fresh.empty() || isOver())
    return Status::ok();
  compile(fresh);
  // All are checked before one is timed: compilers are busy meanwhile, and the card stays warm from
  // one time to the next.
  std::vector<Trial> checked;
  for (Trial &trial : fresh) {
    if (isOver())
      break;
    if (isLeftOut(trial))
      continue;
    if (!isBuiltInTime(trial))
      break;
    MOERT_RETURN_IF_ERROR(check(trial));
    checked.push_back(std::move(trial));
  }
  // Rows are kept as they come: whoever gives up on the search still has them.
  size_t first = result.trials.size();
  double leading = bestRatio;
  for (Trial &trial : checked) {
    if (isOver())
      break;
    MOERT_RETURN_IF_ERROR(time(trial));
    onTrial(trial);
    if (trial.rejected.empty() && trial.ratio < leading * (1 - leastLead())) {
      leading = trial.ratio;
      if (whenLeading)
        whenLeading(trial);
    }
    result.trials.push_back(std::move(trial));
  }
  auto batch = std::span(result.trials).subspan(first);
  if (limits.races && !isOver())
    return race(batch);
  adopt(batch);
  return Status::ok();
}

/// One matmul of a full search: tiles first (where asked for), then one parameter at a time of the
/// best, and of the tile behind it too, which may gain more by it.
Status Tuner::searchMatmul(const Lowering &lowering, unsigned matmul, bool tiles) {
  std::string runnerUp;
  if (tiles) {
    size_t first = result.trials.size();
    MOERT_RETURN_IF_ERROR(tryBatch(tileTrials(lowering, matmul), [&](const Trial &leading) {
      compileSupposing(leading, [&] { return refinements(lowering, matmul, leading.schedule); });
    }));
    runnerUp = runnerUpOf(std::span(result.trials).subspan(first), matmul);
  }
  if (!isOver())
    MOERT_RETURN_IF_ERROR(tryBatch(refinements(lowering, matmul, result.best.schedules[matmul])));
  if (!isOver() && !runnerUp.empty())
    MOERT_RETURN_IF_ERROR(tryBatch(refinements(lowering, matmul, runnerUp)));
  return Status::ok();
}

/// Begins to compile what follows if a trial stays the best, while others are timed.
void Tuner::compileSupposing(const Trial &leading, llvm::function_ref<std::vector<Trial>()> next) {
  Choice former = std::exchange(result.best, leading.choice);
  compile(next());
  result.best = std::move(former);
}

/// A quick search: the tiles of all matmuls, then the refinements of the best, so that compilers
/// are done with what follows one batch while another is timed. A trial that leads has all that
/// follows if it stays the best compiled at once: each wait for a compiler takes as long as ten
/// candidates.
Status Tuner::searchQuickly(const Lowering &lowering) {
  std::vector<unsigned> matmuls = matmulsOf(lowering);
  auto refine = [&](unsigned matmul) {
    return refinements(lowering, matmul, result.best.schedules[matmul]);
  };
  auto compileRest = [&](const Trial &leading, size_t tiles, size_t refined) {
    compileSupposing(leading, [&] {
      std::vector<Trial> rest;
      for (size_t i = tiles; i < matmuls.size(); ++i)
        llvm::append_range(rest, tileTrials(lowering, matmuls[i]));
      for (size_t i = refined; i < matmuls.size(); ++i)
        llvm::append_range(rest, refine(matmuls[i]));
      llvm::append_range(rest, loweringTrials());
      return rest;
    });
  };
  for (size_t i = 0; i < matmuls.size(); ++i)
    MOERT_RETURN_IF_ERROR(tryBatch(
        tileTrials(lowering, matmuls[i]),
        [&](const Trial &leading) { compileRest(leading, i + 1, 0); }, /*mayLeaveOut=*/false));
  for (size_t i = 0; i < matmuls.size(); ++i)
    MOERT_RETURN_IF_ERROR(tryBatch(refine(matmuls[i]), [&](const Trial &leading) {
      compileRest(leading, matmuls.size(), i + 1);
    }));
  return Status::ok();
}

Status Tuner::searchSchedules(const Lowering &lowering) {
  if (options.effort == Effort::Quick)
    return searchQuickly(lowering);
  for (unsigned pass = 0; pass < kPasses && !isOver(); ++pass) {
    Choice before = result.best;
    for (unsigned matmul : matmulsOf(lowering)) {
      MOERT_RETURN_IF_ERROR(searchMatmul(lowering, matmul, pass == 0));
      if (isOver())
        break;
    }
    if (result.best == before)
      break;
  }
  return Status::ok();
}

Status Tuner::tryLowerings() {
  if (result.best.combine == CombineMode::Ordered)
    result.deterministic = {result.best, bestRatio};
  if (!limits.races && result.best != result.defaults) {
    std::vector<Trial> trials;
    for (const Lowering &lowering : llvm::drop_begin(lowerings)) {
      trials.emplace_back().change = lowering.name;
      trials.back().choice = lowering.defaults;
    }
    MOERT_RETURN_IF_ERROR(tryBatch(std::move(trials)));
    if (isOver())
      return Status::ok();
  }
  MOERT_RETURN_IF_ERROR(tryBatch(loweringTrials()));
  for (size_t i = 1; i < lowerings.size(); ++i)
    if (result.best.fusions == lowerings[i].defaults.fusions &&
        result.best.combine == lowerings[i].defaults.combine)
      current = i;
  return Status::ok();
}

/// The last race of a build. The budget does not end it, as it decides what is kept; when that is
/// spent already the rounds are few instead.
Result<FairTimer::Turns> Tuner::raceAgainstDefault(const Choice &choice) {
  unsigned rounds = result.stopped.empty() ? limits.rounds : kFewRounds;
  return timer.takeTurns({&choice, 1}, rounds, interrupted);
}

/// After a race of all: its winner stays where it is faster beyond doubt.
void Tuner::settleWinner() {
  if (bestRatio > 1 - std::max(kNoise, bestDoubt)) {
    result.best = result.defaults;
    bestRatio = 1;
  }
  result.defaultMicroseconds = timer.yardstickMicroseconds();
  result.bestMicroseconds = result.defaultMicroseconds * bestRatio;
}

/// Races the winner against the default once more.
Status Tuner::proveWinner() {
  MOERT_ASSIGN_OR_RETURN(FairTimer::Turns turns, raceAgainstDefault(result.best));
  if (!turns.failures[0].empty())
    return Status(StatusCode::Internal, "the best build, measured again: " + turns.failures[0]);
  result.defaultMicroseconds = median(turns.yardstick);
  result.bestMicroseconds = result.defaultMicroseconds * median(turns.ratios[0]);
  if (result.ratio() > 1 - leastLead(unsigned(turns.ratios[0].size()))) {
    result.best = result.defaults;
    result.bestMicroseconds = result.defaultMicroseconds;
  }
  return Status::ok();
}

/// Races the best deterministic build, which is kept beside one that is not, against the default.
Status Tuner::proveDeterministic() {
  if (!result.deterministic || result.deterministic->choice == result.defaults)
    return Status::ok();
  MOERT_ASSIGN_OR_RETURN(FairTimer::Turns turns, raceAgainstDefault(result.deterministic->choice));
  result.deterministic->ratio = turns.failures[0].empty() ? median(turns.ratios[0]) : 1;
  if (result.deterministic->ratio > 1 - leastLead(unsigned(turns.ratios[0].size())))
    result.deterministic = {result.defaults, 1};
  return Status::ok();
}

/// Makes sure that nobody's memory was written by a candidate, and that the winner is one.
Status Tuner::finish() {
  if (Status status = measurer.check(result.defaults); !status.isOk())
    return std::move(status).withContext("the default, checked again after the search");
  if (result.best == result.defaults) {
    result.defaultMicroseconds = result.bestMicroseconds = timer.yardstickMicroseconds();
    return Status::ok();
  }
  if (Status status = measurer.check(result.best); !status.isOk())
    return std::move(status).withContext("the best build, checked again after the search");
  if (interrupted()) {
    (void)isOver(); // says so
    result = partial();
    return Status::ok();
  }
  // A quick search that came to its end has just run its only race.
  if (!limits.races && result.stopped.empty())
    settleWinner();
  else
    MOERT_RETURN_IF_ERROR(proveWinner());
  // Where batches are not raced, only looks have spoken for it.
  if (!limits.races && result.best.combine == CombineMode::Accumulate)
    MOERT_RETURN_IF_ERROR(proveDeterministic());
  if (interrupted()) { // of the last rounds some are missing
    (void)isOver();
    result.wasCutShort = true;
  }
  return Status::ok();
}

Result<TuneResult> Tuner::run() {
  started = clock();
  const Lowering &base = lowerings.front();
  for (size_t i = 0; i < base.tasks.size(); ++i) {
    const search::Task &task = base.tasks[i];
    MOERT_ASSIGN_OR_RETURN(
        kernel::ScheduleAttr schedule,
        search::legalSchedule(search::ScheduleText::parse(base.defaults.schedules[i]),
                              task.setting));
    result.defaultPredicted.push_back(
        search::predict(schedule, task.problem, task.groups, task.tokens, task.machine).total);
  }
  compileAhead();
  if (Status status = measurer.check(result.defaults); !status.isOk())
    return std::move(status).withContext("the default");
  MOERT_RETURN_IF_ERROR(timer.warmUp());
  warmed = clock();
  Trial trial;
  trial.change = "default";
  trial.choice = result.defaults;
  trial.microseconds = timer.yardstickMicroseconds();
  trial.ratio = 1;
  onTrial(trial);
  Status status = searchSchedules(lowerings.front());
  if (status.isOk() && !isOver() && lowerings.size() > 1) {
    status = tryLowerings();
    if (status.isOk() && current != 0 && options.effort == Effort::Full)
      status = searchSchedules(lowerings[current]);
  }
  // All that is raced now has been built; for the rest races would only wait.
  measurer.abandon();
  if (status.isOk() && !isOver() && !limits.races)
    status = race(result.trials);
  if (status.code() == StatusCode::Budget && result.stopped.empty()) {
    // A candidate that hangs takes the device with it; what was found before stands.
    result.stopped = status.message();
    return partial();
  }
  MOERT_RETURN_IF_ERROR(status);
  MOERT_RETURN_IF_ERROR(finish());
  return result;
}

} // namespace moec
