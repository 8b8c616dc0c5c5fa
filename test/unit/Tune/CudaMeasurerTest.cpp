#include "test/unit/Bench/StubGpu.h"

#include "compiler/Tune/CudaMeasurer.h"
#include "compiler/Tune/Tuner.h"

using namespace moec;
using moert::StatusCode;

namespace {

class CudaMeasurerTest : public test::StubGpuTest {
protected:
  static constexpr int64_t kTokens = 64;
  static constexpr size_t kSets = 3;

  void SetUp() override {
    StubGpuTest::SetUp();
    if (IsSkipped() || HasFatalFailure())
      return;
    right = reference(kTokens);
    download(right);
    auto made = makeLowering(*subject.block, "default", {}, CombineMode::Ordered,
                             {"sm_90a", kTokens, std::vector<int64_t>(8, 16), {}});
    ASSERT_TRUE(made.isOk()) << made.status().message();
    lowering = *std::move(made);
    CudaMeasurer::Options options;
    options.jobs = 2;
    options.cache = cache;
    auto created = CudaMeasurer::create(*subject.block, options);
    ASSERT_TRUE(created.isOk()) << created.status().message();
    measurer = *std::move(created);
    ASSERT_TRUE(measurer->aimAt(kTokens, {}, kSets).isOk());
    moert::Status status = measurer->begin(lowering.defaults);
    ASSERT_TRUE(status.isOk()) << status.message();
    ASSERT_TRUE(measurer->check(lowering.defaults).isOk());
  }
  void TearDown() override {
    measurer.reset();
    StubGpuTest::TearDown();
  }

  Choice other() const {
    Choice choice = lowering.defaults;
    choice.schedules[0] =
        "mma, block_m = 64, block_n = 64, block_k = 32, stages = 3, warps_m = 2, warps_n = 2";
    return choice;
  }

  std::shared_ptr<CachedCompiler> cache =
      std::make_shared<CachedCompiler>(moert::Cache::open({})); ///< in memory
  moert::HostTensor right;
  Lowering lowering;
  std::unique_ptr<CudaMeasurer> measurer;
};

TEST_F(CudaMeasurerTest, RightOutputsPassAndAreTimed) {
  EXPECT_EQ(measurer->target(), "sm_90a");
  EXPECT_TRUE(measurer->check(other()).isOk());
  auto time = measurer->measure(other(), Measurer::Purpose::Look);
  ASSERT_TRUE(time.isOk());
  EXPECT_GT(*time, 0);
}

TEST_F(CudaMeasurerTest, ASecondSearchCompilesNothing) {
  measurer->prepare(std::vector<Choice>{other()});
  uint64_t compiled = cache->counters().compiles;
  EXPECT_GT(compiled, 0u);
  measurer = *CudaMeasurer::create(*subject.block, {"", 2, 0, 0, 1, cache});
  ASSERT_TRUE(measurer->aimAt(kTokens, {}, kSets).isOk());
  ASSERT_TRUE(measurer->begin(lowering.defaults).isOk());
  EXPECT_TRUE(measurer->check(lowering.defaults).isOk());
  EXPECT_TRUE(measurer->check(other()).isOk());
  EXPECT_EQ(cache->counters().compiles, compiled);
}

TEST_F(CudaMeasurerTest, WrongOutputsAreAMismatch) {
  moert::HostTensor wrong =
      *moert::HostTensor::allocate(right.dtype(), {right.shape().begin(), right.shape().end()});
  for (int64_t i = 0; i < wrong.numElements(); ++i)
    wrong.set(i, right.at(i));
  wrong.set(77, 50);
  download(wrong);
  moert::Status status = measurer->check(other());
  EXPECT_EQ(status.code(), StatusCode::Mismatch);
  EXPECT_TRUE(llvm::StringRef(status.message()).starts_with("is wrong: output"))
      << status.message();
}

TEST_F(CudaMeasurerTest, WhatDoesNotLowerHasTheReason) {
  Choice illegal = other();
  illegal.schedules[0] = "mma, block_m = 100, block_n = 64, block_k = 32, stages = 3";
  measurer->prepare(std::vector<Choice>{illegal, other()});
  moert::Status status = measurer->check(illegal);
  EXPECT_EQ(status.message(), "expects block_m to be a multiple of 16 * warps_m = 16, but got 100");
  EXPECT_TRUE(measurer->check(other()).isOk());
}

TEST_F(CudaMeasurerTest, TheDeviceComesBackAfterAFault) {
  int released = stub().contextsReleased;
  stub().broken = true;
  moert::Status status = measurer->check(other());
  EXPECT_EQ(status.code(), StatusCode::Toolchain);
  EXPECT_NE(status.message().find("cuStreamSynchronize"), std::string::npos) << status.message();
  EXPECT_FALSE(stub().broken);
  EXPECT_GT(stub().contextsReleased, released);
  EXPECT_TRUE(measurer->check(lowering.defaults).isOk());
  EXPECT_TRUE(measurer->measure(lowering.defaults, Measurer::Purpose::Look).isOk());
}

TEST_F(CudaMeasurerTest, ADeviceThatStaysBrokenIsLost) {
  stub().failingCall = "cuStreamSynchronize";
  stub().failingResult = 700;
  EXPECT_EQ(measurer->check(other()).code(), StatusCode::NoDevice);
}

TEST_F(CudaMeasurerTest, CarriesAWholeSearch) {
  TunerOptions options;
  options.matmuls = {1};
  options.budgetSeconds = 20;
  auto result = Tuner(*measurer, {lowering}, options).run();
  ASSERT_TRUE(result.isOk()) << result.status().message();
  EXPECT_EQ(result->best, result->defaults); // the stub's clock knows no difference
  for (const Trial &trial : result->trials)
    EXPECT_EQ(trial.rejected, "") << trial.schedule;
}

} // namespace
