#include "StubGpu.h"

#include "compiler/Bench/CudaBench.h"
#include "compiler/Engine/Products.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

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
    auto bound = bindInputSets(subject.inputs(), constants, {kTokens, 0, {}, 1}, kSets);
    ASSERT_TRUE(bound.isOk()) << bound.status().message();
    sets = *std::move(bound);
    ASSERT_TRUE(bench->prepare(kTokens, sets).isOk());
    stub().numLaunches = 0;
  }
  void TearDown() override {
    bench.reset();
    loaded.reset();
    device.reset();
    StubGpuTest::TearDown();
  }

  const moert::Variant &variant() const {
    return package.manifest.variants[moert::variantFor(package.manifest, kTokens)];
  }
  /// The first operand of a launch of the plan, and where the n-th launch of all had it.
  const moert::LaunchArgument &operand(size_t launch) const {
    return variant().launches[launch].arguments.front();
  }
  moert::cuda::DevicePtr place(size_t n) { return stub().launches[n].parameters[0]; }

  std::vector<std::vector<moert::HostTensor>> sets;
  std::shared_ptr<const moert::cuda::Device> device;
  moert::Package package;
  std::shared_ptr<const moert::LoadedPackage> loaded;
  std::unique_ptr<CudaBench> bench;
  TimingOptions brief{0, 0, 3, 3};
};

TEST_F(CudaBenchTest, TheLaunchOfAProductIsFoundByItsNumber) {
  for (unsigned number : {0u, 1u}) {
    auto launch = launchOfProduct(package.manifest, kTokens, number);
    ASSERT_TRUE(launch.isOk());
    EXPECT_TRUE(package.manifest.kernels[variant().launches[*launch].kernel].name.starts_with(
        "moe_grouped_matmul_"));
  }
  EXPECT_LT(*launchOfProduct(package.manifest, kTokens, 0),
            *launchOfProduct(package.manifest, kTokens, 1));
  EXPECT_EQ(launchOfProduct(package.manifest, kTokens, 2).status().code(),
            moert::StatusCode::Usage);
}

TEST_F(CudaBenchTest, AloneMeansOneLaunchASet) {
  size_t all = variant().launches.size();
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
  // What the launches before it left for it is in the set's own workspace.
  ASSERT_EQ(operand(*launch).kind, moert::LaunchArgument::Kind::Buffer);
  std::set<moert::cuda::DevicePtr> places;
  for (size_t s = 0; s < kSets; ++s) {
    places.insert(place(kSets * all + s));
    EXPECT_EQ(place(kSets * all + s), place(s * all + *launch));
  }
  EXPECT_EQ(places.size(), kSets);
}

TEST_F(CudaBenchTest, EverySetIsReadInItsTurnAndTimesAreThoseOfOne) {
  auto timing = bench->measure(*loaded, brief);
  ASSERT_TRUE(timing.isOk()) << timing.status().message();
  EXPECT_DOUBLE_EQ(timing->median, 250.0 / kSets) << "a replay takes the stub 0.25 ms";
  size_t all = variant().launches.size(), checked = 0;
  for (size_t launch = 0; launch < all; ++launch) {
    if (operand(launch).kind != moert::LaunchArgument::Kind::Tensor)
      continue;
    ++checked;
    for (size_t s = 0; s < kSets; ++s) {
      const moert::HostTensor &host = sets[s][operand(launch).index];
      const void *device = reinterpret_cast<const void *>(place(s * all + launch));
      EXPECT_EQ(std::memcmp(device, host.data(), host.byteSize()), 0);
    }
  }
  EXPECT_EQ(checked, 2u) << "the logits of the route, the rows of the first product";
}

TEST_F(CudaBenchTest, OtherInputsReplaceTheFormerOnesAndWeightsStay) {
  std::optional<CudaBench::Walk> kept;
  size_t all = variant().launches.size();
  // What is launched beside the replays: a walk for its first cost where the graph is captured.
  auto walks = [&] {
    stub().numLaunches = stub().graphLaunches = 0;
    EXPECT_TRUE(bench->measure(*loaded, brief, &kept).isOk());
    return stub().numLaunches / (kSets * all) - stub().graphLaunches;
  };
  EXPECT_EQ(walks(), 1u);
  EXPECT_EQ(walks(), 0u) << "the graph is kept";
  int before = stub().allocations;
  ASSERT_TRUE(bench->prepare(kTokens, sets).isOk());
  // Tokens, logits and the output of every set, and a workspace.
  EXPECT_EQ(stub().allocations - before, int(kSets * 3 + 1));
  EXPECT_EQ(walks(), 1u) << "its memory is gone";
  EXPECT_EQ(stub().numLaunches % (kSets * all), 0u);
  auto part = moert::LoadedPackage::load(device, onlyLaunch(package, kTokens, all - 1));
  ASSERT_TRUE(bench->measureAlone(*loaded, **part, brief).isOk());
  EXPECT_EQ(walks(), 1u) << "its workspace is gone";
}

