//===- Tuner.cpp - the search for the fastest build of a block --------------===//

#include "compiler/Tune/Tuner.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// Candidates after which the default is measured again.
static constexpr unsigned kGuardEvery = 4;
/// What counts as near the best, and how many of those are measured again.
static constexpr double kNear = 1.03;
static constexpr size_t kFinalists = 3;
static constexpr unsigned kRounds = 4, kLastRounds = 6;
/// A gain below this is noise: the former best stays.
static constexpr double kNoise = 0.003;

Limits limitsOf(Effort effort) {
  return effort == Effort::Quick ? Limits{8, 4, 1, false} : Limits{20, 20, 3, true};
}

static double secondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Tuner::Tuner(Measurer &measurer, std::vector<Lowering> lowerings, TunerOptions options)
    : clock(secondsNow), measurer(measurer), lowerings(std::move(lowerings)),
      options(std::move(options)) {}

/// Whether a failure is the candidate's own. A lost device and a time limit are not.
static bool isRejection(const Status &status) {
  return status.code() != StatusCode::NoDevice && status.code() != StatusCode::Budget;
}

TuneResult Tuner::partial() const {
  TuneResult known = result;
  known.defaultMicroseconds = guard;
  known.bestMicroseconds = guard * bestRatio;
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

/// Times a build that ran before. What a candidate broke behind its back may show here first, so a
/// failure is given a second chance.
Result<double> Tuner::measureTrusted(const Choice &choice, Measurer::Length length) {
  Result<double> time = measurer.measure(choice, length);
  if (!time && isRejection(time.status()))
    time = measurer.measure(choice, length);
  return time;
}

Status Tuner::measureDefault() {
  MOERT_ASSIGN_OR_RETURN(guard, measureTrusted(result.defaults, Measurer::Length::Short));
  sinceGuard = 0;
  return Status::ok();
}

/// Checks and times one candidate.
Status Tuner::evaluate(Trial &trial) {
  if (sinceGuard == kGuardEvery)
    MOERT_RETURN_IF_ERROR(measureDefault());
  onProgress(trial.schedule.empty() ? trial.change : trial.schedule);
  Status status = measurer.check(trial.choice);
  Result<double> time = status.isOk() ? measurer.measure(trial.choice, Measurer::Length::Short)
                                      : Result<double>(status);
  if (!time && !isRejection(time.status()))
    return time.status();
  if (!time) {
    trial.rejected = time.status().message();
    return Status::ok();
  }
  ++sinceGuard;
  trial.microseconds = *time;
  trial.ratio = *time / guard;
  return Status::ok();
}

/// The median; of an even number the mean of the two in the middle.
static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// The trials that are near the best one, fastest first.
static std::vector<Trial *> finalistsOf(std::span<Trial> trials, double bestRatio) {
  double least = bestRatio;
  for (const Trial &trial : trials)
    if (trial.rejected.empty())
      least = std::min(least, trial.ratio);
  std::vector<Trial *> finalists;
  for (Trial &trial : trials)
    if (trial.rejected.empty() && trial.ratio <= kNear * least)
      finalists.push_back(&trial);
  llvm::sort(finalists, [](Trial *a, Trial *b) { return a->ratio < b->ratio; });
  if (finalists.size() > kFinalists)
    finalists.resize(kFinalists);
  return finalists;
}

/// Measures builds in turns, forwards and backwards, so that each has every place as often as its
/// counterpart and a drift of the clock cancels out. `times[i]` gets one time of `choices[i]` a
/// round; a failure of the first one, which ran before, is the failure of the race, that of another
/// one leaves its message in `failures[i]`.
Status Tuner::takeTurns(std::span<const Choice> choices, unsigned rounds,
                        std::vector<std::vector<double>> &times,
                        std::vector<std::string> &failures) {
  times.assign(choices.size(), {});
  failures.assign(choices.size(), "");
  for (unsigned round = 0; round < rounds; ++round) {
    if (round != 0 && isOver())
      break;
    onProgress(fmt::format("in turns, round {} of {}", round + 1, rounds));
    for (size_t place = 0; place < choices.size(); ++place) {
      size_t i = round % 2 == 0 ? place : choices.size() - 1 - place;
      if (!failures[i].empty())
        continue;
      Result<double> time = i == 0 ? measureTrusted(choices[i], Measurer::Length::Long)
                                   : measurer.measure(choices[i], Measurer::Length::Long);
      if (time)
        times[i].push_back(*time);
      else if (i == 0 || !isRejection(time.status()))
        return time.status();
      else
        failures[i] = time.status().message();
    }
  }
  return Status::ok();
}

/// Measures the finalists among `trials`, the best so far and the default in turns; where one of
/// them is faster it becomes the best.
Status Tuner::race(std::span<Trial> trials) {
  std::vector<Trial *> finalists = finalistsOf(trials, bestRatio);
  if (finalists.empty())
    return Status::ok();
  std::vector<Choice> choices = {result.defaults};
  if (result.best != result.defaults)
    choices.push_back(result.best);
  size_t first = choices.size();
  for (Trial *trial : finalists)
    choices.push_back(trial->choice);
  std::vector<std::vector<double>> times;
  std::vector<std::string> failures;
  MOERT_RETURN_IF_ERROR(takeTurns(choices, kRounds, times, failures));
  guard = median(times.front());
  sinceGuard = 0;
  // A best that fails now gives way to any that does not.
  bestRatio = times[first - 1].empty() ? std::numeric_limits<double>::infinity()
                                       : median(times[first - 1]) / guard;
  Trial *winner = nullptr;
  for (size_t i = 0; i < finalists.size(); ++i) {
    Trial &trial = *finalists[i];
    trial.finalist = true;
    trial.rejected = failures[first + i];
    if (!trial.rejected.empty())
      continue;
    trial.microseconds = median(times[first + i]);
    trial.ratio = trial.microseconds / guard;
    if (trial.ratio < (winner ? winner->ratio : bestRatio * (1 - kNoise)))
      winner = &trial;
  }
  if (winner) {
    winner->won = true;
    result.best = winner->choice;
    bestRatio = winner->ratio;
  } else if (bestRatio > 1) {
    result.best = result.defaults;
    bestRatio = 1;
  }
  return Status::ok();
}

/// Builds, measures and races candidates.
Status Tuner::tryBatch(std::vector<Trial> trials) {
  // Nothing is tried twice, neither as part of another batch.
  std::vector<Trial> fresh;
  for (Trial &trial : trials) {
    auto same = [&](const Trial &other) { return other.choice == trial.choice; };
    if (trial.choice != result.best && trial.choice != result.defaults &&
        llvm::none_of(result.trials, same) && llvm::none_of(fresh, same))
      fresh.push_back(std::move(trial));
  }
  if (fresh.empty() || isOver())
    return Status::ok();
  std::vector<Choice> choices;
  for (const Trial &trial : fresh)
    choices.push_back(trial.choice);
  onProgress(fmt::format("compiling {} candidates", choices.size()));
  measurer.prepare(choices);
  // Rows are kept as they come: whoever gives up on the search still has them.
  size_t first = result.trials.size();
  for (Trial &trial : fresh) {
    if (isOver())
      break;
    MOERT_RETURN_IF_ERROR(evaluate(trial));
    onTrial(trial);
    result.trials.push_back(std::move(trial));
  }
  auto batch = std::span(result.trials).subspan(first);
  if (!isOver())
    return race(batch);
  for (Trial &trial : batch) // out of time: the measured order decides
    if (trial.rejected.empty() && trial.ratio < bestRatio * (1 - kNoise)) {
      result.best = trial.choice;
      bestRatio = trial.ratio;
    }
  return Status::ok();
}

Trial Tuner::scheduleTrial(unsigned matmul, std::string change, const search::Task &task,
                           kernel::ScheduleAttr schedule) const {
  Trial trial;
  trial.matmul = int(matmul);
  trial.change = std::move(change);
  trial.schedule = search::toText(schedule);
  trial.choice = result.best;
  trial.choice.schedules[matmul] = trial.schedule;
  trial.predicted =
      search::predict(schedule, task.problem, task.groups, task.tokens, task.machine).total;
  return trial;
}

/// Numbers trials by what the model thinks of them.
static void rankTrials(std::vector<Trial> &trials) {
  for (Trial &trial : trials)
    trial.rank = 1 + size_t(llvm::count_if(trials, [&](const Trial &other) {
                   return other.predicted < trial.predicted;
                 }));
}

/// One matmul: tiles first (where asked for), then one parameter at a time of the best.
Status Tuner::searchMatmul(const Lowering &lowering, unsigned matmul, bool tiles) {
  const search::Task &task = lowering.tasks[matmul];
  Limits limits = limitsOf(options.effort);
  if (tiles) {
    search::Space space = search::enumerate(task.setting);
    std::vector<search::Candidate> chosen =
        search::shortlist(search::rank(space, task), search::proven(task), limits.tiles);
    std::vector<Trial> trials;
    for (const search::Candidate &candidate : chosen)
      trials.push_back(scheduleTrial(matmul, "tile", task, candidate.schedule));
    rankTrials(trials);
    MOERT_RETURN_IF_ERROR(tryBatch(std::move(trials)));
  }
  if (isOver())
    return Status::ok();
  search::ScheduleText text = search::ScheduleText::parse(result.best.schedules[matmul]);
  Result<kernel::ScheduleAttr> best = search::legalSchedule(text, task.setting);
  if (!best)
    return Status::ok(); // the other lowering's tile does not fit here
  std::vector<Trial> trials;
  for (const search::Neighbour &neighbour :
       search::neighbours(*best, task.setting, limits.shapes)) {
    if (trials.size() == limits.refinements)
      break;
    trials.push_back(scheduleTrial(matmul, neighbour.parameter.str(), task, neighbour.schedule));
  }
  rankTrials(trials);
  return tryBatch(std::move(trials));
}

Status Tuner::searchSchedules(const Lowering &lowering) {
  std::vector<unsigned> matmuls = options.matmuls;
  if (matmuls.empty())
    for (unsigned i = 0; i < lowering.tasks.size(); ++i)
      matmuls.push_back(i);
  for (unsigned pass = 0; pass < limitsOf(options.effort).passes && !isOver(); ++pass) {
    Choice before = result.best;
    for (unsigned matmul : matmuls) {
      if (matmul < lowering.tasks.size())
        MOERT_RETURN_IF_ERROR(searchMatmul(lowering, matmul, pass == 0));
      if (isOver())
        break;
    }
    if (result.best == before)
      break;
  }
  return Status::ok();
}

/// The other fusions and forms of combine, with the best schedules or, for a matmul whose best is
/// not legal there, the default one.
Status Tuner::tryLowerings() {
  std::vector<Trial> trials;
  for (const Lowering &lowering : llvm::drop_begin(lowerings)) {
    Trial trial;
    trial.change = lowering.name;
    trial.choice = lowering.defaults;
    for (size_t i = 0; i < std::min(lowering.tasks.size(), result.best.schedules.size()); ++i)
      if (search::legalSchedule(search::ScheduleText::parse(result.best.schedules[i]),
                                lowering.tasks[i].setting))
        trial.choice.schedules[i] = result.best.schedules[i];
    trials.push_back(std::move(trial));
  }
  MOERT_RETURN_IF_ERROR(tryBatch(std::move(trials)));
  for (size_t i = 1; i < lowerings.size(); ++i)
    if (result.best.fusions == lowerings[i].defaults.fusions &&
        result.best.combine == lowerings[i].defaults.combine)
      current = i;
  return Status::ok();
}

/// Measures the winner against the default once more and makes sure that nobody's memory was
/// written by a candidate.
Status Tuner::finish() {
  if (Status status = measurer.check(result.defaults); !status.isOk())
    return std::move(status).withContext("the default, checked again after the search");
  if (result.best == result.defaults) {
    result.defaultMicroseconds = result.bestMicroseconds = guard;
    return Status::ok();
  }
  if (Status status = measurer.check(result.best); !status.isOk())
    return std::move(status).withContext("the best build, checked again after the search");
  if (interrupted()) {
    result = partial();
    return Status::ok();
  }
  std::vector<std::vector<double>> times;
  std::vector<std::string> failures;
  MOERT_RETURN_IF_ERROR(takeTurns(std::vector<Choice>{result.defaults, result.best},
                                  result.stopped.empty() ? kLastRounds : 1, times, failures));
  if (!failures[1].empty())
    return Status(StatusCode::Internal, "the best build, measured again: " + failures[1]);
  result.defaultMicroseconds = median(times[0]);
  result.bestMicroseconds = median(times[1]);
  if (result.ratio() > 1 - kNoise) {
    result.best = result.defaults;
    result.bestMicroseconds = result.defaultMicroseconds;
  }
  return Status::ok();
}

Result<TuneResult> Tuner::run() {
  started = clock();
  const Lowering &base = lowerings.front();
  result.defaults = result.best = base.defaults;
  for (size_t i = 0; i < base.tasks.size(); ++i) {
    const search::Task &task = base.tasks[i];
    MOERT_ASSIGN_OR_RETURN(
        kernel::ScheduleAttr schedule,
        search::legalSchedule(search::ScheduleText::parse(base.defaults.schedules[i]),
                              task.setting));
    result.defaultPredicted.push_back(
        search::predict(schedule, task.problem, task.groups, task.tokens, task.machine).total);
  }
  onProgress("compiling the default");
  measurer.prepare(std::span(&result.defaults, 1));
  if (Status status = measurer.check(result.defaults); !status.isOk())
    return std::move(status).withContext("the default");
  // The first time warms the card up.
  for (unsigned i = 0; i < 2; ++i)
    MOERT_RETURN_IF_ERROR(measureDefault());
  Trial trial;
  trial.change = "default";
  trial.choice = result.defaults;
  trial.microseconds = guard;
  trial.ratio = 1;
  onTrial(trial);
  Status status = searchSchedules(lowerings.front());
  if (status.isOk() && !isOver() && lowerings.size() > 1) {
    status = tryLowerings();
    if (status.isOk() && current != 0 && options.effort == Effort::Full)
      status = searchSchedules(lowerings[current]);
  }
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
