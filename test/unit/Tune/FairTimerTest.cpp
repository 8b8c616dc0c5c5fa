// Times between times of the yardstick, on a device that never was.
#include "FakeMeasurer.h"

#include "compiler/Tune/FairTimer.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace moec;
using moert::Status;
using moert::StatusCode;

namespace {

class FairTimerTest : public testing::Test {
protected:
  static Choice choice(const char *schedule) {
    Choice result;
    result.schedules = {schedule};
    return result;
  }
  /// Lets the builds that are not the yardstick take these times in turn.
  void candidateTakes(std::vector<double> microseconds) {
    fake.time = [=, this](const Choice &choice) {
      if (choice.schedules[0] == "default")
        return 100.0;
      return microseconds[candidates++ % microseconds.size()];
    };
  }
  FairTimer::Time time() {
    auto found = timer.time(choice("candidate"));
    EXPECT_TRUE(found.isOk()) << found.status().message();
    return *found;
  }

  size_t candidates = 0; ///< times of candidates
  test::FakeMeasurer fake;
  FairTimer timer{fake, choice("default")};
};

TEST_F(FairTimerTest, MedianOfAnEvenNumberIsBetweenTheTwoInTheMiddle) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST_F(FairTimerTest, ALostDeviceAndATimeLimitAreNotTheCandidates) {
  EXPECT_TRUE(isRejection(Status(StatusCode::Mismatch, "")));
  EXPECT_FALSE(isRejection(Status(StatusCode::NoDevice, "")));
  EXPECT_FALSE(isRejection(Status(StatusCode::Budget, "")));
}

TEST_F(FairTimerTest, ARatioIsToTheTimesOnBothSides) {
  fake.factor = [](unsigned n, Measurer::Purpose) { return 1 + 0.008 * n; };
  EXPECT_NEAR(time().ratio, 1, 1e-6);
}

TEST_F(FairTimerTest, RatiosInARowHaveToAgree) {
  candidateTakes({100, 100.5});
  time();
  EXPECT_EQ(candidates, 2u);
  candidates = 0;
  candidateTakes({100, 120, 140, 150});
  FairTimer::Time found = time();
  EXPECT_EQ(candidates, 4u);
  EXPECT_DOUBLE_EQ(found.ratio, 1.3);
  EXPECT_DOUBLE_EQ(found.microseconds, 130);
  candidates = 0;
  timer.looks = 1;
  time();
  EXPECT_EQ(candidates, 2u) << "expects two looks at least";
  timer.isOver = [] { return true; };
  candidates = 0;
  time();
  EXPECT_EQ(candidates, 1u);
}

TEST_F(FairTimerTest, ACandidateThatFailsLeavesACardToBeWoken) {
  time();
  fake.accident = [](const Choice &choice, unsigned) {
    return choice.schedules[0] == "default" ? Status::ok()
                                            : Status(StatusCode::Internal, "a fault");
  };
  EXPECT_EQ(time().rejected, "a fault");
  fake.accident = [](const Choice &, unsigned) { return Status::ok(); };
  unsigned before = fake.measurements;
  time(); // two of the yardstick that agree, and two looks
  EXPECT_EQ(fake.measurements - before, 6u);
  before = fake.measurements;
  time();
  EXPECT_EQ(fake.measurements - before, 4u);
}

TEST_F(FairTimerTest, NoCardIsWokenForLongOnceTimeIsUp) {
  timer.isOver = [] { return true; };
  time();
  EXPECT_EQ(fake.measurements, 3u);
}

TEST_F(FairTimerTest, TheYardstickHasASecondChance) {
  fake.accident = [](const Choice &, unsigned n) {
    return n == 0 ? Status(StatusCode::Internal, "a fault") : Status::ok();
  };
  EXPECT_TRUE(timer.warmUp().isOk());
  EXPECT_EQ(timer.yardstickMicroseconds(), 100);
  fake.accident = [](const Choice &, unsigned) { return Status(StatusCode::NoDevice, "lost"); };
  unsigned before = fake.measurements;
  EXPECT_EQ(timer.warmUp().code(), StatusCode::NoDevice);
  EXPECT_EQ(fake.measurements - before, 1u) << "not where the device is lost";
}

TEST_F(FairTimerTest, ACardIsWarmOnceTheLatestTimesAreAlike) {
  ASSERT_TRUE(timer.warmUp().isOk());
  EXPECT_EQ(fake.measurements, 6u);
  fake.factor = [](unsigned n, Measurer::Purpose) { return n < 9 ? 0.9 : 1.0; };
  ASSERT_TRUE(timer.warmUp().isOk());
  EXPECT_EQ(fake.measurements, 6u + 3 + 6);
  fake.factor = [](unsigned n, Measurer::Purpose) { return 1 + 0.01 * n; };
  timer.warmTimes = 10;
  ASSERT_TRUE(timer.warmUp().isOk());
  EXPECT_EQ(fake.measurements, 15u + 10);
  timer.isOver = [] { return true; };
  ASSERT_TRUE(timer.warmUp().isOk());
  EXPECT_EQ(fake.measurements, 26u);
}

TEST_F(FairTimerTest, TheScatterIsThatOfTheYardstick) {
  EXPECT_DOUBLE_EQ(timer.scatter(2), 0.005 / std::sqrt(2)) << "nothing is known yet";
  timer.looks = 2;
  fake.factor = [](unsigned n, Measurer::Purpose) { return n / 2 % 2 == 0 ? 1 : 1.02; };
  for (int i = 0; i < 4; ++i)
    time();
  // Times that are 0.02 apart: sqrt(2) deviations, of which a ratio has sqrt(3/2).
  EXPECT_NEAR(timer.scatter(1), 0.02 / 0.6745 / std::sqrt(2) * std::sqrt(1.5), 1e-3);
  EXPECT_NEAR(timer.scatter(4), timer.scatter(1) / 2, 1e-9);
  fake.factor = [](unsigned, Measurer::Purpose) { return 1.0; };
  for (int i = 0; i < 20; ++i)
    time();
  EXPECT_DOUBLE_EQ(timer.scatter(100), 0.0005) << "never less";
}

TEST_F(FairTimerTest, TurnsGoOnWithoutWhatFailed) {
  Choice choices[] = {choice("good"), choice("broken")};
  fake.accident = [](const Choice &choice, unsigned) {
    return choice.schedules[0] == "broken" ? Status(StatusCode::Internal, "a fault") : Status::ok();
  };
  std::vector<std::string> order;
  fake.time = [&](const Choice &choice) {
    order.push_back(choice.schedules[0]);
    return 100.0;
  };
  auto turns = timer.takeTurns(choices, 3, [] { return false; });
  ASSERT_TRUE(turns.isOk()) << turns.status().message();
  EXPECT_EQ(turns->times[0].size(), 3u);
  EXPECT_EQ(turns->ratios[0].size(), 3u);
  EXPECT_EQ(turns->yardstick.size(), 3u);
  EXPECT_TRUE(turns->times[1].empty());
  EXPECT_EQ(turns->failures, (std::vector<std::string>{"", "a fault"}));
  EXPECT_EQ(std::count(order.begin(), order.end(), "good"), 3);
  unsigned before = fake.measurements;
  auto once = timer.takeTurns(std::span(choices).first(1), 3, [] { return true; });
  ASSERT_TRUE(once.isOk());
  EXPECT_EQ(once->times[0].size(), 1u) << "one round at least, and no further one";
  EXPECT_EQ(fake.measurements - before, 3u) << "a card that rested is woken, but not for long";
}

} // namespace
