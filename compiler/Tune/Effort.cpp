//===- Effort.cpp - how much a search tries ---------------------------------===//

#include "compiler/Tune/Effort.h"

#include "compiler/Bench/CudaBench.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moec {

/// From when on, in microseconds of a block, a quick search tries less and less.
static constexpr double kMedium = 500, kLong = 1500, kVeryLong = 3000, kEndless = 10000;
/// For how many seconds a quick search waits for what it may do without.
static constexpr double kQuickPatience = 3.5;
/// How long a walk of a quick search should take at least, in microseconds: longer ones are
/// repeated too rarely.
static constexpr double kWalk = 5000;

Limits limitsOf(Effort effort, double microseconds) {
  if (effort == Effort::Full)
    return {.tiles = 20,
            .refinements = 20,
            .sets = CudaBench::kSets,
            .warmTimes = 32,
            .looks = 4,
            .finalists = 4,
            .rounds = 40,
            .doubt = 0.013,
            .races = true,
            .shapes = true,
            .patience = std::numeric_limits<double>::infinity()};
  Limits limits{.tiles = 8,
                .refinements = 4,
                .sets = CudaBench::kSets,
                .warmTimes = 24,
                .looks = 3,
                .finalists = 3,
                .rounds = 16,
                .doubt = 0.0015,
                .races = false,
                .shapes = false,
                .patience = kQuickPatience};
  if (microseconds > 0)
    limits.sets = size_t(std::min(std::ceil(kWalk / microseconds), double(CudaBench::kSets)));
  if (microseconds > kMedium) {
    limits.tiles = 5;
    limits.refinements = 2;
    limits.finalists = 2;
  }
  if (microseconds > kLong) {
    limits.tiles = 4;
    limits.looks = 2;
  }
  if (microseconds > kVeryLong) {
    limits.tiles = 2;
    limits.refinements = 1;
    limits.warmTimes = 12;
  }
  if (microseconds > kEndless)
    limits.finalists = 1;
  return limits;
}

double predictedMicroseconds(const Lowering &lowering) {
  double total = 0;
  for (size_t i = 0; i < lowering.tasks.size(); ++i) {
    const search::Task &task = lowering.tasks[i];
    if (moert::Result<kernel::ScheduleAttr> schedule = search::legalSchedule(
            search::ScheduleText::parse(lowering.defaults.schedules[i]), task.setting))
      total +=
          search::predict(*schedule, task.problem, task.groups, task.tokens, task.machine).total;
  }
  return total;
}

} // namespace moec
