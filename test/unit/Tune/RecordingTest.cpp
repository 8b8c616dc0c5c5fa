#include "compiler/Engine/Subject.h"
#include "compiler/Tune/Recording.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

class RecordingTest : public testing::Test {
protected:
  void SetUp() override {
    subject = *loadIr(MOEC_EXAMPLES "/tiny.mlir", llvm::errs());
    result.defaults.schedules = {"mma", "mma"};
    result.best.schedules = {"wgmma", "mma"};
    result.defaultMicroseconds = 100;
    result.bestMicroseconds = 90;
    conditions.who.device = "Card";
    conditions.target = "sm_90a";
    conditions.tokens = 64;
    conditions.environment.effort = "quick";
  }
  std::vector<Record> records() { return *recordsOf(*subject.block, result, conditions); }

  Subject subject;
  TuneResult result;
  SearchConditions conditions;
};

TEST_F(RecordingTest, AWinnerIsARecord) {
  result.stopped = "the budget is spent";
  result.best.fusions.permute = false;
  conditions.environment.driver = "13.0";
  conditions.environment.date = "2026-01-01T00:00:00Z";
  std::vector<Record> found = records();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].tokens, 64);
  EXPECT_EQ(found[0].fusions, result.best.fusions);
  EXPECT_EQ(found[0].environment.driver, "13.0");
  EXPECT_EQ(found[0].environment.date, "2026-01-01T00:00:00Z");
  EXPECT_EQ(found[0].schedules, result.best.schedules);
  EXPECT_DOUBLE_EQ(found[0].ratio(), 0.9);
  EXPECT_EQ(found[0].key.fuse, "any");
  EXPECT_EQ(found[0].environment.effort, "quick, stopped early");
  conditions.who.areFusionsGiven = true;
  EXPECT_EQ(records()[0].key.fuse, "all");
}

TEST_F(RecordingTest, ADefaultThatStaysIsOneAfterAWholeSearchOnly) {
  result.best = result.defaults;
  result.bestMicroseconds = 100;
  ASSERT_EQ(records().size(), 1u);
  EXPECT_TRUE(records()[0].schedules.empty());
  result.stopped = "the budget is spent";
  EXPECT_TRUE(records().empty());
}

TEST_F(RecordingTest, AnInterruptedSearchLeavesNone) {
  result.wasCutShort = true;
  EXPECT_TRUE(records().empty());
}

TEST_F(RecordingTest, WhoeverWantsTheSameBitsGetsTheBestThatHasThem) {
  result.deterministic = {result.best, 0.95};
  result.best.combine = CombineMode::Accumulate;
  std::vector<Record> found = records();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key.combine, CombineMode::Accumulate);
  EXPECT_EQ(found[1].key.combine, CombineMode::Ordered);
  EXPECT_DOUBLE_EQ(found[1].ratio(), 0.95);
  // Where the winner has them itself it is the one record.
  result.best.combine = CombineMode::Ordered;
  found = records();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_DOUBLE_EQ(found[0].ratio(), 0.9);
}

} // namespace
