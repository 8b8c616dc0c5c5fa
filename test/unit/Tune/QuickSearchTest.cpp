// What a quick search tries, compiles and waits for.
#include "TunerFixture.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <set>

using namespace moec;
using namespace moec::test;
using moert::Status;

namespace {

class QuickSearchTest : public TunerFixture {};

TEST_F(QuickSearchTest, QuickTriesAtMostTwelveAMatmulAndNothingTwice) {
  fake.time = swappedIsFaster;
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  std::map<int, size_t> tried;
  std::set<std::string> seen;
  for (const Trial &trial : result->trials) {
    ++tried[trial.matmul];
    EXPECT_TRUE(seen.insert(trial.choice.options()).second) << trial.choice.options();
    EXPECT_NE(trial.choice, result->defaults);
  }
  EXPECT_EQ(tried.size(), 2u);
  for (auto [matmul, count] : tried)
    EXPECT_LE(count, 12u);
  EXPECT_EQ(reported.size(), result->trials.size() + 1);
  EXPECT_EQ(reported.front().change, "default");
}

TEST_F(QuickSearchTest, AQuickSearchOfALongBlockTriesLess) {
  Limits brief = limitsOf(Effort::Quick, 100);
  EXPECT_EQ(brief.tiles + brief.refinements, 12u);
  EXPECT_EQ(brief.sets, 8u);
  // What bounds its time: first looks, then races.
  EXPECT_EQ(brief.warmTimes, 24u);
  EXPECT_EQ(brief.looks, 3u);
  EXPECT_EQ(brief.finalists, 3u);
  EXPECT_EQ(brief.rounds, 16u);
  EXPECT_EQ(limitsOf(Effort::Full, 100).rounds, 40u);
  EXPECT_EQ(limitsOf(Effort::Quick, 600).finalists, 2u);
  Limits former = brief;
  for (double microseconds : {600.0, 2000.0, 20000.0}) {
    Limits limits = limitsOf(Effort::Quick, microseconds);
    EXPECT_LT(limits.tiles, former.tiles);
    EXPECT_LE(limits.sets, former.sets);
    EXPECT_GE(limits.sets, 1u);
    former = limits;
    Limits full = limitsOf(Effort::Full, microseconds);
    EXPECT_EQ(full.tiles, 20u);
    EXPECT_EQ(full.sets, 8u);
  }
  EXPECT_EQ(former.tiles + former.refinements, 3u);
  EXPECT_EQ(former.warmTimes, 12u);
  EXPECT_EQ(former.looks, 2u);
  EXPECT_EQ(former.finalists, 1u);
  // A walk takes 5 ms or more where there are sets enough for that.
  for (auto [microseconds, sets] : {std::pair(0.0, 8u), {700, 8}, {900, 6}, {1600, 4}, {6000, 1}})
    EXPECT_EQ(limitsOf(Effort::Quick, microseconds).sets, sets) << microseconds;
}

TEST_F(QuickSearchTest, ABlockIsPredictedToTakeAsLongAsItsProductsTogether) {
  Lowering both = lowering();
  both.defaults.schedules[1] = "mma, block_m = 64, block_n = 64, block_k = 32, stages = 3";
  Lowering first = both, second = both;
  first.tasks.pop_back();
  second.tasks.erase(second.tasks.begin());
  second.defaults.schedules.erase(second.defaults.schedules.begin());
  double a = predictedMicroseconds(first), b = predictedMicroseconds(second);
  EXPECT_GT(a, 0);
  EXPECT_GT(b, 0);
  EXPECT_DOUBLE_EQ(predictedMicroseconds(both), a + b);
}

TEST_F(QuickSearchTest, WhatFollowsALeaderIsCompiledAtOnce) {
  fake.time = [](const Choice &choice) {
    return contains(choice.schedules[0], "swapped") ? 75.0 : 100.0;
  };
  Lowering accumulate = lowering("combine accumulate");
  accumulate.defaults.combine = CombineMode::Accumulate;
  // What had been given to compilers when the second matmul's first tile was checked.
  size_t given = 0, checksAfter = 0;
  fake.verdict = [&](const Choice &choice) {
    if (given == 0 && choice.schedules[1] != lowering().defaults.schedules[1])
      given = fake.prepared.size();
    checksAfter += given != 0;
    return Status::ok();
  };
  auto result = tune({}, {accumulate});
  ASSERT_TRUE(result.isOk());
  EXPECT_TRUE(contains(result->best.schedules[0], "swapped"));
  EXPECT_GT(checksAfter, 10u);
  EXPECT_EQ(fake.prepared.size(), given);
}

TEST_F(QuickSearchTest, AQuickSearchDoesNotWaitForCompilersForLong) {
  // What follows from the leading tile is never built. Every measurement takes a second, so that it
  // is late when the tiles have been tried; a full search has time.
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    fake = {};
    reported.clear();
    fake.time = swappedIsFaster;
    size_t ahead = 0;
    fake.verdict = [&](const Choice &) {
      ahead = ahead == 0 ? fake.prepared.size() : ahead;
      return Status::ok();
    };
    fake.built = [&](const Choice &choice) {
      return llvm::is_contained(std::span(fake.prepared).first(ahead), choice);
    };
    Lowering accumulate = lowering("combine accumulate");
    accumulate.defaults.combine = CombineMode::Accumulate;
    TunerOptions options;
    options.effort = effort;
    auto result = tune(options, {accumulate});
    ASSERT_TRUE(result.isOk());
    EXPECT_TRUE(contains(result->best.schedules[0], "swapped")) << "tiles are waited for";
    bool secondBesideIt = false;
    for (const Trial &trial : reported) {
      if (trial.matmul == 1 && trial.change == "tile")
        secondBesideIt |= contains(trial.choice.schedules[0], "swapped");
      else if (effort == Effort::Quick && trial.change != "tile" && trial.change != "default")
        EXPECT_TRUE(fake.built(trial.choice)) << trial.change << ": " << trial.schedule;
    }
    EXPECT_TRUE(secondBesideIt);
    EXPECT_EQ(contains(result->best.schedules[0], "raster_group = 16"), effort == Effort::Full);
  }
}

