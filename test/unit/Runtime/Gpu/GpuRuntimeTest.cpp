//===- GpuRuntimeTest.cpp - The runtime on a device, with its own kernels -===//
//
// Needs a device and nothing else: the kernels are PTX text that the driver compiles.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Runtime/Gpu/GpuTest.h"
#include "test/unit/Runtime/TestPackage.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

using namespace moert;
using namespace moert::test;

namespace {

/// target[i] = source[i] * factor for i < tokens * 8.
constexpr const char *kScalePtx = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry scale_entry(.param .u64 source, .param .u64 target, .param .u32 tokens,
                            .param .u32 factor)
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<8>;
  .reg .f32 %f<4>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.s32 %r4, %r1, %r2, %r3;
  ld.param.u32 %r5, [tokens];
  shl.b32 %r5, %r5, 3;
  setp.ge.s32 %p1, %r4, %r5;
  @%p1 bra DONE;
  ld.param.u64 %rd1, [source];
  ld.param.u64 %rd2, [target];
  ld.param.u32 %r6, [factor];
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  mul.wide.s32 %rd3, %r4, 4;
  add.s64 %rd4, %rd1, %rd3;
  add.s64 %rd5, %rd2, %rd3;
  ld.global.f32 %f1, [%rd4];
  cvt.rn.f32.s32 %f2, %r6;
  mul.f32 %f3, %f1, %f2;
  st.global.f32 [%rd5], %f3;
DONE:
  ret;
}
)";

/// Copies the 128 bytes of its parameter to the target.
constexpr const char *kCopyMapPtx = R"(.version 7.8
.target sm_80
.address_size 64
.visible .entry copy_map(.param .align 64 .b8 map[128], .param .u64 target)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<8>;
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd1, %r1, 8;
  mov.b64 %rd2, map;
  add.s64 %rd3, %rd2, %rd1;
  ld.param.b64 %rd4, [%rd3];
  ld.param.u64 %rd5, [target];
  cvta.to.global.u64 %rd5, %rd5;
  add.s64 %rd6, %rd5, %rd1;
  st.global.b64 [%rd6], %rd4;
  ret;
}
)";

/// TestPackage.h with real code.
Package makeGpuPackage() {
  Package package = makePackage();
  package.code[0].cubin.clear();
  package.code[0].ptx = kScalePtx;
  for (Variant &variant : package.manifest.variants)
    for (Launch &launch : variant.launches)
      launch.overlapsPrevious = false; // the kernel does not wait for the one before it
  return package;
}

class GpuRuntime : public GpuTest {
protected:
  std::shared_ptr<const LoadedPackage> load(const Package &package = makeGpuPackage()) {
    Result<std::shared_ptr<const LoadedPackage>> loaded = LoadedPackage::load(device, package);
    EXPECT_TRUE(loaded.isOk()) << loaded.status().message();
    return loaded ? *loaded : nullptr;
  }

  static std::vector<float> ramp(size_t count, float first) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = first + static_cast<float>(i % 1000);
    return values;
  }

  static void expectScaled(CudaExecutor &executor, const std::vector<float> &hidden) {
    std::vector<float> output(hidden.size());
    ASSERT_STATUS_OK(executor.download(1, std::as_writable_bytes(std::span(output))));
    for (size_t i = 0; i < hidden.size(); ++i)
      ASSERT_EQ(output[i], 6.0f * hidden[i]) << "element " << i;
  }
};

TEST_F(GpuRuntime, ReadsTheDevice) {
  const cuda::DeviceProperties &props = device->properties();
  EXPECT_FALSE(props.name.empty());
  EXPECT_GE(props.ccMajor, 7);
  EXPECT_GT(props.smCount, 0);
  EXPECT_GE(props.memoryBytes, uint64_t(1) << 30);
  EXPECT_GE(props.sharedBytesPerBlock, 48u << 10);
  RecordProperty("device", props.name);
}

TEST_F(GpuRuntime, ComputesForEveryT) {
  std::shared_ptr<const LoadedPackage> package = load();
  ASSERT_NE(package, nullptr);
  for (int64_t tokens : {0, 1, 15, 16, 17, 64, 1000, 100000}) {
    Result<CudaExecutor> executor = CudaExecutor::create(package, tokens);
    ASSERT_TRUE(executor.isOk()) << executor.status().message();
    std::vector<float> hidden = ramp(tokens * kWidth, 1);
    ASSERT_STATUS_OK(executor->upload(0, bytesOf(hidden)));
    ASSERT_STATUS_OK(executor->launch());
    expectScaled(*executor, hidden);
    ASSERT_STATUS_OK(executor->checkGuards());
    ASSERT_STATUS_OK(executor->poison());
    ASSERT_STATUS_OK(executor->runAsGraph());
    expectScaled(*executor, hidden);
    ASSERT_STATUS_OK(executor->checkGuards());
  }
}

