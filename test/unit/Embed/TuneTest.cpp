//===- TuneTest.cpp - Tuning in the background of a host ------------------===//
//
// The program that measures is a script: it writes down how it was called, and finds what the test
// wants found. The last test runs the real one, against a stub driver whose kernels do nothing.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Embed/EmbedTest.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <mutex>
#include <thread>

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace moec::test;

namespace {

/// What the host's log got.
std::mutex logMutex;
std::string logged;

class TuneTest : public EmbedTest {
protected:
  void SetUp() override {
    EmbedTest::SetUp();
    logged.clear();
    moec_set_log_callback(
        [](moec_log_level, const char *, const char *message, void *) {
          std::lock_guard<std::mutex> lock(logMutex);
          logged += std::string(message) + "\n";
        },
        nullptr, MOEC_LOG_INFO);
  }
  void TearDown() override {
    moec_set_log_callback(nullptr, nullptr, MOEC_LOG_ERROR);
    EmbedTest::TearDown();
  }

  /// A program that keeps its arguments in "calls" and its input in "input" and then does `body`.
  void writeTool(const std::string &body) {
    tool = (scratch / "tool").string();
    std::ofstream(tool) << "#!/bin/sh\ncd " << scratch.string()
                        << "\necho \"$@\" >> calls\ncat > input\n"
                        << body << "\n";
    fs::permissions(tool, fs::perms::owner_all);
  }
  std::string read(const char *name) const {
    std::ifstream file(scratch / name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }
  /// How often the program was called.
  size_t calls() const {
    std::string text = read("calls");
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  moec_tune_options options() const {
    moec_tune_options result = {};
    result.tool = tool.c_str();
    return result;
  }
  /// Tunes and waits until all is done.
  void tune(moec::Package &block, const std::vector<int64_t> &tokens) {
    std::atomic<bool> over{false};
    block.tune(tokens, options(), [&](size_t done, size_t total) {
      EXPECT_EQ(total, tokens.size());
      over = done == total;
    });
    while (!over)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void launch(moec::Package &block, int64_t tokens) {
    std::vector<void *> tensors;
    char *at = arena();
    auto take = [&](uint64_t bytes) { return std::exchange(at, at + (bytes + 255) / 256 * 256); };
    for (size_t i = 0; i < block.argumentCount(); ++i)
      tensors.push_back(take(block.bytes(i, tokens)));
    uint64_t bytes = block.workspaceBytes(tokens);
    void *workspace = take(bytes);
    ASSERT_LE(at, arena() + kArenaBytes);
    block.launch(tokens, tensors.data(), tensors.size(), workspace, bytes, nullptr);
  }
  /// Memory of the stub's device.
  static char *arena() {
    static char *memory = [] {
      void *stub = ::dlopen(MOEC_STUB_CUDA_ANY, RTLD_NOW | RTLD_LOCAL);
      auto push = reinterpret_cast<int (*)(void *)>(::dlsym(stub, "cuCtxPushCurrent_v2"));
      auto pop = reinterpret_cast<int (*)(void **)>(::dlsym(stub, "cuCtxPopCurrent_v2"));
      auto allocate = reinterpret_cast<int (*)(uint64_t *, size_t)>(::dlsym(stub, "cuMemAlloc_v2"));
      uint64_t address = 0;
      void *context = &address;
      push(context);
      EXPECT_EQ(allocate(&address, kArenaBytes), 0);
      pop(&context);
      return reinterpret_cast<char *>(address);
    }();
    return memory;
  }
  std::string failureOf(moec::Package &block, moec_tune_options given, std::vector<int64_t> tokens,
                        moec_status expected) {
    std::string message, location;
    EXPECT_EQ(statusOf([&] { block.tune(tokens, given); }, message, location), expected) << message;
    return message;
  }

  static constexpr size_t kArenaBytes = 4 << 20;
  static constexpr const char *kMma =
      "mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2";
  std::string tool;
};

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

TEST_F(TuneTest, FailuresAreCountedAndLogged) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  const std::pair<const char *, const char *> cases[] = {
      {"echo 'T=1 us'; echo 'moec: error: no CUDA driver' >&2; exit 6",
       "tuning for 64 tokens failed: moec tune ended with code 6: no CUDA driver"},
      {"kill -SEGV $$", "tuning for 64 tokens failed: moec tune died of signal 11"},
      {"exit 77", "tuning for 64 tokens failed: moec tune ended with code 77"},
      {"exec 1>&- 2>&-; sleep 0.2; exit 3", "moec tune ended with code 3"},
  };
  uint64_t failed = 0;
  for (auto [body, reason] : cases) {
    logged.clear();
    writeTool(body);
    tune(block, {64});
    EXPECT_EQ(block.counters().tune_failed, ++failed);
    EXPECT_NE(logged.find(reason), std::string::npos) << logged;
  }
  EXPECT_EQ(block.counters().tuned, 0u);
  block.prepare({64});
  launch(block, 64);
}

TEST_F(TuneTest, ClosingEndsTheProgram) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("echo $$ > pid; exec sleep 600");
  std::atomic<int> told{0};
  block.tune({64, 128}, options(), [&](size_t, size_t) { ++told; });
  while (read("pid").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  pid_t pid = std::stoi(read("pid"));
  EXPECT_EQ(::kill(pid, 0), 0);
  auto start = std::chrono::steady_clock::now();
  { moec::Package closing = std::move(block); }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(calls(), 1u);
}

TEST_F(TuneTest, TheProgramEndsAfterAHostThatDied) {
  writeTool("echo $$ > pid; while true; do echo row; sleep 0.05; done");
  pid_t host = ::fork();
  if (host == 0) {
    moec::Context context;
    moec::Package block = moec::Package::fromText(context, text);
    block.tune({64}, options());
    ::pause();
    ::_exit(0);
  }
  ASSERT_GT(host, 0);
  while (read("pid").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(host, SIGKILL);
  ASSERT_EQ(::waitpid(host, nullptr, 0), host);
  // Gone, or dead and not yet collected by whoever inherited it.
  std::string status = "/proc/" + std::to_string(std::stoi(read("pid"))) + "/status";
  auto runs = [&] {
    std::ifstream file(status);
    std::stringstream all;
    all << file.rdbuf();
    return !all.str().empty() && all.str().find("State:\tZ") == std::string::npos;
  };
  for (int i = 0; i < 1000 && runs(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(runs());
}

TEST_F(TuneTest, TheProgramDoesNotNoticeTheHost) {
  // A descriptor that is left open to children, an ignored signal, a device of its own.
  int leaked = ::dup(0);
  auto former = std::signal(SIGPIPE, SIG_IGN);
  ::setenv("MOEC_DEVICE", "7", 1);
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("grep -E '^Sig(Blk|Ign)' /proc/self/status > signals\nls /proc/$$/fd > descriptors\n"
            "echo $MOEC_DEVICE > device");
  tune(block, {64});
  std::signal(SIGPIPE, former);
  ::unsetenv("MOEC_DEVICE");
  ::close(leaked);
  // Signals that the C library keeps to itself have numbers above 31.
  EXPECT_EQ(read("signals").find("SigBlk:\t0000000000000000\n"), 0u) << read("signals");
  size_t ignored = read("signals").find("SigIgn:\t");
  ASSERT_NE(ignored, std::string::npos);
  EXPECT_EQ(std::stoull(read("signals").substr(ignored + 8), nullptr, 16) & 0x7fffffff, 0u)
      << read("signals");
  EXPECT_EQ(read("descriptors").find(std::to_string(leaked) + "\n"), std::string::npos)
      << leaked << " in " << read("descriptors");
  EXPECT_EQ(read("device"), "0\n");
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
