// What a search does with candidates, good, bad and broken, and how it ends.
#include "TunerFixture.h"

#include "compiler/Tune/Rows.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <unistd.h>

using namespace moec;
using namespace moec::test;
using moert::Status;
using moert::StatusCode;

namespace {

class TunerTest : public TunerFixture {};

TEST_F(TunerTest, FindsTileAndRefinement) {
  fake.time = swappedIsFaster;
  TunerOptions options;
  options.effort = Effort::Full;
  auto result = tune(options);
  ASSERT_TRUE(result.isOk()) << result.status().message();
  EXPECT_TRUE(contains(result->best.schedules[0], "swapped")) << result->best.schedules[0];
  EXPECT_TRUE(contains(result->best.schedules[0], "raster_group = 16"));
  EXPECT_EQ(result->best.schedules[1], result->defaults.schedules[1]);
  EXPECT_DOUBLE_EQ(result->ratio(), 0.65);
  EXPECT_EQ(result->stopped, "");
}

TEST_F(TunerTest, TheDefaultStaysWhereNothingIsFaster) {
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->best, result->defaults);
  EXPECT_DOUBLE_EQ(result->ratio(), 1);
  for (const Trial &trial : result->trials)
    EXPECT_FALSE(trial.won);
}

TEST_F(TunerTest, SearchesTheMatmulsAskedFor) {
  auto result = tune({.matmuls = {1}});
  ASSERT_TRUE(result.isOk());
  EXPECT_FALSE(result->trials.empty());
  for (const Trial &trial : result->trials) {
    EXPECT_EQ(trial.matmul, 1);
    EXPECT_EQ(trial.choice.schedules[0], result->defaults.schedules[0]);
  }
}

TEST_F(TunerTest, CandidatesCarryTheModelsOrder) {
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  std::set<size_t> ranks;
  for (const Trial &trial : result->trials)
    if (trial.matmul == 0 && trial.change == "tile") {
      EXPECT_GT(trial.predicted, 0);
      ranks.insert(trial.rank);
    }
  EXPECT_TRUE(ranks.contains(1));
}

TEST_F(TunerTest, ABrokenCandidateIsARowWithItsReason) {
  fake.time = swappedIsFaster;
  fake.verdict = [](const Choice &choice) {
    return contains(choice.schedules[0], "swapped")
               ? Status(StatusCode::Toolchain, "kernel 'x': C7510 serialised")
               : Status::ok();
  };
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_FALSE(contains(result->best.schedules[0], "swapped"));
  size_t rejected = 0;
  for (const Trial &trial : result->trials)
    if (contains(trial.choice.schedules[0], "swapped")) {
      EXPECT_EQ(trial.rejected, "kernel 'x': C7510 serialised");
      EXPECT_EQ(trial.microseconds, 0);
      ++rejected;
    }
  EXPECT_GT(rejected, 0u);
}

TEST_F(TunerTest, AWrongCandidateNeverWinsAndIsNotTimed) {
  fake.time = swappedIsFaster;
  fake.verdict = [](const Choice &choice) {
    return contains(choice.schedules[0], "swapped")
               ? Status(StatusCode::Mismatch, "is wrong: output")
               : Status::ok();
  };
  std::vector<Choice> timed;
  fake.accident = [&](const Choice &choice, unsigned) {
    timed.push_back(choice);
    return Status::ok();
  };
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  for (const Choice &choice : timed)
    EXPECT_FALSE(contains(choice.schedules[0], "swapped"));
}

TEST_F(TunerTest, AFaultWhileTimingRejectsTheCandidate) {
  fake.accident = [](const Choice &choice, unsigned) {
    return contains(choice.schedules[0], "cooperative")
               ? Status(StatusCode::Toolchain, "an illegal address")
               : Status::ok();
  };
  auto result = tune();
  ASSERT_TRUE(result.isOk()) << result.status().message();
  EXPECT_TRUE(llvm::any_of(
      result->trials, [](const Trial &trial) { return trial.rejected == "an illegal address"; }));
}

