#include "Tasks.h"

#include <set>

using namespace moec;
using namespace moec::search;
using kernel::MatmulForm;

namespace {

class SpaceTest : public test::SearchTest {};

/// Whether a schedule has this value; default values are not printed.
static bool has(kernel::ScheduleAttr schedule, const Axis &axis, llvm::StringRef value,
                const Setting &setting) {
  auto same = legalSchedule(ScheduleText(schedule).set(axis.parameter, value), setting);
  return same && *same == schedule;
}

TEST_F(SpaceTest, ReachesEveryValueOfEveryAxis) {
  Task tasks[] = {task(gateUp(), 256), task(down(), 256)};
  std::vector<std::pair<kernel::ScheduleAttr, const Task *>> reached;
  for (const Task &task : tasks)
    for (kernel::ScheduleAttr schedule : enumerate(task.setting).legal) {
      reached.emplace_back(schedule, &task);
      for (const Neighbour &step : neighbours(schedule, task.setting)) {
        reached.emplace_back(step.schedule, &task);
        // Depths go one step at a time.
        if (step.parameter == "stages")
          for (const Neighbour &next : neighbours(step.schedule, task.setting))
            reached.emplace_back(next.schedule, &task);
      }
    }
  for (MatmulForm form : {MatmulForm::Mma, MatmulForm::Wgmma, MatmulForm::WgmmaSwapped})
    for (const Axis &axis : axes())
      for (llvm::StringRef value : axis.values(form))
        EXPECT_TRUE(llvm::any_of(reached,
                                 [&](const auto &entry) {
                                   return entry.first.getForm() == form &&
                                          has(entry.first, axis, value, entry.second->setting);
                                 }))
            << stringifyMatmulForm(form).str() << ": " << axis.parameter.str() << " = "
            << value.str();
}

TEST_F(SpaceTest, KeepsLegalPointsAndCountsTheOthersByReason) {
  Task gate = task(gateUp(), 64);
  Space space = enumerate(gate.setting);
  size_t illegal = 0;
  for (const auto &[reason, count] : space.reasons) {
    EXPECT_TRUE(llvm::StringRef(reason).starts_with("expects")) << reason;
    illegal += count;
  }
  EXPECT_EQ(space.legal.size() + illegal, space.points);
  std::set<std::string> texts;
  for (kernel::ScheduleAttr schedule : space.legal) {
    EXPECT_TRUE(texts.insert(toText(schedule)).second) << toText(schedule);
    EXPECT_TRUE(legalSchedule(ScheduleText(schedule), gate.setting).isOk());
  }
}

TEST_F(SpaceTest, OlderTargetsHaveNoHopperForm) {
  Space space = enumerate(task(gateUp(), 64, "sm_80").setting);
  EXPECT_FALSE(space.legal.empty());
  for (kernel::ScheduleAttr schedule : space.legal)
    EXPECT_EQ(schedule.getForm(), MatmulForm::Mma);
}

TEST_F(SpaceTest, EnumeratesTheDeepestPipelineThatFits) {
  Task gate = task(gateUp(), 256);
  for (kernel::ScheduleAttr schedule : enumerate(gate.setting).legal) {
    if (!schedule.isHopper() || schedule.getStages() == 8)
      continue;
    ScheduleText deeper(schedule);
    deeper.set("stages", std::to_string(schedule.getStages() + 1));
    EXPECT_FALSE(legalSchedule(deeper, gate.setting).isOk()) << deeper.str();
  }
}

TEST_F(SpaceTest, StartsWithTheRefinementsThatWinMostOften) {
  // Where the search starts: what it has no time to vary stays so.
  std::set<std::string> texts;
  for (kernel::ScheduleAttr schedule : enumerate(task(gateUp(), 256).setting).legal)
    texts.insert(toText(schedule));
  for (const char *text :
       {"mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, min_blocks = 4",
        "mma, block_m = 64, block_n = 64, block_k = 32, stages = 4, warps_m = 2, warps_n = 2",
        "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5, dynamic = true, "
        "weights = evict_last",
        "wgmma_swapped, block_m = 144, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
        "cooperative = true, dynamic = true, weights = evict_last"})
    EXPECT_TRUE(texts.contains(text)) << text;
}

TEST_F(SpaceTest, EveryParameterOfTheScheduleIsAnAxis) {
  // Which the attribute prints, but for the form.
  std::set<std::string> known;
  for (const Axis &axis : axes())
    known.insert(axis.parameter.str());
  EXPECT_EQ(known, (std::set<std::string>{"block_m", "block_n", "block_k", "stages", "warps_m",
                                          "warps_n", "min_blocks", "token_step", "cooperative",
                                          "dynamic", "both_ends", "cluster", "raster_group",
                                          "weights", "early_start", "early_release"}));
}

/// The values of a parameter that a full search tries next, in its order.
static std::vector<std::string> next(kernel::ScheduleAttr start, const Setting &setting,
                                     llvm::StringRef parameter) {
  std::vector<std::string> values;
  for (const Neighbour &neighbour : neighbours(start, setting, /*shapes=*/true))
    if (neighbour.parameter == parameter)
      values.push_back(neighbour.value.str());
  return values;
}

TEST_F(SpaceTest, NeighboursOfAShapeAreTheNextOnEitherSide) {
  using Values = std::vector<std::string>;
  Task gate = task(gateUp(), 256);
  kernel::ScheduleAttr swapped =
      schedule("wgmma_swapped, block_m = 64, block_n = 256, block_k = 64, stages = 4, "
               "token_step = 16",
               gate);
  EXPECT_EQ(next(swapped, gate.setting, "block_m"), (Values{"48", "96"}));
  EXPECT_EQ(next(swapped, gate.setting, "stages"), (Values{"3", "5"}));
  EXPECT_EQ(next(swapped, gate.setting, "cooperative"), Values{"true"});
  // Values that are the default ones, which the attribute does not print.
  kernel::ScheduleAttr mma =
      schedule("mma, block_m = 64, block_n = 64, block_k = 32, stages = 3", gate);
  EXPECT_EQ(next(mma, gate.setting, "warps_m"), Values{"2"});
  EXPECT_EQ(next(mma, gate.setting, "min_blocks"), Values{"2"});
}

TEST_F(SpaceTest, NeighboursDifferInOneParameter) {
  Task gate = task(gateUp(), 256);
  kernel::ScheduleAttr start =
      schedule("wgmma_swapped, block_m = 128, block_n = 256, block_k = 64, "
               "stages = 4, token_step = 16, cooperative = true",
               gate);
  std::set<std::string> varied;
  for (const Neighbour &neighbour : neighbours(start, gate.setting)) {
    EXPECT_EQ(schedule(ScheduleText(start).set(neighbour.parameter, neighbour.value).str(), gate),
              neighbour.schedule);
    EXPECT_NE(start, neighbour.schedule);
    varied.insert(neighbour.parameter.str());
  }
  EXPECT_EQ(varied, (std::set<std::string>{"cluster", "dynamic", "raster_group", "stages",
                                           "token_step", "weights"}));
  for (const Neighbour &neighbour : neighbours(start, gate.setting, /*shapes=*/true))
    varied.insert(neighbour.parameter.str());
  EXPECT_TRUE(varied.contains("block_m"));
}

TEST_F(SpaceTest, NeighboursTakeEachAxisBeforeAnyTwice) {
  Task gate = task(gateUp(), 256);
  kernel::ScheduleAttr start =
      schedule("wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5", gate);
  std::vector<Neighbour> found = neighbours(start, gate.setting);
  ASSERT_GE(found.size(), 5u);
  EXPECT_EQ(found[0].parameter, "dynamic");
  EXPECT_EQ(found[1].parameter, "cluster");
  EXPECT_EQ(found[2].parameter, "weights");
  EXPECT_EQ(found[3].parameter, "raster_group");
  EXPECT_EQ(found[4].parameter, "stages");
  EXPECT_EQ(found[4].value, "4");
}

} // namespace
