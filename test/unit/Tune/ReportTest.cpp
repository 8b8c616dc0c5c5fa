#include "compiler/Support/ShellWord.h"
#include "compiler/Tune/Report.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

Trial tile(int matmul, size_t rank, double ratio, std::string schedule) {
  Trial trial;
  trial.matmul = matmul;
  trial.change = "tile";
  trial.schedule = std::move(schedule);
  trial.choice.schedules = {trial.schedule, "wgmma"};
  trial.rank = rank;
  trial.predicted = 10.0 * double(rank);
  trial.ratio = ratio;
  trial.microseconds = 100 * ratio;
  return trial;
}

TuneResult example() {
  TuneResult result;
  result.defaults.schedules = {"mma", "wgmma"};
  result.best.schedules = {"wgmma, block_m = 64", "wgmma"};
  result.defaultMicroseconds = 100;
  result.bestMicroseconds = 80;
  result.trials = {tile(0, 1, 0.9, "a"), tile(0, 2, 0.8, "b"), tile(0, 3, 0, "c")};
  result.trials[2].rejected = "spills 8 bytes";
  return result;
}

std::string summary(const TuneResult &result) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printSummary(os, result, "block.mlir", "--tokens 64 --routing uniform");
  return text;
}

TEST(ReportTest, SaysHowWellTheModelForesawTheWinner) {
  std::vector<Foresight> found = foresight(example());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].tiles, 2u);
  EXPECT_EQ(found[0].rankOfBest, 2u);
  EXPECT_DOUBLE_EQ(found[0].regret, 0.9 / 0.8);
}

TEST(ReportTest, WordsOfCommandsAreQuotedWhereAShellWouldSplitThem) {
  EXPECT_EQ(shellWord("models/a-b_1.mlir"), "models/a-b_1.mlir");
  EXPECT_EQ(shellWord("zipf:1.2"), "zipf:1.2");
  EXPECT_EQ(shellWord("my block.mlir"), "'my block.mlir'");
  EXPECT_EQ(shellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(shellWord("$(a)"), "'$(a)'");
  EXPECT_EQ(shellWord("~x"), "'~x'");
  EXPECT_EQ(shellWord(""), "''");
}

TEST(ReportTest, PrintsACommandThatBuildsTheBest) {
  std::string text = summary(example());
  EXPECT_NE(text.find("moec bench block.mlir --tokens 64 --routing uniform --schedule '0: wgmma, "
                      "block_m = 64; 1: wgmma'"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("3 candidates, 1 rejected; default 100.0 us, best 80.0 us, ratio 0.800"),
            std::string::npos)
      << text;
  TuneResult other = example();
  other.best.combine = CombineMode::Accumulate;
  other.best.fusions.permute = false;
  EXPECT_NE(summary(other).find("--fuse gate-up,padding,activation,combine --combine accumulate "
                                "--schedule"),
            std::string::npos);
}

TEST(ReportTest, PrintsRejectionsWithTheirReason) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printTrial(os, example().trials[2]);
  EXPECT_NE(text.find("rejected"), std::string::npos);
  EXPECT_NE(text.find("spills 8 bytes"), std::string::npos);
}

TEST(ReportTest, JsonHoldsEverything) {
  llvm::json::Object json = toJson(example());
  EXPECT_EQ(json.getNumber("ratio"), 0.8);
  EXPECT_EQ(json.getObject("best")->getString("schedule_option"),
            "0: wgmma, block_m = 64; 1: wgmma");
  EXPECT_TRUE(json.get("stopped")->getAsNull());
  const llvm::json::Array &trials = *json.getArray("trials");
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(trials[0].getAsObject()->getInteger("predicted_rank"), 1);
  EXPECT_EQ(trials[2].getAsObject()->getString("rejected"), "spills 8 bytes");
  EXPECT_FALSE(trials[2].getAsObject()->get("us"));
  EXPECT_EQ(json.getArray("model")->front().getAsObject()->getInteger("rank_of_best"), 2);
}

TEST(ReportTest, TheDefaultThatStaysIsNamed) {
  TuneResult result = example();
  result.best = result.defaults;
  result.stopped = "the budget of 3 s is spent";
  std::string text = summary(result);
  EXPECT_NE(text.find("the default stays"), std::string::npos);
  EXPECT_NE(text.find("stopped early: the budget of 3 s is spent"), std::string::npos);
  EXPECT_EQ(text.find("moec bench"), std::string::npos);
}

} // namespace
