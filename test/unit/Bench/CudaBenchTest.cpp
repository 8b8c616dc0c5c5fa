#include "StubGpu.h"

#include "compiler/Bench/CudaBench.h"
#include "compiler/Engine/Products.h"

using namespace moec;

namespace {

class CudaBenchTest : public test::StubGpuTest {
protected:
  static constexpr int64_t kTokens = 64;
  static constexpr size_t kSets = 5;

  void SetUp() override {
    StubGpuTest::SetUp();
    if (IsSkipped() || HasFatalFailure())
      return;
    device = *openDevice();
    RunnerOptions options;
    options.tokens = {kTokens};
    package = *packageFor(subject, *device, options);
    loaded = *moert::LoadedPackage::load(device, package);
    bench = std::make_unique<CudaBench>(loaded);
    moert::NamedTensors constants;
    auto sets = bindInputSets(subject.inputs(), constants, {kTokens, 0, {}, 1}, kSets);
    ASSERT_TRUE(sets.isOk()) << sets.status().message();
    ASSERT_TRUE(bench->prepare(kTokens, *sets).isOk());
    stub().numLaunches = 0;
  }
  void TearDown() override {
    bench.reset();
    loaded.reset();
    device.reset();
    StubGpuTest::TearDown();
  }

  std::shared_ptr<const moert::cuda::Device> device;
  moert::Package package;
  std::shared_ptr<const moert::LoadedPackage> loaded;
  std::unique_ptr<CudaBench> bench;
  TimingOptions brief{0, 0, 3, 3};
};

TEST_F(CudaBenchTest, TheLaunchOfAProductIsFoundByItsNumber) {
  const moert::Variant &variant =
      package.manifest.variants[moert::variantFor(package.manifest, kTokens)];
  for (unsigned number : {0u, 1u}) {
    auto launch = launchOfProduct(package.manifest, kTokens, number);
    ASSERT_TRUE(launch.isOk());
    EXPECT_TRUE(package.manifest.kernels[variant.launches[*launch].kernel].name.starts_with(
        "moe_grouped_matmul_"));
  }
  EXPECT_LT(*launchOfProduct(package.manifest, kTokens, 0),
            *launchOfProduct(package.manifest, kTokens, 1));
  EXPECT_EQ(launchOfProduct(package.manifest, kTokens, 2).status().code(),
            moert::StatusCode::Usage);
}

TEST_F(CudaBenchTest, AloneMeansOneLaunchASet) {
  size_t all =
      package.manifest.variants[moert::variantFor(package.manifest, kTokens)].launches.size();
  auto launch = launchOfProduct(package.manifest, kTokens, 1);
  auto part = moert::LoadedPackage::load(device, onlyLaunch(package, kTokens, *launch));
  ASSERT_TRUE(part.isOk()) << part.status().message();
  auto timing = bench->measureAlone(*loaded, **part, brief);
  ASSERT_TRUE(timing.isOk()) << timing.status().message();
  EXPECT_EQ(timing->replays, 3u);
  // The whole plan once, the launch once for its first cost, then a warm-up and three replays at
  // most.
  unsigned launches = stub().numLaunches;
  unsigned replays = stub().graphLaunches;
  EXPECT_EQ(launches, kSets * (all + 1 + replays));
}

TEST_F(CudaBenchTest, WhatMemoryDoesNotHoldIsUnsupported) {
  // Enough is free, or is given back first: what the sets of now hold.
  EXPECT_TRUE(bench->checkRoom(kTokens, kSets).isOk());
  stub().freeBytes = 0;
  EXPECT_TRUE(bench->checkRoom(kTokens, kSets).isOk());
  moert::Status status = bench->checkRoom(kTokens, 100 * kSets);
  EXPECT_EQ(status.code(), moert::StatusCode::Unsupported);
  EXPECT_NE(status.message().find("GiB of device memory, but"), std::string::npos)
      << status.message();
  // Others may take what was free when it was looked at.
  stub().freeBytes = size_t(1) << 36;
  moert::NamedTensors constants;
  auto sets = bindInputSets(subject.inputs(), constants, {kTokens, 0, {}, 1}, kSets);
  stub().failingCall = "cuMemAlloc_v2";
  stub().failingResult = 2; // CUDA_ERROR_OUT_OF_MEMORY
  EXPECT_EQ(bench->prepare(kTokens, *sets).code(), moert::StatusCode::Unsupported);
  stub().failingCall = nullptr;
}

TEST(TimingTest, OfRunsOneByOne) {
  Timing timing = timingOf({100, 3, 2, 5, 4, 1, 6, 7, 8, 9, 10});
  EXPECT_EQ(timing.median, 6);
  EXPECT_EQ(timing.p10, 2);
  EXPECT_EQ(timing.p90, 10) << "not the largest";
  EXPECT_EQ(timing.replays, 11u);
  EXPECT_EQ(timingOf({7}).p90, 7);
}

TEST_F(CudaBenchTest, OutputsComeFromPoisonedMemory) {
  auto outputs = bench->run(*loaded, 0);
  ASSERT_TRUE(outputs.isOk());
  ASSERT_EQ(outputs->size(), 1u);
  const moert::HostTensor &output = outputs->front();
  EXPECT_EQ(output.dim(0), kTokens);
  for (int64_t i = 0; i < output.numElements(); ++i)
    ASSERT_TRUE(std::isnan(output.at(i))); // the stub's kernels write nothing
}

} // namespace
