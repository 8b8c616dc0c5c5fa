// How a search that ran out of time ends: what it keeps has had a race of its own, and nobody waits
// for what is still being built.
#include "TunerFixture.h"

#include <cmath>

using namespace moec;
using namespace moec::test;
using moert::Status;

namespace {

class SpentBudgetTest : public TunerFixture {
protected:
  static constexpr unsigned kFewRounds = 8;

  /// Swapped operands in the first product gain a quarter. From the winner's last check on, which
  /// begins the last race, `lastRace` says what the n-th time is multiplied with.
  void SetUp() override {
    SearchTest::SetUp();
    fake.time = [](const Choice &choice) {
      return contains(choice.schedules[0], "swapped") ? 75.0 : 100.0;
    };
    fake.verdict = [this](const Choice &choice) {
      isLast = !reported.empty() && contains(choice.schedules[0], "swapped");
      turns = 0;
      return Status::ok();
    };
    fake.accident = [this](const Choice &choice, unsigned) {
      isWinner = contains(choice.schedules[0], "swapped");
      return Status::ok();
    };
    fake.factor = [this](unsigned, Measurer::Purpose purpose) {
      if (purpose != Measurer::Purpose::Race || !isLast || !isWinner)
        return 1.0;
      return lastRace(turns++);
    };
  }

  moert::Result<TuneResult> spend(Effort effort, double seconds = 40) {
    reported.clear();
    TunerOptions options;
    options.effort = effort;
    options.budgetSeconds = seconds;
    auto result = tune(options);
    fake.now = 0;
    return result;
  }

  std::function<double(unsigned turn)> lastRace = [](unsigned) { return 1.0; };
  bool isLast = false, isWinner = false;
  unsigned turns = 0; ///< of the winner, since the last check of one
};

TEST_F(SpentBudgetTest, TheLastRaceHasItsRounds) {
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    auto result = spend(effort);
    ASSERT_TRUE(result.isOk());
    EXPECT_EQ(result->stopped, "the budget of 40.0 s is spent");
    EXPECT_EQ(turns, kFewRounds);
    EXPECT_DOUBLE_EQ(result->ratio(), 0.75);
    EXPECT_FALSE(result->wasCutShort);
  }
}

TEST_F(SpentBudgetTest, OneLuckyRoundIsNotAWinner) {
  // As fast as the default but for the first round.
  lastRace = [](unsigned turn) { return turn == 0 ? 1.0 : 1 / 0.75; };
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    auto result = spend(effort);
    ASSERT_TRUE(result.isOk());
    EXPECT_EQ(result->best, result->defaults);
    EXPECT_DOUBLE_EQ(result->ratio(), 1);
  }
}

TEST_F(SpentBudgetTest, AWinnerIsFasterThanTheCardsTimesScatter) {
  // 1 % faster in the last race, on a card whose times stand still or are up to 2 % off.
  lastRace = [](unsigned) { return 0.99 / 0.75; };
  auto quiet = fake.factor;
  for (bool isNoisy : {false, true}) {
    fake.factor = [=](unsigned n, Measurer::Purpose purpose) {
      return quiet(n, purpose) * (isNoisy ? 1 + 0.02 * std::sin(double(n) * 12.9898) : 1);
    };
    auto result = spend(Effort::Quick, 80);
    ASSERT_TRUE(result.isOk());
    EXPECT_EQ(turns, kFewRounds);
    EXPECT_EQ(result->best == result->defaults, isNoisy) << result->ratio();
  }
}

TEST_F(SpentBudgetTest, AnInterruptionCutsTheLastRaceShort) {
  interrupted = [this] { return turns >= 3; };
  auto result = spend(Effort::Full);
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(turns, 3u);
  EXPECT_TRUE(result->wasCutShort) << "which leaves no record";
}