TEST_F(TunerTest, AFaultThatShowsInTheDefaultIsForgivenOnce) {
  unsigned last = ~0u;
  fake.accident = [&](const Choice &, unsigned n) {
    if (n != 12 || last == n)
      return Status::ok();
    last = n;
    return Status(StatusCode::Toolchain, "an illegal address");
  };
  EXPECT_TRUE(tune().isOk());
}

TEST_F(TunerTest, AHangEndsTheSearchWithTheBestSoFar) {
  fake.time = swappedIsFaster;
  unsigned hangs = 0;
  fake.accident = [&](const Choice &choice, unsigned) {
    if (choice.schedules[1] == lowering().defaults.schedules[1])
      return Status::ok();
    ++hangs;
    return Status(StatusCode::Budget, "no end within 60 s");
  };
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(hangs, 1u);
  EXPECT_EQ(result->stopped, "no end within 60 s");
  EXPECT_TRUE(contains(result->best.schedules[0], "swapped"));
  EXPECT_LT(result->ratio(), 0.76);
}

TEST_F(TunerTest, TheBudgetEndsTheSearchWithTheBestSoFar) {
  fake.time = [](const Choice &choice) {
    return choice == Choice() ? 0.0 : contains(choice.schedules[0], "swapped") ? 75.0 : 100.0;
  };
  TunerOptions options;
  options.budgetSeconds = 40;
  auto result = tune(options);
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->stopped, "the budget of 40.0 s is spent");
  EXPECT_LT(fake.now, 70);
  EXPECT_TRUE(contains(result->best.schedules[0], "swapped"));
  EXPECT_DOUBLE_EQ(result->ratio(), 0.75);
}

TEST_F(TunerTest, TheBudgetMayBeKnownAfterPreparing) {
  Tuner tuner(fake, {lowering()}, {});
  tuner.clock = [this] { return fake.now; };
  tuner.compileAhead();
  fake.now = 100; // whatever that took
  tuner.setBudget(40);
  auto result = tuner.run();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->stopped, "the budget of 40.0 s is spent");
  EXPECT_GT(fake.now, 140);
  EXPECT_LT(fake.now, 170);
}

TEST_F(TunerTest, AnInterruptionKeepsWhatWasFound) {
  fake.time = swappedIsFaster;
  interrupted = [this] { return fake.measurements >= 40; };
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->stopped, "interrupted");
  EXPECT_FALSE(result->trials.empty());
  EXPECT_TRUE(contains(result->best.schedules[0], "swapped"));
  EXPECT_LT(result->ratio(), 0.8);
}

TEST_F(TunerTest, ADriftingClockIsNotAGain) {
  for (double drift : {0.998, 1.002}) {
    fake.factor = [&](unsigned n, Measurer::Purpose) { return std::pow(drift, n); };
    auto result = tune();
    ASSERT_TRUE(result.isOk());
    EXPECT_EQ(result->best, result->defaults) << drift << ": " << result->best.scheduleText();
  }
}

TEST_F(TunerTest, ARestedCardIsWokenForAShortTimeOnly) {
  // Times that never settle: some are asked for where they are short, one where they are long.
  for (bool takesLong : {false, true}) {
    test::FakeMeasurer restless;
    restless.factor = [&](unsigned n, Measurer::Purpose) {
      if (takesLong)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      return n % 2 == 0 ? 1.0 : 1.1;
    };
    FairTimer timer(restless, Choice());
    timer.looks = 2;
    ASSERT_TRUE(timer.time(Choice()).isOk());
    // And the candidate's, each with the yardstick's after it.
    EXPECT_EQ(restless.measurements, (takesLong ? 1u : 5u) + 4u);
  }
}

