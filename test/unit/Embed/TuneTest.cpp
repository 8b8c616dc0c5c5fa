//===- TuneTest.cpp - Tuning in the background of a host ------------------===//
//
// The last test runs the real program, against a stub driver whose kernels do nothing.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Embed/TuneTest.h"

#include <cmath>

using namespace moec::test;

namespace {

TEST_F(TuneTest, WhatIsFoundServesTheNextLaunch) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  block.prepare();
  uint64_t workspace = block.workspaceBytes(4096);
  size_t variants = block.variants().size(), compiled = compiles();
  writeTool(importCommand(writeRecord(1024, kMma)));
  moec_tune_options given = options();
  given.budget_seconds = 20;
  given.full_effort = 1;
  std::atomic<bool> over{false};
  block.tune({1000}, given, [&](size_t done, size_t total) { over = done == total; });
  do {
    launch(block, 1000);
  } while (!over);
  EXPECT_EQ(block.counters().tuned, 1u) << logged;
  EXPECT_EQ(block.counters().tune_failed, 0u) << logged;
  EXPECT_GT(compiles(), compiled);
  launch(block, 1000);
  launch(block, 100);
  EXPECT_EQ(block.variants().size(), variants);
  EXPECT_EQ(block.workspaceBytes(4096), workspace);
  EXPECT_NE(logged.find("T=768-1535: record of Stub GPU at T=1024"), std::string::npos) << logged;
  // The program got the block and what it is wanted for.
  EXPECT_EQ(read("input"), text);
  EXPECT_EQ(read("calls"), "tune - --tokens 1000 --routing uniform --effort full --cache-dir " +
                               (scratch / "cache").string() +
                               " --deterministic --budget 20001ms\n");

  // What is known is not searched again, here and in a block that is opened later.
  tune(block, {1024, 900});
  EXPECT_EQ(block.counters().tuned, 1u);
  moec::Package later = moec::Package::fromText(context, text);
  EXPECT_GT(later.variants().size(), variants);
  tune(later, {1200});
  EXPECT_EQ(later.counters().tuned, 0u) << "a variant of it was built from the record";
  EXPECT_EQ(calls(), 1u);
}

TEST_F(TuneTest, WhatAnotherProcessFoundIsTakenOver) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("exit 9");
  ASSERT_EQ(std::system((importCommand(writeRecord(64, kMma)) + " > /dev/null").c_str()), 0);
  tune(block, {50});
  EXPECT_EQ(block.counters().tuned, 1u) << logged;
  EXPECT_EQ(read("calls"), "");
  EXPECT_TRUE(block.isReady(50));
  EXPECT_FALSE(block.isReady(47));
  tune(block, {100}); // of another interval
  EXPECT_EQ(calls(), 1u);
}

TEST_F(TuneTest, AnotherRecordThanTheOneInUseIsTakenOver) {
  moec::Context context;
  auto import = [&](const char *schedule) {
    return std::system((importCommand(writeRecord(64, schedule)) + " > /dev/null").c_str());
  };
  ASSERT_EQ(import(kMma), 0);
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("exit 9");
  tune(block, {64});
  EXPECT_EQ(block.counters().tuned, 0u) << "it is in use";
  ASSERT_EQ(import("mma, block_m = 64, block_n = 64, block_k = 32, stages = 3, warps_m = 2"), 0);
  tune(block, {64});
  EXPECT_EQ(block.counters().tuned, 1u) << logged;
  ASSERT_EQ(import(kMma), 0);
  tune(block, {64});
  EXPECT_EQ(block.counters().tuned, 2u) << logged;
  EXPECT_EQ(read("calls"), "");
}

TEST_F(TuneTest, TheSameScheduleElsewhereIsAnotherBuild) {
  moec::Context context;
  auto import = [&](int64_t tokens, const std::string &schedule, const char *fusions = "all") {
    return std::system(
        (importCommand(writeRecord(tokens, schedule, fusions)) + " > /dev/null").c_str());
  };
  ASSERT_EQ(import(64, kMma), 0);
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("exit 9");
  ASSERT_EQ(import(256, kMma), 0);
  tune(block, {256});
  EXPECT_EQ(block.counters().tuned, 1u) << logged;
  // With other fusions, which need workspace that this block's hosts do not have.
  ASSERT_EQ(import(64, kMma, "gate-up,padding,activation,combine"), 0);
  tune(block, {64});
  EXPECT_NE(logged.find("bytes of workspace for 48 tokens, but hosts of this block have"),
            std::string::npos)
      << logged;
  // What the block no longer admits is no build.
  ASSERT_EQ(import(1024, "mma, block_m = 100, block_n = 64, block_k = 32, stages = 2"), 0);
  tune(block, {1024});
  EXPECT_NE(logged.find("not used: expects block_m"), std::string::npos) << logged;
  EXPECT_EQ(block.counters().tuned, 1u) << logged;
  EXPECT_EQ(block.counters().tune_failed, 0u) << logged;
  EXPECT_EQ(read("calls"), "");
}

