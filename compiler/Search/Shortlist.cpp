//===- Shortlist.cpp - the schedules worth measuring ------------------------===//

#include "compiler/Search/Shortlist.h"

#include "compiler/Schedule/Schedule.h"
#include "compiler/Schedule/Tables.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>
#include <tuple>

using moert::Result;

namespace moec::search {

using kernel::ScheduleAttr;

/// Rows up to which Hopper's tiles are quick enough for weights that leave L2 first: half of the
/// 256 bytes that memory sends at a time is for the next step, and gone where that takes longer (2
/// to 10 % slower; STEPS.md, steps 27 and 68), which only results that stay there instead make up
/// for (step 73).
static constexpr int64_t kQuickRows = 96;

/// Weights that no second row tile reads leave L2 first, and there is nothing to group then.
static ScheduleAttr startRefinements(ScheduleAttr schedule, const Task &task) {
  double meanRows = task.tokens * task.problem.rowsPerToken / double(task.problem.experts);
  if (schedule.isHopper() && schedule.getBlockM() > kQuickRows &&
      !schedule::weightsLeaveFirst(task.problem, meanRows))
    return schedule;
  int64_t touched = 0, tiles = 0;
  for (int64_t group : task.groups) {
    touched += group > 0;
    tiles += (group + schedule.getBlockM() - 1) / schedule.getBlockM();
  }
  if (10 * tiles > 11 * touched)
    return schedule;
  ScheduleText text(schedule);
  text.set("weights", "evict_first");
  if (!schedule.isHopper())
    text.set("raster_group", "1");
  Result<ScheduleAttr> legal = legalSchedule(text, task.setting);
  return legal ? *legal : schedule;
}

std::vector<Candidate> rank(const Space &space, const Task &task) {
  std::multimap<double, Candidate> byCost; // equal costs in the order of the space
  for (ScheduleAttr schedule : space.legal) {
    ScheduleAttr start = startRefinements(schedule, task);
    Cost cost = predict(start, task.problem, task.groups, task.tokens, task.machine);
    byCost.emplace(cost.total, Candidate{start, cost});
  }
  std::vector<Candidate> ranked;
  for (const auto &[cost, candidate] : byCost)
    ranked.push_back(candidate);
  return ranked;
}

/// Winners that no row of the default tables has.
static constexpr llvm::StringLiteral kWinners[] = {
    "wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 8, weights = evict_first",
    "wgmma_swapped, block_m = 32, block_n = 128, block_k = 64, stages = 8, token_step = 16, "
    "dynamic = true, weights = evict_first",
    "wgmma_swapped, block_m = 96, block_n = 256, block_k = 64, stages = 5, token_step = 16, "
    "cooperative = true, dynamic = true, weights = evict_last",
    "wgmma, block_m = 128, block_n = 256, block_k = 64, stages = 4, cooperative = true",
    "wgmma_swapped, block_m = 128, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
    "cooperative = true, weights = evict_last",
    "wgmma_swapped, block_m = 160, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
    "cooperative = true, weights = evict_last",
    "wgmma_swapped, block_m = 192, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
    "cooperative = true, weights = evict_last",
};

std::vector<Candidate> proven(const Task &task) {
  std::multimap<double, Candidate> byCost;
  std::set<std::string> seen;
  auto add = [&](ScheduleAttr schedule) {
    if (!schedule || !seen.insert(toText(schedule)).second)
      return;
    Cost cost = predict(schedule, task.problem, task.groups, task.tokens, task.machine);
    byCost.emplace(cost.total, Candidate{schedule, cost});
  };
  schedule::Bucket bucket;
  size_t rows = schedule::getMatmulTable(task.setting.target).size();
  for (bucket.matmulRow = 0; bucket.matmulRow < rows; ++bucket.matmulRow)
    add(schedule::getMatmulSchedule(task.setting.context, task.problem, bucket,
                                    task.setting.target));
  for (llvm::StringRef text : kWinners)
    if (Result<ScheduleAttr> schedule = legalSchedule(ScheduleText::parse(text), task.setting))
      add(*schedule);
  std::vector<Candidate> found;
  for (const auto &[cost, candidate] : byCost)
    found.push_back(candidate);
  return found;
}

namespace {

/// A shortlist under way.
class Chosen {
public:
  Chosen(size_t count, double limit) : count(count), limit(limit) {}

  /// Takes of `candidates`, in their order, while there are fewer than `places` and, of each form,
  /// fewer than `ofForm`.
  void take(llvm::ArrayRef<Candidate> candidates, size_t places, size_t ofForm);
  std::vector<Candidate> list() const;

private:
  size_t count;
  double limit; ///< cost beyond which a candidate is hopeless
  std::multimap<double, Candidate> chosen;
  std::set<std::tuple<kernel::MatmulForm, int64_t, int64_t, bool>> tiles;
  /// What the model cannot tell apart: tiles higher than any group are one and the same.
  std::set<std::tuple<kernel::MatmulForm, int64_t, int64_t, int64_t, bool>> alike;
  std::map<kernel::MatmulForm, size_t> forms;
};

} // namespace

void Chosen::take(llvm::ArrayRef<Candidate> candidates, size_t places, size_t ofForm) {
  for (const Candidate &candidate : candidates) {
    ScheduleAttr s = candidate.schedule;
    if (chosen.size() >= std::min(places, count))
      return;
    double cost = candidate.predicted.total;
    auto tile = std::tuple(s.getForm(), s.getBlockM(), s.getBlockN(), s.getCooperative());
    auto like = std::tuple(s.getForm(), candidate.predicted.tallest, candidate.predicted.tiles,
                           s.getBlockN(), s.getCooperative());
    if (cost > limit || forms[s.getForm()] >= ofForm || tiles.contains(tile) ||
        alike.contains(like))
      continue;
    tiles.insert(tile);
    alike.insert(like);
    ++forms[s.getForm()];
    chosen.emplace(cost, candidate);
  }
}

std::vector<Candidate> Chosen::list() const {
  std::vector<Candidate> result;
  for (const auto &[cost, candidate] : chosen)
    result.push_back(candidate);
  return result;
}

std::vector<Candidate> shortlist(llvm::ArrayRef<Candidate> ranked, llvm::ArrayRef<Candidate> proven,
                                 size_t count) {
  constexpr double kHopeless = 1.5; // times the best cost
  if (ranked.empty())
    return {};
  Chosen chosen(count, kHopeless * ranked.front().predicted.total);
  size_t half = (count + 1) / 2;
  chosen.take(ranked, half, (half + 1) / 2 + 1);
  chosen.take(proven, count, count);
  chosen.take(ranked, count, count);
  return chosen.list();
}

} // namespace moec::search