TEST_F(CudaBenchTest, ABuildThatNeedsMoreMemoryGetsIt) {
  moert::Package other = package;
  moert::Variant &larger = other.manifest.variants[moert::variantFor(other.manifest, kTokens)];
  larger.buffers.push_back({"more", moert::DType::U8, {moert::Expr(1 << 20)}});
  auto build = moert::LoadedPackage::load(device, other);
  ASSERT_TRUE(build.isOk()) << build.status().message();
  ASSERT_GT(*(*build)->workspaceBytes(kTokens), *loaded->workspaceBytes(kTokens));
  EXPECT_TRUE(bench->measure(**build, brief).isOk());
}

TEST_F(CudaBenchTest, ReplaysAreAsManyAsTheOptionsSay) {
  // At least so many, at most so many however much time is left, and some before to warm up.
  TimingOptions options{0.2, 10, 3, 5};
  auto timing = bench->measure(*loaded, options);
  ASSERT_TRUE(timing.isOk());
  EXPECT_EQ(timing->replays, 5u);
  EXPECT_GT(stub().graphLaunches, 5);
  stub().graphLaunches = 0;
  timing = bench->measure(*loaded, brief);
  ASSERT_TRUE(timing.isOk());
  EXPECT_EQ(timing->replays, 3u);
  EXPECT_EQ(stub().graphLaunches, 3);
}

TEST_F(CudaBenchTest, PartsOfAPlanAreItsFirstLaunchesOrOneOfThem) {
  size_t all = variant().launches.size();
  size_t index = moert::variantFor(package.manifest, kTokens);
  for (size_t count : {size_t(1), all - 1, all, all + 7}) {
    auto launches = firstLaunches(package, kTokens, count).manifest.variants[index].launches;
    ASSERT_EQ(launches.size(), std::min(count, all));
    EXPECT_EQ(launches.back().kernel, variant().launches[launches.size() - 1].kernel);
  }
  ASSERT_TRUE(variant().launches[all - 1].overlapsPrevious);
  auto launches = onlyLaunch(package, kTokens, all - 1).manifest.variants[index].launches;
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_EQ(launches.front().kernel, variant().launches[all - 1].kernel);
  EXPECT_FALSE(launches.front().overlapsPrevious) << "the one before it is not its own";
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
  // Where nothing is held, all that is needed has to be free: weights once, the rest for each set.
  CudaBench fresh(loaded);
  uint64_t needed = *loaded->workspaceBytes(kTokens) + 3 * 8 * 48 * 64 * 2 +
                    kSets * kTokens * (64 * 2 + 8 * 4 + 64 * 2);
  stub().freeBytes = needed;
  EXPECT_TRUE(fresh.checkRoom(kTokens, kSets).isOk());
  stub().freeBytes = needed - 1;
  EXPECT_FALSE(fresh.checkRoom(kTokens, kSets).isOk());
  // Others may take what was free when it was looked at.
  stub().freeBytes = size_t(1) << 36;
  stub().failingCall = "cuMemAlloc_v2";
  stub().failingResult = 2; // CUDA_ERROR_OUT_OF_MEMORY
  EXPECT_EQ(bench->prepare(kTokens, sets).code(), moert::StatusCode::Unsupported);
  stub().failingResult = 700; // a fault is the driver's, whatever the size
  EXPECT_EQ(bench->prepare(kTokens, sets).code(), moert::StatusCode::Toolchain);
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
  // So does what launches leave for each other, whatever an earlier run left.
  size_t launch = variant().launches.size() - 1;
  ASSERT_EQ(operand(launch).kind, moert::LaunchArgument::Kind::Buffer);
  auto *buffer = reinterpret_cast<unsigned char *>(place(launch));
  *buffer = 0;
  ASSERT_TRUE(bench->run(*loaded, 0).isOk());
  EXPECT_EQ(*buffer, 0xFF);
}

TEST_F(CudaBenchTest, WhatReplaysLeftIsWhatOneRunLeaves) {
  // The stub's kernels write nothing: NaN stays, with which a run begins. The output comes last.
  uint16_t *elements = nullptr; // of set 3
  for (size_t set = 0; set < kSets; ++set) {
    ASSERT_TRUE(bench->run(*loaded, set).isOk());
    if (set == 3)
      elements = reinterpret_cast<uint16_t *>(stub().lastFilled.load());
  }
  EXPECT_TRUE(bench->checkOutputsAgain(*loaded).isOk());
  EXPECT_EQ(stub().numLaunches, 2 * kSets * variant().launches.size()) << "every set once more";

  elements[64 * 5 + 7] = elements[64 * 6] = 0x3F80; // 1 in bf16
  auto outputs = bench->outputs(3);
  ASSERT_TRUE(outputs.isOk());
  EXPECT_EQ(outputs->front().at(64 * 5 + 7), 1);
  moert::Status status = bench->checkOutputsAgain(*loaded);
  EXPECT_EQ(status.code(), moert::StatusCode::Mismatch);
  EXPECT_EQ(status.message(),
            "output 0 of input 3, against a run alone: 2 of 4096 elements differ, "
            "first [5, 7]: 1 instead of -nan");
  EXPECT_TRUE(bench->checkOutputsAgain(*loaded).isOk()) << "the run has replaced it";
}

} // namespace