TEST_F(TuneTest, ARecordOfAnotherWayToCombineIsNone) {
  moec::Context context;
  moec_text_options given = {};
  given.accumulate = 1;
  moec::Package block = moec::Package::fromText(context, text, given);
  ASSERT_EQ(std::system((importCommand(writeRecord(64, kMma)) + " > /dev/null").c_str()), 0);
  writeTool("exit 9");
  tune(block, {64});
  EXPECT_EQ(calls(), 1u);
  EXPECT_EQ(block.counters().tune_failed, 1u);
}

TEST_F(TuneTest, ALoweringOfItsOwnServesBlocksThatAreOpenedLater) {
  const int64_t most = 300; // of what the arena holds
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  block.prepare();
  uint64_t workspace = block.workspaceBytes(most);
  // Rows are permuted before the product, into workspace that this block's hosts do not have.
  writeTool(importCommand(writeRecord(64, kMma, "gate-up,padding,activation,combine")));
  tune(block, {64});
  EXPECT_EQ(block.counters().tuned + block.counters().tune_failed, 0u) << logged;
  EXPECT_NE(logged.find("bytes of workspace for 48 tokens, but hosts of this block have"),
            std::string::npos)
      << logged;
  EXPECT_EQ(block.workspaceBytes(most), workspace);
  launch(block, 64);

  logged.clear();
  moec::Package later = moec::Package::fromText(context, text);
  EXPECT_NE(logged.find("T=48-95: record of Stub GPU at T=64"), std::string::npos) << logged;
  EXPECT_EQ(logged.find("not used"), std::string::npos) << logged;
  EXPECT_GT(later.workspaceBytes(most), workspace);
  // Its variants cover every T once, one of them 48 to 95.
  std::vector<std::pair<int64_t, int64_t>> intervals;
  for (const moec_variant &variant : later.variants())
    intervals.emplace_back(variant.min_tokens, variant.max_tokens);
  EXPECT_EQ(std::count(intervals.begin(), intervals.end(), std::pair<int64_t, int64_t>(48, 95)), 1);
  EXPECT_EQ(intervals.front().first, 0);
  for (size_t i = 1; i < intervals.size(); ++i)
    EXPECT_EQ(intervals[i].first, intervals[i - 1].second + 1);
  EXPECT_EQ(intervals.back().second, later.maxTokens());
  later.prepare();
  for (int64_t tokens : {1, 47, 48, 64, 95, 96, 300})
    launch(later, tokens);
  size_t before = calls();
  tune(later, {64});
  EXPECT_EQ(later.counters().tuned + later.counters().tune_failed, 0u) << logged;
  EXPECT_EQ(calls(), before);
}

TEST_F(TuneTest, EachLoweringOfItsOwnServesItsTokens) {
  // Two intervals that are fused in ways of their own: the launches tell which one ran.
  moec::Context context;
  auto launches = [&](moec::Package &block, int64_t tokens) {
    block.prepare({tokens});
    stub().numLaunches = 0;
    launch(block, tokens);
    return stub().numLaunches.load();
  };
  moec::Package plain = moec::Package::fromText(context, text);
  const unsigned fused = launches(plain, 64);
  for (auto [tokens, fusions] : {std::pair(64, "gate-up,padding,activation,combine"),
                                 std::pair(256, "gate-up,padding,combine")})
    ASSERT_EQ(
        std::system((importCommand(writeRecord(tokens, kMma, fusions)) + " > /dev/null").c_str()),
        0);
  moec::Package block = moec::Package::fromText(context, text);
  EXPECT_EQ(launches(block, 64), fused + 1) << "the permute";
  EXPECT_EQ(launches(block, 256), fused + 2) << "and the activation";
  EXPECT_EQ(launches(block, 128), fused);
}

TEST_F(TuneTest, ADefaultThatIsTheFastestStays) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool(importCommand(writeRecord(64, "")));
  tune(block, {64});
  EXPECT_EQ(block.counters().tuned + block.counters().tune_failed, 0u) << logged;
  EXPECT_FALSE(block.isReady(64));
}

