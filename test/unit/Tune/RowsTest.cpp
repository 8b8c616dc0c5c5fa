// The file of an interrupted search's trials: what comes back of it, and what does not.
#include "compiler/Tune/Rows.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace moec;

namespace {

class RowsTest : public testing::Test {
protected:
  static Trial trial(const std::string &schedule) {
    Trial result;
    result.choice.schedules = {schedule};
    result.microseconds = 90.5;
    result.ratio = 0.75;
    return result;
  }
  void write(const std::string &text) { std::ofstream(path, std::ios::app) << text; }

  moert::test::TemporaryDirectory scratch;
  std::filesystem::path path = scratch.path() / "cache" / "tuned" / "rows"; ///< nobody made it yet
};

TEST_F(RowsTest, ARowComesBackAsItWas) {
  Trial timed = trial("wgmma"), rejected = trial("mma");
  rejected.microseconds = rejected.ratio = 0;
  rejected.rejected = "spills \xff bytes"; // whatever an assembler says
  Rows rows(path, false);
  rows.append(timed);
  rows.append(rejected);
  Rows read(path, true);
  ASSERT_EQ(read.size(), 2u);
  const Trial *found = read.find(timed.choice);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->choice, timed.choice);
  EXPECT_EQ(found->microseconds, 90.5);
  EXPECT_EQ(found->ratio, 0.75);
  EXPECT_EQ(found->rejected, "");
  found = read.find(rejected.choice);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->rejected.starts_with("spills ")) << found->rejected;
}

TEST_F(RowsTest, OtherFusionsOrAnotherCombineAreAnotherRow) {
  Rows(path, false).append(trial("wgmma"));
  Rows rows(path, true);
  Choice choice = trial("wgmma").choice;
  EXPECT_TRUE(rows.find(choice));
  choice.combine = CombineMode::Accumulate;
  EXPECT_FALSE(rows.find(choice));
  choice.combine = CombineMode::Ordered;
  choice.fusions.permute = false;
  EXPECT_FALSE(rows.find(choice));
}

TEST_F(RowsTest, ASearchThatDoesNotGoOnStartsWithoutRows) {
  Rows(path, false).append(trial("wgmma"));
  EXPECT_EQ(Rows(path, true).size(), 1u);
  EXPECT_EQ(Rows(path, false).size(), 0u);
  EXPECT_EQ(Rows(path, true).size(), 0u) << "for whoever goes on with this one";
}

TEST_F(RowsTest, WhatWasTakenOverIsNotWrittenAgain) {
  Rows(path, false).append(trial("wgmma"));
  Rows rows(path, true);
  rows.append(trial("wgmma"));
  rows.append(trial("mma"));
  EXPECT_EQ(Rows(path, true).size(), 2u);
}

TEST_F(RowsTest, ALineThatWasCutCostsThatLineOnly) {
  Rows rows(path, false);
  rows.append(trial("wgmma"));
  write("{\"choice\": {\"fus"); // by a crash, without an end of the line
  Rows(path, true).append(trial("mma"));
  Rows read(path, true);
  EXPECT_EQ(read.size(), 2u);
  EXPECT_TRUE(read.find(trial("mma").choice));
}

TEST_F(RowsTest, WhatIsNoRowIsNotRead) {
  Rows(path, false).append(trial("wgmma"));
  std::string line;
  std::ifstream file(path);
  while (line.empty() && std::getline(file, line)) {
  }
  // A time of nothing would win every search.
  for (const char *value : {"90.5", "0.75"}) {
    std::string other = line;
    size_t place = other.find(value);
    ASSERT_NE(place, std::string::npos) << line;
    write(other.replace(place, std::string(value).size(), "0") + "\n");
  }
  write("[1]\n7\n{}\n{\"us\": 1, \"ratio\": 1}\n{\"choice\": 3, \"us\": 1, \"ratio\": 1}\n");
  EXPECT_EQ(Rows(path, true).size(), 1u);
}

} // namespace