TEST_F(TunerTest, FinalistsAreToldApartByRaces) {
  // Looks are off by up to 2 %, and always in favour of the wrong one.
  fake.time = [](const Choice &choice) {
    return contains(choice.schedules[0], "block_m = 96") ? 80.0
           : contains(choice.schedules[0], "swapped")    ? 81.0
                                                         : 100.0;
  };
  fake.factor = [](unsigned n, Measurer::Purpose purpose) {
    return purpose == Measurer::Purpose::Race ? 1.0 : n % 2 == 0 ? 1.02 : 0.98;
  };
  TunerOptions options;
  options.effort = Effort::Full;
  options.matmuls = {0};
  auto result = tune(options);
  ASSERT_TRUE(result.isOk());
  EXPECT_TRUE(contains(result->best.schedules[0], "block_m = 96")) << result->best.schedules[0];
  EXPECT_GE(llvm::count_if(result->trials, [](const Trial &t) { return t.finalist; }), 2);
}

TEST_F(TunerTest, WhatTiesWithTheDefaultOnAQuietCardIsNotRaced) {
  unsigned raced = 0, yardsticks = 0;
  fake.factor = [&](unsigned, Measurer::Purpose purpose) {
    raced += purpose == Measurer::Purpose::Race;
    return 1.0;
  };
  fake.accident = [&](const Choice &choice, unsigned) {
    yardsticks += choice == lowering().defaults;
    return Status::ok();
  };
  auto result = tune();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(raced, 0u);
  // One after each of two looks at a candidate, a few to warm up, two before each of four batches.
  EXPECT_LE(yardsticks, 2 * result->trials.size() + 6 + 4 * 2);
}

TEST_F(TunerTest, ARaceTakesAsManyRoundsAsTheNoiseDemands) {
  std::map<std::string, unsigned> rounds;
  for (bool noisy : {false, true}) {
    fake = {};
    fake.time = [](const Choice &choice) {
      return contains(choice.schedules[0], "block_m = 128, block_n = 256") ? 99.4 : 100.0;
    };
    unsigned raced = 0;
    fake.factor = [&](unsigned n, Measurer::Purpose purpose) {
      raced += purpose == Measurer::Purpose::Race;
      return noisy ? 1 + 0.006 * std::sin(double(n) * 12.9898) : 1.0;
    };
    ASSERT_TRUE(tune({.matmuls = {0}}).isOk());
    rounds[noisy ? "noisy" : "quiet"] = raced;
  }
  EXPECT_GT(rounds["quiet"], 0u);
  EXPECT_GT(rounds["noisy"], rounds["quiet"]);
}

TEST_F(TunerTest, AFullSearchRefinesTheTileBehindTheBestToo) {
  // The second best tile gains more by its refinement than the best.
  fake.time = [](const Choice &choice) {
    const std::string &schedule = choice.schedules[0];
    if (contains(schedule, "block_m = 256, block_n = 192"))
      return 80.0;
    if (contains(schedule, "block_m = 256, block_n = 128"))
      return contains(schedule, "cluster = 2") ? 70.0 : 80.5;
    return 100.0;
  };
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    TunerOptions options;
    options.effort = effort;
    options.matmuls = {0};
    auto result = tune(options);
    ASSERT_TRUE(result.isOk());
    EXPECT_DOUBLE_EQ(result->ratio(), effort == Effort::Full ? 0.7 : 0.8)
        << result->best.scheduleText();
  }
}

TEST_F(TunerTest, OtherLoweringsTakePartWithTheBestSchedules) {
  fake.time = [](const Choice &choice) {
    return swappedIsFaster(choice) - (choice.combine == CombineMode::Accumulate ? 10 : 0);
  };
  Lowering accumulate = lowering("combine accumulate");
  accumulate.defaults.combine = CombineMode::Accumulate;
  auto result = tune({}, {accumulate});
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->best.combine, CombineMode::Accumulate);
  EXPECT_TRUE(contains(result->best.schedules[0], "swapped"));
  const Trial &last = result->trials.back();
  EXPECT_EQ(last.change, "combine accumulate");
  EXPECT_EQ(last.matmul, -1);
  EXPECT_TRUE(last.won);
}

