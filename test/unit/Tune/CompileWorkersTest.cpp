// Candidates that take the compiler down: processes of moec, on an NVRTC that crashes, hangs and
// says nothing where a source says so.
#include "compiler/Tune/CompileWorkers.h"
#include "compiler/Engine/Subject.h"
#include "compiler/Tune/KernelBuilder.h"
#include "compiler/Tune/Lowering.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <unistd.h>

using namespace moec;
using moert::Status;
using moert::StatusCode;

namespace {

class CompileWorkersTest : public testing::Test {
protected:
  static constexpr int64_t kTokens = 64;

  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "moec-compile-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch = pattern;
    setenv("MOEC_LIBCUDA", "/nowhere/libcuda.so", 1); // compiling needs no device
    if (const char *nvrtc = getenv("MOEC_NVRTC"))
      formerNvrtc = nvrtc;
    setenv("MOEC_NVRTC", MOEC_STUB_NVRTC, 1);
    setenv("STUB_NVRTC_LOG", (scratch / "compiled").c_str(), 1);
    auto loaded = loadIr(MOEC_EXAMPLES "/tiny.mlir", llvm::errs());
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    subject = *std::move(loaded);
    auto made = makeLowering(*subject.block, "default", {}, CombineMode::Ordered,
                             {"sm_90a", kTokens, std::vector<int64_t>(8, 16), {}});
    ASSERT_TRUE(made.isOk()) << made.status().message();
    defaults = made->defaults;
    options.command = {MOEC_TOOL, "tune-worker"};
    options.jobs = 3;
    options.block = llvm::json::Object{{"source", subject.block->source()},
                                       {"name", "tiny.mlir"},
                                       {"target", "sm_90a"},
                                       {"cache", (scratch / "cache").string()},
                                       {"use_layers", false}};
  }
  void TearDown() override {
    for (const char *variable : {"MOEC_LIBCUDA", "MOEC_NVRTC", "STUB_NVRTC_LOG", "STUB_NVRTC_MS",
                                 "STUB_NVRTC_CRASH", "STUB_NVRTC_HANG", "STUB_NVRTC_SILENT"})
      unsetenv(variable);
    if (formerNvrtc)
      setenv("MOEC_NVRTC", formerNvrtc->c_str(), 1);
    std::filesystem::remove_all(scratch);
  }