TEST_F(GpuRuntime, ReplaysAGraphWithNewInputs) {
  std::shared_ptr<const LoadedPackage> package = load();
  ASSERT_NE(package, nullptr);
  Result<CudaExecutor> executor = CudaExecutor::create(package, 300);
  ASSERT_TRUE(executor.isOk()) << executor.status().message();
  Result<cuda::Graph> graph =
      cuda::Graph::capture(executor->stream(), [&] { return executor->launch(); });
  ASSERT_TRUE(graph.isOk()) << graph.status().message();
  for (float first : {1.0f, 5.0f, -20.0f}) {
    std::vector<float> hidden = ramp(300 * kWidth, first);
    ASSERT_STATUS_OK(executor->upload(0, bytesOf(hidden)));
    ASSERT_STATUS_OK(executor->poison());
    ASSERT_STATUS_OK(graph->launch(executor->stream()));
    expectScaled(*executor, hidden);
  }
}

TEST_F(GpuRuntime, LoadsDuringACaptureOfAnotherThread) {
  std::shared_ptr<const LoadedPackage> package = load();
  ASSERT_NE(package, nullptr);
  Result<CudaExecutor> executor = CudaExecutor::create(package, 100);
  ASSERT_TRUE(executor.isOk()) << executor.status().message();
  const cuda::DriverApi &api = device->api();
  cuda::ContextScope scope(*device);
  // The global mode is the strict one: unsafe calls of any thread would invalidate the capture.
  cuda::StreamHandle stream = executor->stream().handle();
  ASSERT_STATUS_OK(MOERT_CUDA(api, cuStreamBeginCapture_v2, stream, cuda::kCaptureGlobal));
  Status launched = executor->launch();
  bool loaded = false;
  std::thread([&] {
    std::shared_ptr<const LoadedPackage> second = load();
    Result<cuda::DeviceMemory> memory = cuda::DeviceMemory::allocate(device, 4096);
    loaded = second && memory.isOk();
  }).join();
  cuda::GraphHandle graph = nullptr;
  Status ended = MOERT_CUDA(api, cuStreamEndCapture, stream, &graph);
  EXPECT_TRUE(launched.isOk()) << launched.message();
  EXPECT_TRUE(ended.isOk()) << ended.message();
  EXPECT_TRUE(loaded);
  if (graph)
    api.cuGraphDestroy(graph);
}

