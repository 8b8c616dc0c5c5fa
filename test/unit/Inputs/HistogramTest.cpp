// Recorded histograms: what is read, what is refused, and what sets one apart from another.

#include "compiler/Inputs/Routing.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace moec;
using moert::Result;
using moert::StatusCode;

namespace {

class HistogramTest : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "moec-histogram-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(scratch); }

  std::string write(const std::string &text, const char *name = "h.json") {
    std::ofstream(scratch / name) << text;
    return (scratch / name).string();
  }
  Histogram read(const std::string &text, const char *name = "h.json") {
    Result<Histogram> histogram = readHistogram(write(text, name));
    EXPECT_TRUE(histogram.isOk()) << histogram.status().message();
    return histogram ? *histogram : Histogram();
  }

  std::filesystem::path scratch;
};

TEST_F(HistogramTest, IntegersFractionsAndNotes) {
  Histogram histogram = read(R"({"model": "x", "counts": [3, 0, 2.5, 1e3, 18446744073709551615]})");
  EXPECT_EQ(histogram.counts, (std::vector<double>{3, 0, 2.5, 1000, 18446744073709551616.0}));
  EXPECT_EQ(histogram.path, (scratch / "h.json").string());
}

TEST_F(HistogramTest, RefusesTheRest) {
  const std::pair<const char *, const char *> cases[] = {
      {"", "expects JSON, but got an error at ["},
      {R"({"counts": [1, 2)", "expects JSON, but got an error at ["},
      {"[1, 2]", "expects an object with an array 'counts', but got an array"},
      {"7", "expects an object with an array 'counts', but got 7"},
      {"{}", "expects 'counts' to be an array of numbers, but got none"},
      {R"({"counts": {"0": 1}})", "expects 'counts' to be an array of numbers, but got an object"},
      {R"({"counts": [1, "2"]})",
       "expects counts[1] to be a finite number from 0 on, but got \"2\""},
      {R"({"counts": [1, null]})",
       "expects counts[1] to be a finite number from 0 on, but got null"},
      {R"({"counts": [[1]]})",
       "expects counts[0] to be a finite number from 0 on, but got an array"},
      {R"({"counts": [1, 2, -1]})",
       "expects counts[2] to be a finite number from 0 on, but got -1"},
      {R"({"counts": [1e999]})", "expects counts[0] to be a finite number from 0 on, but got inf"},
      {R"({"counts": [NaN]})", "expects JSON, but got an error at ["},
  };
  for (auto [text, message] : cases) {
    std::string path = write(text);
    Result<Histogram> histogram = readHistogram(path);
    ASSERT_FALSE(histogram.isOk()) << text;
    EXPECT_EQ(histogram.status().code(), StatusCode::InvalidInput) << text;
    EXPECT_TRUE(histogram.status().message().starts_with(path + ": " + message))
        << text << '\n'
        << histogram.status().message();
  }
}

TEST_F(HistogramTest, HostileFiles) {
  // A parser that recurses without a limit would run out of stack.
  Result<Histogram> deep = readHistogram(write("{\"counts\":" + std::string(500000, '[')));
  EXPECT_NE(deep.status().message().find("at most 64 nested levels, but got 500001"),
            std::string::npos)
      << deep.status().message();
  Result<Histogram> large = readHistogram(write(std::string((1 << 20) + 1, ' ')));
  EXPECT_NE(large.status().message().find("at most 1048576 bytes, but got 1048577"),
            std::string::npos)
      << large.status().message();
  Result<Histogram> folder = readHistogram(scratch.string());
  EXPECT_EQ(folder.status().code(), StatusCode::InvalidInput);
  Result<Histogram> absent = readHistogram((scratch / "absent.json").string());
  EXPECT_EQ(absent.status().code(), StatusCode::InvalidInput);
}

TEST_F(HistogramTest, JsonCarriesEveryBit) {
  Histogram histogram = read(R"({"counts": [0.1, 1e-320, 1.7976931348623157e308, 12345678901]})");
  llvm::json::Value value(toJson(histogram));
  std::string text;
  llvm::raw_string_ostream(text) << value;
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  ASSERT_TRUE(bool(parsed));
  Result<Histogram> again = histogramFromJson(*parsed, histogram.path);
  ASSERT_TRUE(again.isOk());
  EXPECT_EQ(*again, histogram);
}

TEST_F(HistogramTest, TheDigestIsOfTheCountsAlone) {
  Histogram histogram = read(R"({"counts": [1, 2, 3]})");
  // Kept in tuning records: a change of the digest loses them.
  EXPECT_EQ(histogram.digest(), "6546e9921e660374a995ef88d2149935");
  EXPECT_EQ(read(R"({"counts":[1.0, 20e-1,3], "note": "copied"})", "copy.json").digest(),
            histogram.digest());
  EXPECT_EQ(read(R"({"counts": [0, 1]})").digest(), read(R"({"counts": [-0.0, 1]})").digest());
  for (const char *other : {"[1, 2, 4]", "[2, 1, 3]", "[1, 2, 3, 0]", "[1, 2]", "[12, 3]", "[]"})
    EXPECT_NE(read(std::string("{\"counts\": ") + other + "}").digest(), histogram.digest())
        << other;
}

TEST_F(HistogramTest, ARoutingIsNamedByThePathAndKnownByTheContent) {
  std::string path = write(R"({"counts": [1, 2]})");
  Result<Routing> routing = parseRouting("histogram:" + path);
  ASSERT_TRUE(routing.isOk()) << routing.status().message();
  EXPECT_EQ(toString(*routing), "histogram:" + path);
  EXPECT_EQ(*parseRouting(toString(*routing)), *routing);
  EXPECT_EQ(identityOf(*routing), "histogram:" + routing->histogram.digest());
  Result<Routing> copy = parseRouting("histogram:" + write(R"({"counts": [1, 2]})", "copy.json"));
  EXPECT_EQ(identityOf(*copy), identityOf(*routing));
  write(R"({"counts": [1, 3]})");
  EXPECT_NE(identityOf(*parseRouting(toString(*routing))), identityOf(*routing));
  EXPECT_EQ(identityOf({Routing::Kind::Zipf, 1.5}), "zipf:1.5");
}

TEST_F(HistogramTest, MustFitTheBlock) {
  Routing routing{Routing::Kind::Histogram};
  routing.histogram = {"h.json", {4, 0, 1, 0}};
  EXPECT_TRUE(checkRouting(routing, 4, 2).isOk());
  EXPECT_TRUE(checkRouting(routing, 4, 0).isOk());
  EXPECT_TRUE(checkRouting({}, 4, 4).isOk());
  moert::Status status = checkRouting(routing, 8, 2);
  EXPECT_EQ(status.code(), StatusCode::InvalidInput);
  EXPECT_EQ(status.message(), "h.json: expects 8 counts, one for each expert, but got 4");
  status = checkRouting(routing, 4, 3);
  EXPECT_EQ(status.code(), StatusCode::InvalidInput);
  EXPECT_EQ(status.message(), "h.json: expects at least 3 counts above 0, as each token chooses "
                              "that many experts, but got 2");
  routing.histogram.counts.assign(4, 0.0);
  EXPECT_EQ(checkRouting(routing, 4, 0).code(), StatusCode::InvalidInput);
}

} // namespace