TEST_F(TuneTest, TheBlocksOwnOptionsDecideWhatIsMeasured) {
  moec::Context context;
  std::string folder = (scratch / "other").string();
  std::string routing = std::string("histogram:") + MOEC_EXAMPLES + "/tiny.histogram.json";
  moec_text_options given = {};
  given.cache_dir = folder.c_str();
  given.accumulate = 1;
  given.jobs = 3;
  given.routing = routing.c_str();
  moec::Package block = moec::Package::fromText(context, text, given);
  // A record of another routing is none.
  writeTool(importCommand(writeRecord(64, kMma)) + " --cache-dir " + folder);
  tune(block, {64});
  EXPECT_EQ(read("calls"), "tune - --tokens 64 --routing " + routing +
                               " --effort quick --cache-dir " + folder +
                               " --combine accumulate -j3\n");
  EXPECT_EQ(block.counters().tuned + block.counters().tune_failed, 0u) << logged;
  // One of the block's own routing is looked for alone, in what the block is opened with as well.
  ASSERT_EQ(std::system((importCommand(writeRecord(64, kMma)) + " > /dev/null").c_str()), 0);
  moec_text_options zipf = {};
  zipf.routing = "zipf:1.2";
  moec::Package skewed = moec::Package::fromText(context, text, zipf);
  for (const moec_variant &variant : skewed.variants())
    EXPECT_NE(variant.min_tokens, 48);
  writeTool("");
  tune(skewed, {64});
  EXPECT_EQ(skewed.counters().tuned + skewed.counters().tune_failed, 0u) << logged;
  EXPECT_NE(read("calls").find("--routing zipf:1.2 "), std::string::npos) << read("calls");
  // A host may change its folder before it tunes.
  std::error_code ignored;
  fs::path former = fs::current_path();
  fs::copy_file(MOEC_EXAMPLES "/tiny.histogram.json", scratch / "h.json", ignored);
  fs::current_path(scratch);
  given.routing = "histogram:h.json";
  moec::Package moved = moec::Package::fromText(context, text, given);
  fs::current_path(former);
  tune(moved, {64});
  EXPECT_NE(read("calls").find("--routing histogram:" + (scratch / "h.json").string() + " "),
            std::string::npos)
      << read("calls");
  fs::copy_file(MOEC_EXAMPLES "/tiny.histogram.json", scratch / "a,b.json", ignored);
  std::string comma = "histogram:" + (scratch / "a,b.json").string();
  given.routing = comma.c_str();
  std::string message, location;
  EXPECT_EQ(statusOf([&] { moec::Package::fromText(context, text, given); }, message, location),
            MOEC_USAGE);
  EXPECT_NE(message.find("without a comma"), std::string::npos) << message;
  given.routing = "zipf";
  EXPECT_EQ(statusOf([&] { moec::Package::fromText(context, text, given); }, message, location),
            MOEC_USAGE);
  EXPECT_NE(message.find("but got 'zipf'"), std::string::npos) << message;
}

TEST_F(TuneTest, WhatCannotBeTunedSaysSoAtOnce) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("");
  moec_tune_options given = options();
  EXPECT_EQ(failureOf(block, given, {}, MOEC_USAGE),
            "expects token counts to tune for, but got none");
  EXPECT_NE(failureOf(block, given, {0}, MOEC_USAGE).find("to tune for, but got 0"),
            std::string::npos);
  for (double wrong : {-1.0, double(INFINITY), double(NAN)}) {
    given.budget_seconds = wrong;
    EXPECT_NE(failureOf(block, given, {64}, MOEC_USAGE).find("budget_seconds of 0 or more"),
              std::string::npos);
  }
  given = options();
  given.tool = "/nowhere/moec";
  EXPECT_NE(failureOf(block, given, {64}, MOEC_TOOLCHAIN).find("at '/nowhere/moec'"),
            std::string::npos);
  given.tool = scratch.c_str();
  failureOf(block, given, {64}, MOEC_TOOLCHAIN);
  std::ofstream(scratch / "text") << "no program";
  fs::permissions(scratch / "text", fs::perms::owner_read);
  std::string unmarked = (scratch / "text").string();
  given.tool = unmarked.c_str();
  EXPECT_NE(failureOf(block, given, {64}, MOEC_TOOLCHAIN).find("none that may be run"),
            std::string::npos);
  moec_tune_options unset = {};
  int64_t tokens[] = {64};
  EXPECT_EQ(moec_package_tune(block.get(), tokens, 1, &unset, nullptr, nullptr, nullptr),
            MOEC_USAGE);
  EXPECT_EQ(moec_package_tune(nullptr, tokens, 1, nullptr, nullptr, nullptr, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_tune(block.get(), nullptr, 1, nullptr, nullptr, nullptr, nullptr),
            MOEC_USAGE);

  moec_text_options own = {};
  own.schedule = "0: mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2";
  moec::Package fixed = moec::Package::fromText(context, text, own);
  EXPECT_NE(failureOf(fixed, options(), {64}, MOEC_USAGE).find("no schedule of the host's own"),
            std::string::npos);
  own = {};
  own.cache_dir = "";
  moec::Package uncached = moec::Package::fromText(context, text, own);
  EXPECT_NE(failureOf(uncached, options(), {64}, MOEC_USAGE).find("expects a cache folder"),
            std::string::npos);
  EXPECT_EQ(read("calls"), "");
}

TEST_F(TuneTest, TheProgramBesideTheLibraryIsTheDefault) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  std::atomic<bool> over{false};
  block.tune({64}, {}, [&](size_t, size_t) { over = true; });
  while (!over)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  // It measures on the stub's device, where a block computes nothing.
  EXPECT_EQ(block.counters().tune_failed, 1u);
  EXPECT_NE(logged.find("moec tune ended with code 1: T=64 uniform: the default: is wrong"),
            std::string::npos)
      << logged;
}

} // namespace