TEST_F(TunerTest, TheDeterministicBuildThatIsKeptHasBeenRacedToo) {
  Lowering accumulate = lowering("combine accumulate");
  accumulate.defaults.combine = CombineMode::Accumulate;
  for (bool isReal : {true, false}) {
    // Swapped operands gain a quarter, or only seem to in short times.
    double gain = 0;
    fake = {};
    fake.time = [&](const Choice &choice) {
      gain = contains(choice.schedules[0], "swapped") ? 0.25 : 0;
      return choice.combine == CombineMode::Accumulate ? 60.0 : 100.0;
    };
    fake.factor = [&](unsigned, Measurer::Purpose purpose) {
      return isReal || purpose == Measurer::Purpose::Look ? 1 - gain : 1.0;
    };
    auto result = tune({}, {accumulate});
    ASSERT_TRUE(result.isOk());
    EXPECT_EQ(result->best.combine, CombineMode::Accumulate);
    ASSERT_TRUE(result->deterministic);
    EXPECT_EQ(result->deterministic->choice.combine, CombineMode::Ordered);
    EXPECT_EQ(result->deterministic->choice == result->defaults, !isReal);
    EXPECT_DOUBLE_EQ(result->deterministic->ratio, isReal ? 0.75 : 1);
  }
}

TEST_F(TunerTest, ALoweringThatTheBestSchedulesDoNotFitStartsFromItsOwn) {
  fake.time = swappedIsFaster;
  Lowering other = lowering("other");
  other.defaults.combine = CombineMode::Accumulate;
  for (search::Task &task : other.tasks)
    task.setting.target = kernel::getKnownTarget(&context, "sm_80");
  other.defaults.schedules.assign(
      2, "mma, block_m = 64, block_n = 128, block_k = 64, stages = 3, warps_m = 2, warps_n = 2");
  auto result = tune({}, {other});
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->trials.back().choice, other.defaults);
}

TEST_F(TunerTest, FailsWhereTheDefaultFails) {
  fake.verdict = [](const Choice &) { return Status(StatusCode::Mismatch, "is wrong"); };
  auto wrong = tune();
  ASSERT_FALSE(wrong.isOk());
  EXPECT_EQ(wrong.status().code(), StatusCode::Mismatch);
  EXPECT_EQ(wrong.status().message(), "the default: is wrong");
}

TEST_F(TunerTest, FailsWhereACandidateSpoiledTheDefaultsMemory) {
  fake.verdict = [this](const Choice &choice) {
    return fake.checks > 4 && choice == lowering().defaults
               ? Status(StatusCode::Mismatch, "is wrong")
               : Status::ok();
  };
  auto result = tune();
  ASSERT_FALSE(result.isOk());
  EXPECT_EQ(result.status().message(), "the default, checked again after the search: is wrong");
}

TEST_F(TunerTest, FailsWhereTheDeviceIsLost) {
  fake.accident = [](const Choice &, unsigned n) {
    return n == 5 ? Status(StatusCode::NoDevice, "gone") : Status::ok();
  };
  auto result = tune();
  ASSERT_FALSE(result.isOk());
  EXPECT_EQ(result.status().code(), StatusCode::NoDevice);
}

TEST_F(TunerTest, GoesOnWithTheRowsOfAnEarlierSearch) {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("moec-rows-" + std::to_string(::getpid()));
  fake.time = swappedIsFaster;
  fake.verdict = [](const Choice &choice) {
    return contains(choice.schedules[0], "block_n = 128") ? Status(StatusCode::Toolchain, "spills")
                                                          : Status::ok();
  };
  auto first = tune();
  ASSERT_TRUE(first.isOk());
  Rows written(path, false);
  for (const Trial &trial : first->trials)
    written.append(trial);
  std::ofstream(path, std::ios::app) << "{\"choice\": {\"fus"; // cut by a crash
  Rows rows(path, true);
  EXPECT_EQ(rows.size(), first->trials.size());

  test::FakeMeasurer second;
  second.time = swappedIsFaster;
  Tuner tuner(second, {lowering()}, {});
  tuner.clock = [&] { return second.now; };
  tuner.recall = [&](const Choice &choice) { return rows.find(choice); };
  auto result = tuner.run();
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(result->best, first->best);
  EXPECT_EQ(second.prepared.size(), 1u); // the default
  EXPECT_LT(second.checks, 5u);
  rows.remove();
  EXPECT_EQ(Rows(path, true).size(), 0u);
}

} // namespace