TEST_F(GpuRuntime, MisuseLeavesTheContextAlive) {
  std::shared_ptr<const LoadedPackage> package = load();
  ASSERT_NE(package, nullptr);
  Result<CudaExecutor> executor = CudaExecutor::create(package, 100);
  ASSERT_TRUE(executor.isOk()) << executor.status().message();
  std::vector<float> hidden = ramp(100 * kWidth, 3);
  ASSERT_STATUS_OK(executor->upload(0, bytesOf(hidden)));
  alignas(256) static float host[1024];
  cuda::DevicePtr in = executor->address(0), out = executor->address(1),
                  space = executor->address(2);
  uint64_t bytes = executor->workspaceBytes();
  auto launch = [&](int64_t tokens, std::vector<cuda::DevicePtr> tensors, cuda::DevicePtr workspace,
                    uint64_t workspaceBytes) {
    return package->launch(tokens, tensors, workspace, workspaceBytes, executor->stream().handle())
        .code();
  };
  EXPECT_EQ(launch(-1, {in, out}, space, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(int64_t(1) << 40, {in, out}, space, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(100, {in}, space, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(100, {in, 0}, space, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(100, {in + 4, out}, space, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(100, {in, out}, space, bytes - 1), StatusCode::Usage);
  EXPECT_EQ(launch(100, {in, out}, space + 128, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(100, {out, out}, space, bytes), StatusCode::Usage);
  EXPECT_EQ(launch(100, {reinterpret_cast<cuda::DevicePtr>(host), out}, space, bytes),
            StatusCode::Usage);
  EXPECT_EQ(launch(100, {0x1000, out}, space, bytes), StatusCode::Usage);
  ASSERT_STATUS_OK(executor->launch());
  expectScaled(*executor, hidden);
}

TEST_F(GpuRuntime, RefusesCodeThatDoesNotFit) {
  auto loadStatus = [&](const Package &package) {
    return LoadedPackage::load(device, package).status();
  };
  Package package = makeGpuPackage();
  package.manifest.targetArch = "sm_70a";
  EXPECT_EQ(loadStatus(package).code(), StatusCode::NoDevice);

  package = makeGpuPackage();
  package.code[0].ptx = "this is no PTX";
  EXPECT_EQ(loadStatus(package).code(), StatusCode::Toolchain);

  package = makeGpuPackage();
  package.manifest.kernels[0].entry = "other";
  EXPECT_EQ(loadStatus(package).code(), StatusCode::Toolchain);

  package = makeGpuPackage();
  package.manifest.kernels[0].dynamicSharedBytes = 1 << 20;
  EXPECT_EQ(loadStatus(package).code(), StatusCode::Unsupported);

  if (device->api().cuFuncGetParamInfo) {
    package = makeGpuPackage();
    package.manifest.kernels[0].parameters.pop_back();
    for (Variant &variant : package.manifest.variants)
      for (Launch &launch : variant.launches)
        launch.arguments.pop_back();
    Status status = loadStatus(package);
    EXPECT_EQ(status.code(), StatusCode::InvalidInput) << status.message();
    EXPECT_NE(status.message().find("expects 3 parameters"), std::string::npos) << status.message();
  }
  EXPECT_NE(load(), nullptr) << "the context must still be usable";
}

TEST_F(GpuRuntime, EightThreadsShareAPackage) {
  std::shared_ptr<const LoadedPackage> package = load();
  ASSERT_NE(package, nullptr);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      Result<CudaExecutor> executor = CudaExecutor::create(package, 50 + 100 * t);
      if (!executor) {
        ++failures;
        return;
      }
      std::vector<float> hidden((50 + 100 * t) * kWidth, static_cast<float>(t + 1));
      std::vector<float> output(hidden.size());
      failures += !executor->upload(0, bytesOf(hidden)).isOk();
      for (int round = 0; round < 100; ++round) {
        failures += !executor->poison().isOk();
        failures += !executor->launch().isOk();
        failures += !executor->download(1, std::as_writable_bytes(std::span(output))).isOk();
        for (float value : output)
          failures += value != 6.0f * static_cast<float>(t + 1);
      }
      failures += !executor->checkGuards().isOk();
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(GpuRuntime, PassesTensorMapsByValue) {
  if (device->properties().ccMajor < 9 || !device->api().cuTensorMapEncodeTiled)
    GTEST_SKIP() << "tensor maps need compute capability 9.0";
  Package package;
  Manifest &manifest = package.manifest;
  manifest = makeManifest();
  manifest.arguments = {{"source", DType::BF16, {Expr::tokens(), Expr(64)}, false},
                        {"map", DType::U8, {Expr(128)}, true}};
  Kernel kernel;
  kernel.name = kernel.entry = "copy_map";
  kernel.parameters = {ParameterKind::TensorMap, ParameterKind::Pointer};
  kernel.threads = 16;
  manifest.kernels = {kernel};
  TensorMap map;
  map.dtype = DType::BF16;
  map.dims = {Expr(64), Expr::tokens()};
  map.strides = {Expr(128)};
  map.box = {64, 32};
  map.swizzle = TensorMap::Swizzle::B128;
  Launch launch;
  launch.block = {16, 1, 1};
  launch.arguments = {LaunchArgument::map(map), LaunchArgument::tensor(1)};
  Variant variant;
  variant.launches = {launch};
  manifest.variants = {variant};
  package.code = {{"", kCopyMapPtx, ""}};

  std::shared_ptr<const LoadedPackage> loaded = load(package);
  ASSERT_NE(loaded, nullptr);
  Result<CudaExecutor> executor = CudaExecutor::create(loaded, 77);
  ASSERT_TRUE(executor.isOk()) << executor.status().message();
  ASSERT_STATUS_OK(executor->launch());
  std::vector<std::byte> got = downloadArgument(*executor, 1);

  cuda::ContextScope scope(*device);
  cuda::EncodedTensorMap expected;
  const uint64_t dims[] = {64, 77}, strides[] = {128};
  const uint32_t box[] = {64, 32}, elementStrides[] = {1, 1};
  ASSERT_STATUS_OK(MOERT_CUDA(device->api(), cuTensorMapEncodeTiled, &expected,
                              cuda::kTensorMapBfloat16, 2,
                              reinterpret_cast<void *>(executor->address(0)), dims, strides, box,
                              elementStrides, 0, 3, 2, 0));
  EXPECT_EQ(std::memcmp(got.data(), &expected, sizeof expected), 0);
}

TEST_F(GpuRuntime, MeasuresAndLaunchesFast) {
  std::shared_ptr<const LoadedPackage> package = load();
  ASSERT_NE(package, nullptr);
  Result<CudaExecutor> executor = CudaExecutor::create(package, 100);
  ASSERT_TRUE(executor.isOk()) << executor.status().message();
  Result<std::vector<float>> times = executor->measure({});
  ASSERT_TRUE(times.isOk()) << times.status().message();
  ASSERT_EQ(times->size(), 30u);
  for (float milliseconds : *times)
    EXPECT_GT(milliseconds, 0.0f);

  // The host's cost of a launch of three kernels, with an idle device.
  std::vector<double> costs;
  for (int i = 0; i < 500; ++i) {
    auto begin = std::chrono::steady_clock::now();
    ASSERT_STATUS_OK(executor->launch());
    costs.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
    if (i % 50 == 49)
      ASSERT_STATUS_OK(executor->synchronize());
  }
  std::nth_element(costs.begin(), costs.begin() + 250, costs.end());
  std::printf("[ measured ] launch of 3 kernels: median %.2f us on the host\n", costs[250]);
  EXPECT_LT(costs[250], 100.0) << "a launch must not wait for the device";
}

} // namespace
