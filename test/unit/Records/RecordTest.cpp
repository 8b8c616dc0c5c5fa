#include "RecordFixture.h"

#include <set>

using namespace moec;
using namespace moec::test;

namespace {

TEST(IntervalTest, EveryTokenCountIsInOneAroundAPowerOfTwo) {
  for (int64_t tokens = 1; tokens < 5000; ++tokens) {
    TokenInterval interval = intervalOf(tokens);
    EXPECT_TRUE(interval.contains(tokens)) << tokens;
    EXPECT_EQ(intervalOf(interval.first), interval);
    EXPECT_EQ(intervalOf(interval.last), interval);
    EXPECT_NE(intervalOf(interval.last + 1), interval);
  }
  EXPECT_EQ(intervalOf(1024), (TokenInterval{768, 1535}));
  EXPECT_EQ(intervalOf(1), (TokenInterval{1, 1}));
  EXPECT_EQ(intervalOf(0), (TokenInterval{0, 0}));
}

TEST(RecordTest, SurvivesItsText) {
  Record record = sampleRecord();
  record.fusions.permute = false;
  record.key.combine = CombineMode::Accumulate;
  auto read = recordsFromText(recordsToText({record, sampleRecord(64)}));
  ASSERT_TRUE(read.isOk()) << read.status().message();
  ASSERT_EQ(read->size(), 2u);
  const Record &first = read->front();
  EXPECT_EQ(first.key, record.key);
  EXPECT_EQ(first.fusions, record.fusions);
  EXPECT_EQ(first.schedules, record.schedules);
  EXPECT_EQ(first.tokens, 1024);
  EXPECT_DOUBLE_EQ(first.ratio(), 0.95);
  for (auto member :
       {&RecordEnvironment::moec, &RecordEnvironment::nvrtc, &RecordEnvironment::driver,
        &RecordEnvironment::clocks, &RecordEnvironment::date, &RecordEnvironment::effort})
    EXPECT_EQ(first.environment.*member, record.environment.*member);
  EXPECT_EQ(toJson(record).getNumber("ratio"), record.ratio());
}

TEST(RecordTest, ADefaultThatStaysSurvivesItsText) {
  Record record = sampleRecord();
  record.schedules.clear();
  record.microseconds = record.defaultMicroseconds;
  auto read = recordsFromText(recordsToText({record}));
  ASSERT_TRUE(read.isOk()) << read.status().message();
  EXPECT_TRUE(read->front().schedules.empty());
  EXPECT_EQ(read->front().ratio(), 1);
}

/// The failure of reading a record whose text had `from` replaced.
std::string failure(const std::string &from, const std::string &to) {
  std::string text = recordsToText({sampleRecord()});
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  auto read = recordsFromText(text);
  return read ? "" : read.status().message();
}

TEST(RecordTest, WhatCannotBeReadSaysWhy) {
  EXPECT_NE(failure("\"format\": 1", "\"format\": 2").find("expected format 1"), std::string::npos);
  EXPECT_NE(failure("\"uniform\"", "7").find("expected string at record.key.routing"),
            std::string::npos);
  EXPECT_NE(failure("\"ordered\"", "\"later\"").find("combine"), std::string::npos);
  EXPECT_NE(failure("\"fusions\": \"all\"", "\"fusions\": \"most\"").find("fusions"),
            std::string::npos);
  EXPECT_NE(failure("\"records\"", "\"notes\""), "");
  EXPECT_NE(failure("{", ""), "");
}

TEST(RecordTest, AValueThatNoSearchLeavesIsRefused) {
  struct {
    const char *from, *to, *message;
  } cases[] = {
      {"\"tokens\": 1024", "\"tokens\": 0",
       "expected a count from 1 to 1610612735 at record.tokens, but got 0"},
      {"\"tokens\": 1024", "\"tokens\": 9223372036854775807",
       "expected a count from 1 to 1610612735 at record.tokens, but got 9223372036854775807"},
      {"\"Card\"", "\"\"", "expected a text at record.key.device, but got \"\""},
      {"\"sm_90a\"", "\"\"", "expected a text at record.key.target, but got \"\""},
      {"\"bf16: experts=8; experts=8\"", "\"\"",
       "expected a text at record.key.problem, but got \"\""},
      {"\"uniform\"", "\"uni\\nform\"",
       "expected a text of one line at record.key.routing, but got \"uni\\nform\""},
      {"\"any\"", "\"\"", "expected a text at record.key.fuse, but got \"\""},
      {"\"multiprocessors\": 132", "\"multiprocessors\": -132",
       "expected a number from 1 on at record.key.multiprocessors, but got -132"},
      {"\"multiprocessors\": 132", "\"multiprocessors\": 0",
       "expected a number from 1 on at record.key.multiprocessors, but got 0"},
      {"\"Card\"", "\"Ca\x7frd\"", "expected a text of one line at record.key.device"},
      {"weights = evict_last\"", "weights =\\nevict_last\"",
       "expected a text of one line at record.schedules"},
      {"\"us\": 95", "\"us\": -95",
       "expected a time from 0.001 to 1e+12 at record.us, but got -95"},
      {"\"default_us\": 100", "\"default_us\": 1e308",
       "expected a time from 0.001 to 1e+12 at record.default_us, but got 1e+308"},
      {"\"us\": 95", "\"us\": 101", "expected at most default_us, 100 at record.us, but got 101"},
      {"\"any\"", "\"most\"", "expected any or fusions at record.key.fuse, but got 'most'"},
      {"experts=8; experts=8", "experts=8",
       "expected none or one for each of 1 products at record.schedules, but got 2"},
      {"weights = evict_last\"", "weights = evict_last; *: mma\"",
       "expected one schedule for each product at record.schedules, but got 'wgmma_swapped, "},
      {"\"quick\"", "\"qui\\u001bck\"", "expected a text of one line at record.environment"},
  };
  for (auto &c : cases) {
    std::string message = failure(c.from, c.to);
    EXPECT_TRUE(message.starts_with(c.message)) << c.to << ": " << message;
  }
  // The last count that is taken has an interval that schedules can name.
  EXPECT_EQ(failure("\"tokens\": 1024", "\"tokens\": 1610612735"), "");
  EXPECT_EQ(intervalOf(kMaxRecordTokens), (TokenInterval{805306368, kMaxRecordTokens}));
}

TEST(ShippedTest, EveryShippedRecordIsAGain) {
  std::set<std::pair<std::string, int64_t>> seen;
  for (const Record &record : shippedRecords()) {
    EXPECT_LT(record.ratio(), 0.99) << record.key.text();
    EXPECT_FALSE(record.schedules.empty());
    EXPECT_GT(record.key.multiprocessors, 0);
    EXPECT_TRUE(seen.insert({record.key.text(), intervalOf(record.tokens).first}).second)
        << record.key.text();
  }
  EXPECT_FALSE(seen.empty());
}

} // namespace
