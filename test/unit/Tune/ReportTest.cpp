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
  TuneResult result = example();
  result.trials.push_back(tile(0, 4, 0.7, "d")); // refinements are none of the model's tiles
  result.trials.back().change = "stages";
  std::vector<Foresight> found = foresight(result);
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

TEST(ReportTest, AWinnerIsNamedWithTheBlocksTimeWhenItWon) {
  TuneResult result = example();
  std::string winner = result.best.schedules[0];
  result.trials = {tile(0, 1, 0.8, winner), tile(0, 2, 0, winner), tile(1, 1, 0.9, winner)};
  result.trials[1].rejected = "spills 8 bytes"; // beside another schedule of matmul 1
  std::string text = summary(result);
  EXPECT_NE(text.find("  matmul 0: wgmma, block_m = 64 (block at 0.800)\n"
                      "  matmul 1: the default stays\n"),
            std::string::npos)
      << text;
}

TEST(ReportTest, TheCommandNamesFilesAsAShellReadsThem) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printSummary(os, example(), "my block.mlir", "--tokens 64");
  EXPECT_NE(text.find("  moec bench 'my block.mlir' --tokens 64 --schedule"), std::string::npos)
      << text;
}

std::string line(const Trial &trial) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printTrial(os, trial);
  return text;
}

TEST(ReportTest, ATrialIsARowOfTheTable) {
  EXPECT_EQ(line(tile(0, 2, 0.9, "wgmma")), "     0       90.0   0.900      20.0    2  wgmma\n");
  Trial refined = tile(1, 1, 0.9, "wgmma");
  refined.change = "stages";
  EXPECT_EQ(line(refined), "     1       90.0   0.900      10.0    1  wgmma  [stages]\n");
  Trial lowering; // of which the model says nothing
  lowering.change = "combine accumulate";
  lowering.microseconds = 1234.56;
  lowering.ratio = 0.8;
  EXPECT_EQ(line(lowering), "     -     1234.6   0.800                 combine accumulate\n");
}

TEST(ReportTest, PrintsRejectionsWithTheirReason) {
  Trial trial = tile(0, 3, 0, "c");
  trial.rejected = "spills 8 bytes\nptxas info: whatever else it says";
  EXPECT_EQ(line(trial), "     0   rejected              30.0    3  c\n" + std::string(41, ' ') +
                             "spills 8 bytes\n");
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

TEST(ReportTest, JsonTellsTheDefaultFromTheBestAndTimesFromPredictions) {
  TuneResult result = example();
  result.stopped = "interrupted";
  result.defaultPredicted = {5, 6};
  result.best.combine = CombineMode::Accumulate;
  result.best.fusions.permute = false;
  result.trials[1].won = true;
  Trial lowering;
  lowering.change = "combine accumulate";
  lowering.choice = result.best;
  lowering.finalist = true;
  result.trials.push_back(lowering);
  llvm::json::Object json = toJson(result);
  EXPECT_EQ(json.getString("stopped"), "interrupted");
  EXPECT_EQ(json.getNumber("default_us"), 100);
  EXPECT_EQ(json.getNumber("best_us"), 80);
  EXPECT_EQ(*json.getArray("default_predicted_us"), llvm::json::Array({5, 6}));
  EXPECT_EQ(json.getObject("default")->getString("combine"), "ordered");
  EXPECT_EQ(json.getObject("default")->getString("fusions"), "all");
  EXPECT_EQ(json.getObject("best")->getString("combine"), "accumulate");
  EXPECT_EQ(json.getObject("best")->getString("fusions"), "gate-up,padding,activation,combine");
  const llvm::json::Object &model = *json.getArray("model")->front().getAsObject();
  EXPECT_EQ(model.getInteger("matmul"), 0);
  EXPECT_EQ(model.getInteger("tiles"), 2);
  EXPECT_EQ(model.getNumber("regret"), 0.9 / 0.8);
  const llvm::json::Array &trials = *json.getArray("trials");
  const llvm::json::Object &second = *trials[1].getAsObject(), &last = *trials[3].getAsObject();
  EXPECT_EQ(second.getInteger("matmul"), 0);
  EXPECT_EQ(second.getString("schedule"), "b");
  EXPECT_EQ(second.getNumber("predicted_us"), 20);
  EXPECT_EQ(second.getNumber("us"), 80);
  EXPECT_EQ(second.getNumber("ratio"), 0.8);
  EXPECT_EQ(second.getBoolean("won"), true);
  EXPECT_EQ(second.getBoolean("finalist"), false);
  EXPECT_EQ(last.getBoolean("won"), false);
  EXPECT_EQ(last.getBoolean("finalist"), true);
  EXPECT_FALSE(last.get("matmul"));
  EXPECT_FALSE(last.get("predicted_us"));
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