  /// What only the first product of choice(32) contains.
  static constexpr const char *kSecond = "kBlockM = 32, kBlockN = 64, kBlockK = 32, kStages = 3";
  Choice choice(int blockM) const {
    Choice result = defaults;
    result.schedules[0] = fmt::format("mma, block_m = {}, block_n = 64, block_k = 32, stages = 3, "
                                      "warps_m = 1, warps_n = 2",
                                      blockM);
    return result;
  }
  /// What becomes of each.
  static std::vector<Status> compile(CompileWorkers &workers, std::vector<Choice> choices) {
    CompileWorkers::Number first = workers.add(choices, kTokens);
    std::vector<Status> statuses;
    for (size_t i = 0; i < choices.size(); ++i)
      statuses.push_back(workers.wait(first + i));
    return statuses;
  }
  size_t compiles() const {
    std::ifstream file(scratch / "compiled");
    return size_t(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
  }
  /// What the process that measures would find: builds without a compiler.
  std::vector<moert::Result<moert::Package>> build(std::span<const Choice> choices) const {
    moert::CacheOptions cache;
    cache.directory = scratch / "cache";
    KernelBuilder builder(
        *subject.block, "sm_90a", 1,
        std::make_shared<CachedCompiler>(moert::Cache::open(cache), /*strict=*/true));
    return builder.build(choices, kTokens);
  }
  /// Of three candidates the second fails for this reason, and the others do not notice.
  void expectSecondFails(const std::string &reason) {
    CompileWorkers workers(options);
    std::vector<Choice> choices = {choice(16), choice(32), choice(48)};
    std::vector<Status> statuses = compile(workers, choices);
    ASSERT_EQ(statuses.size(), 3u);
    EXPECT_TRUE(statuses[0].isOk()) << statuses[0].message();
    EXPECT_EQ(statuses[1].code(), StatusCode::Toolchain);
    EXPECT_EQ(statuses[1].message(), reason);
    EXPECT_TRUE(statuses[2].isOk()) << statuses[2].message();
    EXPECT_TRUE(build({&choices[0], 1}).front().isOk());
    EXPECT_TRUE(build({&choices[2], 1}).front().isOk());
    // The workers go on, with a new one in the place of one that was lost.
    statuses = compile(workers, std::vector<Choice>(3, choice(64)));
    for (const Status &status : statuses)
      EXPECT_TRUE(status.isOk()) << status.message();
  }

  std::filesystem::path scratch;
  std::optional<std::string> formerNvrtc; ///< for the tests after these
  Subject subject;
  Choice defaults;
  CompileWorkers::Options options;
};

TEST_F(CompileWorkersTest, PutKernelsIntoTheCache) {
  std::vector<Choice> choices = {defaults, choice(16), choice(32), choice(48), choice(64)};
  EXPECT_EQ(build(choices).front().status().code(), StatusCode::CacheMiss);
  CompileWorkers workers(options);
  for (const Status &status : compile(workers, choices))
    EXPECT_TRUE(status.isOk()) << status.message();
  std::set<std::string> sources;
  for (const moert::Result<moert::Package> &package : build(choices)) {
    ASSERT_TRUE(package.isOk()) << package.status().message();
    for (const moert::KernelCode &code : package->code)
      sources.insert(code.source);
  }
  EXPECT_GE(sources.size(),
            9u); // five of the default, and at least one more for each of the others
  EXPECT_EQ(compiles(), sources.size()) << "each kernel once, however many candidates have it";
  EXPECT_TRUE(compile(workers, {}).empty());
}

TEST_F(CompileWorkersTest, GoOnWhileTheirOwnerWaitsForSomethingElse) {
  options.jobs = 1;
  CompileWorkers workers(options);
  CompileWorkers::Number first =
      workers.add(std::vector<Choice>{choice(16), choice(32), choice(48)}, kTokens);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!build(std::vector<Choice>{choice(48)}).front().isOk() &&
         std::chrono::steady_clock::now() < deadline)
    workers.sleep(ends[0], std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  EXPECT_LT(std::chrono::steady_clock::now(), deadline)
      << "the last is handed out when the first is done, although nobody waits for either";
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  workers.sleep(ends[0], deadline); // readable
  EXPECT_LT(std::chrono::steady_clock::now(), deadline);
  workers.waitForAll();
  EXPECT_TRUE(workers.wait(first + 2).isOk());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(CompileWorkersTest, ACrashIsTheCandidates) {
  setenv("STUB_NVRTC_CRASH", kSecond, 1);
  expectSecondFails("crashes the compiler: the process died of signal 6 (Aborted)");
}

TEST_F(CompileWorkersTest, AHangIsTheCandidates) {
  setenv("STUB_NVRTC_HANG", kSecond, 1);
  options.seconds = 6;
  auto start = std::chrono::steady_clock::now();
  expectSecondFails("hangs the compiler: no answer within 6 s");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(CompileWorkersTest, AWrongAnswerIsTheCandidates) {
  setenv("STUB_NVRTC_SILENT", kSecond, 1);
  expectSecondFails("kernel 'moe_grouped_matmul_0': expects a report on entry "
                    "'moe_grouped_matmul_0' from the assembler, but got none");
}

TEST_F(CompileWorkersTest, OneWorkerIsEnoughForAll) {
  setenv("STUB_NVRTC_CRASH", kSecond, 1);
  options.jobs = 1;
  expectSecondFails("crashes the compiler: the process died of signal 6 (Aborted)");
}

TEST_F(CompileWorkersTest, WhatDoesNotLowerHasTheReason) {
  CompileWorkers workers(options);
  std::vector<Status> statuses = compile(workers, std::vector<Choice>{choice(100), choice(16)});
  EXPECT_EQ(statuses[0].message(),
            "expects block_m to be a multiple of 16 * warps_m = 16, but got 100");
  EXPECT_TRUE(statuses[1].isOk()) << statuses[1].message();
}

TEST_F(CompileWorkersTest, CompileAtOnce) {
  options.jobs = 4;
  CompileWorkers workers(options);
  ASSERT_TRUE(compile(workers, std::vector<Choice>{defaults}).front().isOk());
  setenv("STUB_NVRTC_MS", "1500", 1); // of workers that start from now on
  CompileWorkers slow(options);
  auto start = std::chrono::steady_clock::now();
  for (const Status &status :
       compile(slow, std::vector<Choice>{choice(16), choice(32), choice(48), choice(64)}))
    EXPECT_TRUE(status.isOk()) << status.message();
  // One after the other would take that long, or longer.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(4 * 1500));
}

TEST_F(CompileWorkersTest, WithoutNvrtcNothingCompiles) {
  setenv("MOEC_NVRTC", "/nowhere", 1);
  CompileWorkers workers(options);
  Status status = compile(workers, std::vector<Choice>{defaults}).front();
  EXPECT_EQ(status.code(), StatusCode::Toolchain);
  EXPECT_NE(status.message().find("NVRTC"), std::string::npos) << status.message();
}

TEST_F(CompileWorkersTest, AProgramThatIsNotThere) {
  options.command = {"/nowhere/moec"};
  CompileWorkers workers(options);
  for (const Status &status : compile(workers, std::vector<Choice>{choice(16), choice(32)})) {
    EXPECT_EQ(status.code(), StatusCode::Toolchain);
    EXPECT_NE(status.message().find("starting the worker '/nowhere/moec' failed"),
              std::string::npos)
        << status.message();
  }
}

TEST_F(CompileWorkersTest, Nonsense) {
  options.command = {"/bin/sh", "-c", "read -r line; echo what; exec sleep 60"};
  CompileWorkers workers(options);
  Status status = compile(workers, std::vector<Choice>{choice(16)}).front();
  EXPECT_TRUE(llvm::StringRef(status.message())
                  .starts_with("crashes the compiler: the worker talks nonsense"))
      << status.message();
}

TEST_F(CompileWorkersTest, AWorkerThatDiesBeforeItHasItsRequestIsNotKept) {
  options.command = {"/bin/sh", "-c", "exit 3"};
  options.jobs = 1;
  options.block["padding"] = std::string(4 << 20, 'x'); // more than fits on the way to it
  auto descriptors = [] {
    std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  auto before = descriptors();
  CompileWorkers workers(options);
  for (int i = 0; i < 2; ++i) {
    Status status = compile(workers, std::vector<Choice>{choice(16)}).front();
    EXPECT_EQ(status.message(), "the process ended with code 3");
    EXPECT_EQ(descriptors(), before);
  }
}

TEST_F(CompileWorkersTest, AWorkerThatLeftMeanwhileIsReplaced) {
  options.command = {"/bin/sh", "-c", "read -r line; echo '{\"code\":0}'"};
  options.jobs = 1;
  CompileWorkers workers(options);
  for (int i = 0; i < 3; ++i) {
    Status status = compile(workers, std::vector<Choice>{choice(16)}).front();
    EXPECT_TRUE(status.isOk()) << status.message();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

} // namespace