TEST_F(SpentBudgetTest, TheDeterministicBuildThatIsKeptIsRacedToo) {
  Lowering accumulate = lowering("combine accumulate");
  accumulate.defaults.combine = CombineMode::Accumulate;
  for (bool isReal : {true, false}) {
    // Swapped operands gain a quarter, or only seem to in short times. Time is up once the
    // accumulating lowering was looked at.
    double gain = 0;
    unsigned looks = 0;
    TunerOptions options;
    options.budgetSeconds = 1e5;
    fake = {};
    fake.time = [&](const Choice &choice) {
      gain = contains(choice.schedules[0], "swapped") ? 0.25 : 0;
      looks += choice.combine == CombineMode::Accumulate;
      fake.now += looks == 4 ? 1e6 : 0;
      return choice.combine == CombineMode::Accumulate ? 60.0 : 100.0;
    };
    fake.factor = [&](unsigned, Measurer::Purpose purpose) {
      return isReal || purpose == Measurer::Purpose::Look ? 1 - gain : 1.0;
    };
    auto result = tune(options, {accumulate});
    ASSERT_TRUE(result.isOk());
    EXPECT_NE(result->stopped, "");
    EXPECT_EQ(result->best.combine, CombineMode::Accumulate);
    ASSERT_TRUE(result->deterministic);
    EXPECT_EQ(result->deterministic->choice.combine, CombineMode::Ordered);
    EXPECT_EQ(result->deterministic->choice == result->defaults, !isReal);
    EXPECT_DOUBLE_EQ(result->deterministic->ratio, isReal ? 0.75 : 1);
  }
}

TEST_F(SpentBudgetTest, WhatIsStillBeingBuiltIsGivenUpBeforeTheLastRace) {
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    int isGivenUp = 0;
    bool isRacedBefore = false;
    fake.abandoned = [&] { ++isGivenUp; };
    lastRace = [&](unsigned) {
      isRacedBefore |= isGivenUp == 0;
      return 1.0;
    };
    ASSERT_TRUE(spend(effort).isOk());
    EXPECT_EQ(isGivenUp, 1);
    EXPECT_FALSE(isRacedBefore);
  }
}

TEST_F(SpentBudgetTest, ACandidateWaitsForCompilersNoLongerThanThereIsTime) {
  for (Effort effort : {Effort::Quick, Effort::Full}) {
    fake.built = [](const Choice &choice) {
      return choice.schedules[1] == choice.schedules[0] || contains(choice.schedules[0], "swapped");
    };
    auto former = fake.verdict;
    fake.verdict = [&](const Choice &choice) {
      EXPECT_TRUE(fake.built(choice)) << choice.scheduleText();
      return former(choice);
    };
    fake.waiting = [&](const std::function<bool()> &isEnough) {
      for (; !isEnough(); fake.now += 1)
        ASSERT_LT(fake.now, 1e4) << "nobody says that it is enough";
    };
    auto result = spend(effort);
    ASSERT_TRUE(result.isOk());
    EXPECT_EQ(result->stopped, "the budget of 40.0 s is spent");
    fake.verdict = former;
  }
}

TEST_F(SpentBudgetTest, ARaceOnTheWayWaitsForCompilersNoLongerThanThereIsTime) {
  unsigned waits = 0;
  fake.waiting = [&](const std::function<bool()> &isEnough) {
    ++waits;
    for (; !isEnough(); fake.now += 1)
      ASSERT_LT(fake.now, 1e4) << "nobody says that it is enough";
  };
  TunerOptions options;
  options.effort = Effort::Full;
  options.budgetSeconds = 1000;
  auto result = tune(options);
  ASSERT_TRUE(result.isOk());
  EXPECT_EQ(waits, 1u);
  EXPECT_EQ(result->stopped, "the budget of 1000.0 s is spent");
  EXPECT_EQ(turns, kFewRounds) << "of the last race, and no other";
  EXPECT_DOUBLE_EQ(result->ratio(), 0.75);
}

} // namespace
