//===- TunerTrials.cpp - what a search tries --------------------------------===//

#include "compiler/Tune/Tuner.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using moert::Result;

namespace moec {

/// How near the best so far a tile must be to be refined too.
static constexpr double kRunnerUp = 1.015;

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

/// The tiles to try, of which the model thinks once: many experts of many rows take it seconds.
const std::vector<search::Candidate> &Tuner::tilesOf(const search::Task &task) {
  std::vector<search::Candidate> &tiles = shortlists[&task];
  if (tiles.empty())
    tiles = search::shortlist(search::rank(search::enumerate(task.setting), task),
                              search::proven(task), limits.tiles);
  return tiles;
}

std::vector<Trial> Tuner::tileTrials(const Lowering &lowering, unsigned matmul) {
  const search::Task &task = lowering.tasks[matmul];
  std::vector<Trial> trials;
  for (const search::Candidate &candidate : tilesOf(task))
    trials.push_back(scheduleTrial(matmul, "tile", task, candidate.schedule));
  rankTrials(trials);
  return trials;
}

/// The best with another schedule of a matmul in which one parameter is changed; none where its
/// tile does not fit the lowering.
std::vector<Trial> Tuner::refinements(const Lowering &lowering, unsigned matmul,
                                      llvm::StringRef schedule) const {
  const search::Task &task = lowering.tasks[matmul];
  search::ScheduleText text = search::ScheduleText::parse(schedule);
  std::vector<Trial> trials;
  Result<kernel::ScheduleAttr> best = search::legalSchedule(text, task.setting);
  if (!best)
    return trials;
  for (const search::Neighbour &neighbour :
       search::neighbours(*best, task.setting, limits.shapes)) {
    if (trials.size() == limits.refinements)
      break;
    trials.push_back(scheduleTrial(matmul, neighbour.parameter.str(), task, neighbour.schedule));
  }
  rankTrials(trials);
  return trials;
}

/// The fastest of these tiles that is not the best; "" where none comes near it.
std::string Tuner::runnerUpOf(std::span<const Trial> tiles, unsigned matmul) const {
  double least = kRunnerUp * bestRatio;
  std::string schedule;
  for (const Trial &trial : tiles)
    if (trial.rejected.empty() && trial.ratio < least &&
        trial.schedule != result.best.schedules[matmul]) {
      least = trial.ratio;
      schedule = trial.schedule;
    }
  return schedule;
}

/// Those to search: all, or what was asked for.
std::vector<unsigned> Tuner::matmulsOf(const Lowering &lowering) const {
  std::vector<unsigned> matmuls;
  for (unsigned i = 0; i < lowering.tasks.size(); ++i)
    if (options.matmuls.empty() || llvm::is_contained(options.matmuls, i))
      matmuls.push_back(i);
  return matmuls;
}

/// The other fusions and forms of combine, with the best schedules or, for a matmul whose best is
/// not legal there, the default one. A quick search, which compiled them with the default
/// schedules, leaves those out that were slower with these.
std::vector<Trial> Tuner::loweringTrials() const {
  std::vector<Trial> trials;
  for (const Lowering &lowering : llvm::drop_begin(lowerings)) {
    auto isSlower = [&](const Trial &trial) {
      return trial.choice == lowering.defaults &&
             (!trial.rejected.empty() || trial.ratio > 1 - kNoise);
    };
    if (!limits.races && llvm::any_of(result.trials, isSlower))
      continue;
    Trial trial;
    trial.change = lowering.name;
    trial.choice = lowering.defaults;
    for (size_t i = 0; i < std::min(lowering.tasks.size(), result.best.schedules.size()); ++i)
      if (search::legalSchedule(search::ScheduleText::parse(result.best.schedules[i]),
                                lowering.tasks[i].setting))
        trial.choice.schedules[i] = result.best.schedules[i];
    trials.push_back(std::move(trial));
  }
  return trials;
}

} // namespace moec
