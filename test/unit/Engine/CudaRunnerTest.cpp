#include "compiler/Engine/CudaRunner.h"
#include "test/unit/Runtime/StubDriver.h"

#include <algorithm>
#include <cmath>

using namespace moec;
using namespace moert::test;
using moert::DType;
using moert::Expr;
using moert::HostTensor;
using moert::LaunchArgument;

namespace {

float *pointer(const StubLaunch &launch, unsigned index) {
  return reinterpret_cast<float *>(launch.parameters[index]);
}

/// output[t, i] = hidden[t, i] + bias[i].
void addBias(const StubLaunch &launch) {
  auto tokens = static_cast<int32_t>(launch.parameters[3]);
  for (int64_t i = 0; i < tokens * kWidth; ++i)
    pointer(launch, 2)[i] = pointer(launch, 0)[i] + pointer(launch, 1)[i % kWidth];
}

/// One element too many.
void writeBehind(const StubLaunch &launch) {
  pointer(launch, 2)[static_cast<int32_t>(launch.parameters[3]) * kWidth] = 1;
}

/// A block of a tensor that grows with T, one that does not (a weight), and a buffer.
class CudaRunnerTest : public StubDriverTest {
protected:
  void SetUp() override {
    StubDriverTest::SetUp();
    stub().freeBytes = size_t(1) << 36;
    stub().function.parameterBytes[2] = 8;
    stub().function.body = addBias;
    moert::Package package = makePackage();
    moert::Manifest &manifest = package.manifest;
    manifest.maxTokens = 1000;
    manifest.arguments.insert(manifest.arguments.begin() + 1,
                              {"bias", DType::F32, {Expr(kWidth)}, false});
    manifest.kernels[0].parameters[2] = moert::ParameterKind::Pointer;
    moert::Variant &variant = manifest.variants.front();
    variant.maxTokens = -1;
    variant.buffers = {{"scratch", DType::F32, {Expr::tokens(), Expr(kWidth)}}};
    variant.launches[0].arguments = {LaunchArgument::tensor(0), LaunchArgument::tensor(1),
                                     LaunchArgument::tensor(2), LaunchArgument::tokens()};
    manifest.variants.resize(1);
    loaded = load(package);
    runner = std::make_unique<CudaRunner>(loaded);
  }
  void TearDown() override {
    runner.reset();
    loaded.reset();
    stub().freeBytes = size_t(1) << 36;
    StubDriverTest::TearDown();
  }

  static HostTensor filled(std::vector<int64_t> shape, float value) {
    HostTensor tensor = *HostTensor::allocate(DType::F32, std::move(shape));
    std::ranges::fill(tensor.asMutable<float>(), value);
    return tensor;
  }
  static HostTensor hidden(int64_t tokens, float value) { return filled({tokens, kWidth}, value); }

  /// Expects that every element of the output is `value`.
  void expectSum(const HostTensor &rows, const HostTensor &bias, float value) {
    auto outcome = runner->run(std::vector{rows, bias}, rows.dim(0), /*poison=*/false);
    ASSERT_TRUE(outcome.isOk()) << outcome.status().message();
    ASSERT_EQ(outcome->outputs.size(), 1u);
    const HostTensor &output = outcome->outputs.front();
    EXPECT_EQ(output.dim(0), rows.dim(0));
    EXPECT_TRUE(std::ranges::all_of(output.as<float>(), [&](float got) { return got == value; }))
        << output.as<float>()[0] << " in place of " << value;
  }

  std::shared_ptr<const moert::LoadedPackage> loaded;
  std::unique_ptr<CudaRunner> runner;
};

TEST_F(CudaRunnerTest, OnlyWeightsStayOnTheDevice) {
  HostTensor rows = hidden(3, 1), bias = filled({kWidth}, 10);
  expectSum(rows, bias, 11);
  // A buffer that the caller fills anew for each run.
  std::ranges::fill(rows.asMutable<float>(), 2.0f);
  expectSum(rows, bias, 12);
  // The same tensor is the same content, which is how weights are uploaded once for all T.
  std::ranges::fill(bias.asMutable<float>(), 20.0f);
  expectSum(rows, bias, 12);
  expectSum(hidden(5, 3), bias, 13);
  // Another one is not.
  expectSum(rows, filled({kWidth}, 30), 32);
  expectSum(rows, bias, 22);
}

TEST_F(CudaRunnerTest, WhatMemoryDoesNotHoldIsToldBeforeItIsAllocated) {
  constexpr int64_t kTokens = 100, kRows = kTokens * kWidth * 4;
  uint64_t needed = 2 * kRows + kWidth * 4 + *loaded->workspaceBytes(kTokens);
  stub().freeBytes = needed;
  auto outputs = runner->planMemory(kTokens);
  ASSERT_TRUE(outputs.isOk()) << outputs.status().message();
  EXPECT_EQ(*outputs, uint64_t(kRows)) << "the host's part are the outputs";
  stub().freeBytes = needed - 1;
  EXPECT_FAILURE(runner->planMemory(kTokens).status(), Unsupported, "100 tokens need 0.0 GiB");
  // What the runner holds is not free, but will be.
  expectSum(hidden(kTokens, 1), filled({kWidth}, 1), 2);
  stub().freeBytes = 0;
  EXPECT_TRUE(runner->planMemory(kTokens).isOk());
  EXPECT_FAILURE(runner->planMemory(kTokens + 1).status(), Unsupported, "64.0 GiB are free");
  stub().freeBytes = size_t(1) << 36;
  EXPECT_TRUE(runner->planMemory(1000).isOk());
  EXPECT_FAILURE(runner->planMemory(1001).status(), Unsupported,
                 "1001 tokens are more than the 1000 that the package admits");
}

TEST_F(CudaRunnerTest, WhatNoKernelWritesIsNaNInACheckedRun) {
  HostTensor rows = hidden(4, 1), bias = filled({kWidth}, 1);
  expectSum(rows, bias, 2);
  stub().function.body = nullptr;
  expectSum(rows, bias, 2); // of the run before
  auto outcome = runner->run(std::vector{rows, bias}, 4, /*poison=*/true);
  ASSERT_TRUE(outcome.isOk()) << outcome.status().message();
  EXPECT_TRUE(std::ranges::all_of(outcome->outputs.front().as<float>(),
                                  [](float value) { return std::isnan(value); }));
}

TEST_F(CudaRunnerTest, MemoryAroundTensorsIsWatchedInACheckedRun) {
  stub().function.body = writeBehind;
  HostTensor rows = hidden(4, 1), bias = filled({kWidth}, 1);
  EXPECT_TRUE(runner->run(std::vector{rows, bias}, 4, /*poison=*/false).isOk());
  EXPECT_FAILURE(runner->run(std::vector{rows, bias}, 4, /*poison=*/true).status(), Mismatch,
                 "a kernel wrote behind tensor 'output'");
}

TEST_F(CudaRunnerTest, EveryInputNeedsATensor) {
  EXPECT_FAILURE(runner->run(std::vector{hidden(4, 1)}, 4, false).status(), Usage,
                 "expects a tensor for argument 'bias', but got 1");
}

} // namespace
