// Searches on cards whose clock does not stand still, as a real one's does not: the first times of
// a search look up to a tenth faster than the same build later on.
#include "FakeMeasurer.h"
#include "test/unit/Search/Tasks.h"

#include "compiler/Tune/Tuner.h"

#include <cmath>
#include <random>

using namespace moec;

namespace {

class WarmingCardTest : public test::SearchTest {
protected:
  Lowering lowering() {
    Lowering result;
    result.name = "default";
    for (const moec::schedule::MatmulProblem &problem : {gateUp(), down()}) {
      result.tasks.push_back(task(problem, 256));
      result.defaults.schedules.push_back(
          "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5, weights = evict_last");
    }
    return result;
  }

  /// A search with noise of its own, on a card whose clock does what `factor` says.
  TuneResult tune(unsigned seed, std::function<double(const Choice &)> time,
                  std::function<double()> factor, std::function<void()> rest) {
    test::FakeMeasurer fake;
    fake.time = std::move(time);
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(1, 0.002);
    fake.rest = std::move(rest);
    fake.factor = [&](unsigned, Measurer::Purpose) { return factor() * noise(random); };
    Tuner tuner(fake, {lowering()}, {});
    tuner.clock = [&] { return fake.now; };
    auto result = tuner.run();
    EXPECT_TRUE(result.isOk()) << result.status().message();
    return *std::move(result);
  }

  /// A card that warms up while it measures and cools down while it rests.
  TuneResult tuneWarming(unsigned seed, std::function<double(const Choice &)> time) {
    double heat = 0;
    return tune(
        seed, std::move(time),
        [&] {
          heat += (1 - heat) * 0.15;
          return 0.9 + 0.1 * heat;
        },
        [&] { heat *= 0.7; });
  }

  /// A card at its power limit: whatever moment it is in when a rest ends, it is too fast after it
  /// and too slow then, and swings like that once a second.
  TuneResult tuneSwinging(unsigned seed, std::function<double(const Choice &)> time) {
    double seconds = 0;
    return tune(
        seed, std::move(time),
        [&] {
          seconds += 0.02;
          return 1 - 0.12 * std::exp(-seconds / 1.5) * std::sin(2 * M_PI * (seconds + 0.15));
        },
        [&] { seconds = std::max(0.0, seconds - 0.7); });
  }
};

/// A time for each build, the same in every search, up to 6 % to either side of the default's.
double timeOf(const Choice &choice) {
  size_t hash = std::hash<std::string>()(choice.options());
  return choice.schedules[0] == choice.schedules[1] ? 100 : 94 + double(hash % 1200) / 100;
}

TEST_F(WarmingCardTest, TheFirstCandidatesLookNoFasterThanTheyAre) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    TuneResult result = tuneWarming(seed, [](const Choice &) { return 100.0; });
    EXPECT_EQ(result.best, result.defaults);
    for (const Trial &trial : result.trials)
      EXPECT_NEAR(trial.ratio, 1, 0.02) << trial.choice.options();
  }
}

TEST_F(WarmingCardTest, RatiosAreThoseOfTheBuilds) {
  TuneResult result = tuneWarming(7, timeOf);
  for (const Trial &trial : result.trials)
    EXPECT_NEAR(trial.ratio, timeOf(trial.choice) / 100, 0.02) << trial.choice.options();
}

TEST_F(WarmingCardTest, ACardThatSwingsFavoursNoBuild) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    TuneResult result = tuneSwinging(seed, [](const Choice &) { return 100.0; });
    EXPECT_EQ(result.best, result.defaults) << result.ratio();
    for (const Trial &trial : result.trials)
      EXPECT_NEAR(trial.ratio, 1, 0.01) << trial.choice.options();
  }
  TuneResult result = tuneSwinging(7, timeOf);
  EXPECT_NEAR(result.ratio(), timeOf(result.best) / 100, 0.005);
  EXPECT_LT(timeOf(result.best), 97);
}

TEST_F(WarmingCardTest, TwoSearchesFindWinnersWithinOnePercent) {
  double fastest = 1e9, slowest = 0;
  for (unsigned seed = 0; seed < 12; ++seed) {
    TuneResult result = tuneWarming(seed, timeOf);
    fastest = std::min(fastest, timeOf(result.best));
    slowest = std::max(slowest, timeOf(result.best));
    EXPECT_NEAR(result.ratio(), timeOf(result.best) / 100, 0.005);
  }
  EXPECT_LT(slowest, 1.01 * fastest);
  EXPECT_LT(slowest, 97);
}

} // namespace