TEST_F(QuickSearchTest, NothingIsBuiltUponALeadWithinTheScatter) {
  // Every tile but the default's looks 0.5 % faster on a card whose times are off by 1 %.
  for (bool noisy : {false, true}) {
    fake = {};
    fake.time = [](const Choice &choice) {
      return contains(choice.schedules[0], "block_m = 128, block_n = 192") ? 100.0 : 99.5;
    };
    fake.factor = [&](unsigned n, Measurer::Purpose) {
      return noisy ? 1 + 0.01 * std::sin(double(n) * 12.9898) : 1.0;
    };
    // What was compiled ahead, before the first candidate was checked.
    size_t ahead = 0;
    fake.verdict = [&](const Choice &) {
      ahead = ahead == 0 ? fake.prepared.size() : ahead;
      return Status::ok();
    };
    ASSERT_TRUE(tune().isOk());
    EXPECT_EQ(fake.prepared.size() == ahead, noisy);
  }
}

TEST_F(QuickSearchTest, NothingIsCompiledWhileAQuickSearchRaces) {
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    fake = {};
    fake.time = [](const Choice &choice) {
      return contains(choice.schedules[0], "swapped") ? 90.0 : 100.0;
    };
    std::vector<unsigned> racesWhenAbandoned;
    unsigned races = 0;
    fake.factor = [&](unsigned, Measurer::Purpose purpose) {
      races += purpose == Measurer::Purpose::Race;
      return 1.0;
    };
    fake.abandoned = [&] { racesWhenAbandoned.push_back(races); };
    TunerOptions options;
    options.effort = effort;
    options.matmuls = {0};
    ASSERT_TRUE(tune(options).isOk());
    EXPECT_GT(races, 0u);
    // A full search races on the way as well, while what follows is compiled.
    ASSERT_EQ(racesWhenAbandoned.size(), 1u);
    EXPECT_EQ(racesWhenAbandoned.front() == 0, effort == Effort::Quick);
    EXPECT_LT(racesWhenAbandoned.front(), races);
  }
}

TEST_F(QuickSearchTest, OneLuckyTimeDoesNotLead) {
  // The first time of one tile is 15 % short, and no other.
  unsigned timed = 0;
  fake.accident = [&](const Choice &choice, unsigned) {
    timed += contains(choice.schedules[0], "block_m = 128, block_n = 256");
    return Status::ok();
  };
  fake.factor = [&](unsigned, Measurer::Purpose) { return timed == 1 ? 0.85 : 1.0; };
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->best, result->defaults);
  EXPECT_GE(timed, 2u);
  for (const Trial &trial : result->trials)
    EXPECT_FALSE(trial.won);
}

TEST_F(QuickSearchTest, WhatIsTriedIfTheDefaultStaysIsCompiledAtOnce) {
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->best, result->defaults);
  EXPECT_EQ(fake.prepared.size(), result->trials.size() + 1);
  EXPECT_EQ(fake.batches, 2u); // the default, then tiles and refinements of two matmuls
}

TEST_F(QuickSearchTest, WhatFollowsFromAnotherBestIsCompiledWhenItIsKnown) {
  fake.time = swappedIsFaster;
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_NE(result->best, result->defaults);
  for (const Trial &trial : result->trials)
    EXPECT_TRUE(llvm::is_contained(fake.prepared, trial.choice)) << trial.schedule;
  EXPECT_GT(fake.batches, 2u);
  EXPECT_LE(fake.batches, 6u);
}

} // namespace
