//===- LaunchTest.cpp - Launching, without a GPU --------------------------===//

#include "test/unit/Runtime/StubDriver.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

using namespace moert;
using namespace moert::test;

//===----------------------------------------------------------------------===//
// Counting allocations: this program's malloc counts on threads that ask for it.
//===----------------------------------------------------------------------===//

extern "C" void *__libc_malloc(size_t bytes);
extern "C" void *__libc_calloc(size_t count, size_t bytes);
extern "C" void *__libc_realloc(void *old, size_t bytes);
extern "C" void *__libc_memalign(size_t alignment, size_t bytes);

static thread_local bool counting = false;
static thread_local unsigned counted = 0;

extern "C" void *malloc(size_t bytes) {
  counted += counting;
  return __libc_malloc(bytes);
}
extern "C" void *calloc(size_t count, size_t bytes) {
  counted += counting;
  return __libc_calloc(count, bytes);
}
extern "C" void *realloc(void *old, size_t bytes) {
  counted += counting;
  return __libc_realloc(old, bytes);
}
extern "C" void *aligned_alloc(size_t alignment, size_t bytes) {
  counted += counting;
  return __libc_memalign(alignment, bytes);
}

namespace {

/// Keeps the compiler from removing an allocation whose size it knows.
volatile size_t volatileSize = 64;

/// How many allocations `function` makes on this thread.
template <typename Function>
unsigned allocationsOf(Function function) {
  counted = 0;
  counting = true;
  function();
  counting = false;
  return counted;
}

/// A launch with memory of its own.
class LaunchTest : public StubDriverTest {
protected:
  /// Uploads hidden[i] = i, launches and checks output[i] = 6 * i.
  static void runAndCheck(CudaExecutor &executor) {
    size_t count = executor.argumentBytes(0) / sizeof(float);
    std::vector<float> hidden(count), output(count);
    for (size_t i = 0; i < count; ++i)
      hidden[i] = static_cast<float>(i);
    ASSERT_TRUE(executor.upload(0, std::as_bytes(std::span(hidden))).isOk());
    ASSERT_TRUE(executor.poison().isOk());
    Status status = executor.launch();
    ASSERT_TRUE(status.isOk()) << status.message();
    ASSERT_TRUE(executor.download(1, std::as_writable_bytes(std::span(output))).isOk());
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(output[i], 6.0f * static_cast<float>(i));
    status = executor.checkGuards();
    EXPECT_TRUE(status.isOk()) << status.message();
  }

  static CudaExecutor makeExecutor(std::shared_ptr<const LoadedPackage> package, int64_t tokens) {
    Result<CudaExecutor> executor = CudaExecutor::create(std::move(package), tokens);
    EXPECT_TRUE(executor.isOk()) << executor.status().message();
    return *std::move(executor);
  }
};

TEST_F(LaunchTest, OrdersLaunchesAndFillsParameters) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 100);
  runAndCheck(executor);
  ASSERT_EQ(stub().numLaunches, 3u);
  uint64_t hidden = executor.address(0), output = executor.address(1);
  uint64_t half = executor.address(2) + 256;
  const StubLaunch *launches = stub().launches;
  struct {
    uint64_t source, target;
    uint64_t factor;
    unsigned blocks, sharedBytes;
    bool overlaps;
  } const expected[] = {{hidden, half, 2, 7, 0, false},
                        {half, output, 3, 7, 512, true},
                        {half, half, 1, 1, 0, false}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(launches[i].parameters[0], expected[i].source) << i;
    EXPECT_EQ(launches[i].parameters[1], expected[i].target) << i;
    EXPECT_EQ(launches[i].parameters[2], 100u) << i;
    EXPECT_EQ(launches[i].parameters[3], expected[i].factor) << i;
    EXPECT_EQ(launches[i].grid[0], expected[i].blocks) << i;
    EXPECT_EQ(launches[i].grid[1], 1u);
    EXPECT_EQ(launches[i].block[0], 128u);
    EXPECT_EQ(launches[i].sharedBytes, expected[i].sharedBytes) << i;
    EXPECT_EQ(launches[i].overlapsPrevious, expected[i].overlaps) << i;
    EXPECT_EQ(launches[i].stream, executor.stream().handle());
  }
}

TEST_F(LaunchTest, ChoosesTheVariantAndSkipsEmptyGrids) {
  std::shared_ptr<const LoadedPackage> package = load();
  for (auto [tokens, launches] : {std::pair<int64_t, unsigned>{0, 0},
                                  {1, 1},
                                  {15, 1},
                                  {16, 2},
                                  {63, 2},
                                  {64, 3},
                                  {5000, 3}}) {
    CudaExecutor executor = makeExecutor(package, tokens);
    stub().numLaunches = 0;
    runAndCheck(executor);
    EXPECT_EQ(stub().numLaunches, launches) << tokens;
  }
}

TEST_F(LaunchTest, TakesNullForTensorsWithoutElements) {
  std::shared_ptr<const LoadedPackage> package = load();
  const cuda::DevicePtr nothing[2] = {0, 0};
  Status status = package->launch(0, nothing, 0, 0, nullptr);
  EXPECT_TRUE(status.isOk()) << status.message();
  EXPECT_EQ(stub().numLaunches, 0u);
}

TEST_F(LaunchTest, LargeCopiesArriveWhole) {
  // Above what is staged by several threads, and no multiple of what they take at a time: without
  // the driver's own copies, and with them where the pinned memory is missing that threads need.
  std::vector<uint32_t> host((uint64_t{40} << 18) + 77);
  for (size_t i = 0; i < host.size(); ++i)
    host[i] = uint32_t(i * 2654435761u);
  std::span<const std::byte> bytes = std::as_bytes(std::span(host));
  Result<cuda::DeviceMemory> memory =
      cuda::DeviceMemory::allocate(openDevice(), bytes.size() + 4096);
  ASSERT_TRUE(memory.isOk());
  for (const char *failing : {"cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2", "cuMemHostAlloc"}) {
    stub().failingCall = failing;
    stub().failingResult = cuda::kErrorOutOfMemory;
    auto *device = reinterpret_cast<std::byte *>(memory->address());
    std::memset(device, 0, memory->bytes());
    ASSERT_TRUE(memory->upload(bytes, 4096).isOk());
    EXPECT_EQ(std::memcmp(device + 4096, bytes.data(), bytes.size()), 0);
    std::vector<uint32_t> back(host.size());
    ASSERT_TRUE(memory->download(std::as_writable_bytes(std::span(back)), 4096).isOk());
    EXPECT_EQ(back, host);
  }
  EXPECT_FAILURE(memory->upload(bytes, 4097), Usage, "expects a range within");
}

TEST_F(LaunchTest, PassesClusters) {
  Package package = makePackage();
  package.manifest.variants[0].launches[0].cluster = {2, 1, 1};
  package.manifest.variants[0].launches[0].grid[0] = Expr::tokens();
  std::shared_ptr<const LoadedPackage> loaded = load(package);
  CudaExecutor even = makeExecutor(loaded, 4), odd = makeExecutor(loaded, 5);
  runAndCheck(even);
  EXPECT_EQ(stub().launches[0].cluster[0], 2u);
  EXPECT_FAILURE(odd.launch(), InvalidInput,
                 "kernel 'scale': expects the blocks along x to be a multiple of the cluster's 2, "
                 "but 'T' is 5 at T = 5");
}

TEST_F(LaunchTest, RefusesMisuseBeforeItLaunches) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 32);
  cuda::DevicePtr hidden = executor.address(0), output = executor.address(1);
  cuda::DevicePtr workspace = executor.address(2);
  uint64_t bytes = executor.workspaceBytes();
  using Tensors = std::vector<cuda::DevicePtr>;
  auto launch = [&](int64_t tokens, Tensors tensors, cuda::DevicePtr space, uint64_t spaceBytes) {
    return package->launch(tokens, tensors, space, spaceBytes, executor.stream().handle());
  };
  alignas(256) static float hostMemory[256];
  auto host = reinterpret_cast<cuda::DevicePtr>(hostMemory);
  ASSERT_TRUE(launch(32, {hidden, output}, workspace, bytes).isOk());
  stub().numLaunches = 0;

  EXPECT_FAILURE(launch(-1, {hidden, output}, workspace, bytes), Usage,
                 "expects 0 to 1048576 tokens, but got -1");
  EXPECT_FAILURE(launch(INT64_MAX, {hidden, output}, workspace, bytes), Usage,
                 "but got 9223372036854775807");
  EXPECT_FAILURE(launch(32, {hidden}, workspace, bytes), Usage, "expects 2 tensors, but got 1");
  EXPECT_FAILURE(launch(32, {hidden, output, output}, workspace, bytes), Usage,
                 "expects 2 tensors, but got 3");
  EXPECT_FAILURE(launch(32, {hidden, 0}, workspace, bytes), Usage,
                 "expects the address of 1024 bytes for tensor 'output', but got null");
  EXPECT_FAILURE(launch(32, {hidden + 8, output}, workspace, bytes), Usage,
                 "expects the address of tensor 'hidden' to be a multiple of 16");
  EXPECT_FAILURE(launch(32, {host, output}, workspace, bytes), Usage,
                 "expects CUDA memory for tensor 'hidden'");
  EXPECT_FAILURE(launch(32, {hidden, output}, workspace, bytes - 1), Usage,
                 "expects a workspace of " + std::to_string(bytes) +
                     " bytes for 32 tokens, but got " + std::to_string(bytes - 1));
  EXPECT_FAILURE(launch(32, {hidden, output}, 0, bytes), Usage,
                 "for the 'workspace', but got null");
  EXPECT_FAILURE(launch(32, {hidden, output}, workspace + 16, bytes), Usage,
                 "expects the address of the 'workspace' to be a multiple of 256");
  EXPECT_FAILURE(launch(32, {hidden, output}, host, bytes), Usage,
                 "expects CUDA memory for the 'workspace'");
  EXPECT_FAILURE(launch(32, {output, output}, workspace, bytes), Usage,
                 "expects tensors 'hidden' and 'output' to share no memory");
  EXPECT_FAILURE(launch(32, {output + 1008, output}, workspace, bytes), Usage, "share no memory");
  EXPECT_FAILURE(launch(32, {hidden, workspace + 256}, workspace, bytes), Usage,
                 "expects tensor 'output' and the workspace to share no memory");

  Result<cuda::DeviceMemory> elsewhere = cuda::DeviceMemory::allocate(openDevice(1), 1024);
  ASSERT_TRUE(elsewhere.isOk());
  EXPECT_FAILURE(launch(32, {elsewhere->address(), output}, workspace, bytes), Usage,
                 "expects memory of device 0 for tensor 'hidden', but got memory of device 1");
  EXPECT_EQ(stub().numLaunches, 0u);
  // Touching ranges do not overlap.
  EXPECT_TRUE(launch(32, {hidden, output}, workspace, bytes).isOk());
}

TEST_F(LaunchTest, RefusesGridsBeyondTheDevice) {
  Package package = makePackage();
  Launch &launch = package.manifest.variants[1].launches[2];
  struct {
    int dimension;
    Expr blocks;
    const char *message;
  } const cases[] = {
      {0, Expr::tokens() * Expr(int64_t(1) << 30), "expects 0 to 2147483647 blocks along x"},
      {1, Expr::tokens() + Expr(65520),
       "expects 0 to 65535 blocks along y, but 'T + 65520' is 65552"},
      {2, Expr::tokens() - Expr(40), "along z, but 'T - 40' is -8 at T = 32"},
      {0, floorDiv(Expr(8), Expr::tokens() - Expr(32)), "a divisor below 1 at T = 32"},
  };
  for (const auto &[dimension, blocks, message] : cases) {
    launch.grid = {Expr(1), Expr(1), Expr(1)};
    launch.grid[dimension] = blocks;
    CudaExecutor executor = makeExecutor(load(package), 32);
    stub().numLaunches = 0;
    EXPECT_FAILURE(executor.launch(), InvalidInput, message);
    EXPECT_EQ(stub().numLaunches, 0u) << "the launches before it must not run either";
  }
}

TEST_F(LaunchTest, ReportsTheDriver) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 8);
  stub().failingCall = "cuLaunchKernelEx";
  stub().failingResult = 719;
  EXPECT_FAILURE(executor.launch(), Toolchain,
                 "kernel 'scale': cuLaunchKernelEx failed: CUDA_ERROR_STUB (719)");
  stub().failingCall = "cuStreamSynchronize";
  EXPECT_FAILURE(executor.synchronize(), Toolchain, "cuStreamSynchronize failed");
  stub().failingCall = "cuMemAlloc_v2";
  stub().failingResult = 2;
  EXPECT_FAILURE(CudaExecutor::create(package, 8).status(), Budget, "tensor 'hidden': allocating");
  stub().failingCall = nullptr;
  runAndCheck(executor);
}

TEST_F(LaunchTest, AllocatesNothingAndWaitsForNothing) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 200);
  ASSERT_EQ(allocationsOf([] { std::free(std::malloc(volatileSize)); }), 1u) << "the counter must count";
  const cuda::DevicePtr tensors[] = {executor.address(0), executor.address(1)};
  int synchronizations = stub().synchronizations, allocations = stub().allocations;
  Status status;
  unsigned count = allocationsOf([&] {
    for (int64_t tokens : {0, 1, 15, 16, 64, 200})
      if (status.isOk())
        status = package->launch(tokens, tensors, executor.address(2), executor.workspaceBytes(),
                                 executor.stream().handle());
  });
  EXPECT_TRUE(status.isOk()) << status.message();
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(stub().synchronizations, synchronizations);
  EXPECT_EQ(stub().allocations, allocations);
}

TEST_F(LaunchTest, EncodesTensorMaps) {
  Package package = makePackage();
  package.manifest.kernels[0].parameters[0] = ParameterKind::TensorMap;
  stub().function.parameterBytes[0] = 128;
  stub().function.body = nullptr;
  TensorMap map = makeTensorMap();
  for (Variant &variant : package.manifest.variants)
    for (Launch &launch : variant.launches) {
      map.fromBuffer = launch.arguments[0].kind == LaunchArgument::Kind::Buffer;
      map.index = launch.arguments[0].index;
      launch.arguments[0] = LaunchArgument::map(map);
    }
  CudaExecutor executor = makeExecutor(load(package), 100);
  Status status = executor.launch();
  ASSERT_TRUE(status.isOk()) << status.message();
  auto digest = [&](uint64_t address) {
    uint64_t value = address + cuda::kTensorMapFloat32;
    value = value * 31 + 8 + 8 * 7 + 32 + 1;
    value = value * 31 + 100 + 64 * 7 + 0 + 1;
    return value * 31 + 1;
  };
  ASSERT_EQ(stub().numLaunches, 3u);
  EXPECT_EQ(stub().launches[0].parameters[0], digest(executor.address(0)));
  EXPECT_EQ(stub().launches[1].parameters[0], digest(executor.address(2) + 256));
  EXPECT_EQ(stub().launches[1].parameters[1], executor.address(1));

  stub().failingCall = "cuTensorMapEncodeTiled";
  stub().failingResult = 1;
  EXPECT_FAILURE(executor.launch(), Toolchain, "kernel 'scale': cuTensorMapEncodeTiled failed");
}

TEST_F(LaunchTest, TensorMapsOfSkippedLaunchesTakeNobodysPlace) {
  Package package = makePackage();
  package.manifest.kernels[0].parameters[0] = ParameterKind::TensorMap;
  stub().function.parameterBytes[0] = 128;
  stub().function.body = nullptr;
  TensorMap map = makeTensorMap();
  map.offset = 32;
  for (Variant &variant : package.manifest.variants)
    for (Launch &launch : variant.launches) {
      map.fromBuffer = launch.arguments[0].kind == LaunchArgument::Kind::Buffer;
      map.index = launch.arguments[0].index;
      launch.arguments[0] = LaunchArgument::map(map);
    }
  package.manifest.variants[1].launches[0].grid[0] = floorDiv(Expr::tokens(), Expr(64));
  CudaExecutor executor = makeExecutor(load(package), 20);
  Status status = executor.launch();
  ASSERT_TRUE(status.isOk()) << status.message();
  ASSERT_EQ(stub().numLaunches, 1u) << "the second of three";
  uint64_t value = executor.address(2) + 256 + map.offset + cuda::kTensorMapFloat32;
  value = value * 31 + 8 + 8 * 7 + 32 + 1;
  value = value * 31 + 20 + 64 * 7 + 0 + 1;
  EXPECT_EQ(stub().launches[0].parameters[0], value * 31 + 1);
}

TEST_F(LaunchTest, AZeroAnywhereInTheGridSkips) {
  Package package = makePackage();
  package.manifest.variants[0].launches[0].grid[1] = floorDiv(Expr::tokens(), Expr(8));
  CudaExecutor executor = makeExecutor(load(package), 4);
  ASSERT_TRUE(executor.launch().isOk());
  EXPECT_EQ(stub().numLaunches, 0u);
}

TEST_F(LaunchTest, TouchingRangesDoNotOverlapAndOutputsMayComeFirst) {
  std::shared_ptr<const LoadedPackage> package = load();
  Result<cuda::DeviceMemory> memory = cuda::DeviceMemory::allocate(openDevice(), 8192);
  ASSERT_TRUE(memory.isOk());
  cuda::DevicePtr base = memory->address();
  uint64_t space = *package->workspaceBytes(32);
  auto launch = [&](const LoadedPackage &loaded, cuda::DevicePtr first, cuda::DevicePtr second) {
    std::vector<cuda::DevicePtr> tensors = {first, second};
    return loaded.launch(32, tensors, base + 4096, space, nullptr);
  };
  EXPECT_TRUE(launch(*package, base, base + 1024).isOk()) << "1024 bytes each";
  EXPECT_TRUE(launch(*package, base + 3072, base + 2048).isOk()) << "the workspace touches too";
  Package swapped = makePackage();
  std::swap(swapped.manifest.arguments[0], swapped.manifest.arguments[1]);
  for (Variant &variant : swapped.manifest.variants)
    for (Launch &one : variant.launches)
      for (LaunchArgument &argument : one.arguments)
        if (argument.kind == LaunchArgument::Kind::Tensor)
          argument.index = 1 - argument.index;
  std::shared_ptr<const LoadedPackage> loaded = load(swapped);
  EXPECT_TRUE(launch(*loaded, base, base + 1024).isOk());
  EXPECT_FAILURE(launch(*loaded, base, base + 16), Usage,
                 "expects tensors 'output' and 'hidden' to share no memory");
}

TEST_F(LaunchTest, StartsFromPoison) {
  CudaExecutor executor = makeExecutor(load(), 32);
  auto isPoison = [&](size_t index, uint64_t bytes) {
    const auto *begin = reinterpret_cast<const unsigned char *>(executor.address(index));
    return std::all_of(begin, begin + bytes, [](unsigned char byte) { return byte == 0xff; });
  };
  EXPECT_TRUE(isPoison(1, 1024));
  EXPECT_TRUE(isPoison(2, executor.workspaceBytes()));
  ASSERT_TRUE(executor.launch().isOk());
  EXPECT_FALSE(isPoison(2, executor.workspaceBytes()));
  ASSERT_TRUE(executor.poison().isOk());
  EXPECT_TRUE(isPoison(1, 1024));
  EXPECT_TRUE(isPoison(2, executor.workspaceBytes()));
}

TEST_F(LaunchTest, ResizesToMoreAndFewerTokens) {
  CudaExecutor executor = makeExecutor(load(), 8);
  for (int64_t tokens : {40, 40, 3, 100}) {
    ASSERT_TRUE(executor.resize(tokens).isOk());
    EXPECT_EQ(executor.argumentBytes(0), uint64_t(tokens) * kWidth * sizeof(float));
    runAndCheck(executor);
  }
}

TEST_F(LaunchTest, RestoresTheContextOfTheCaller) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 8);
  const cuda::DriverApi &api = package->device()->api();
  auto current = [&] {
    cuda::ContextHandle context = nullptr;
    api.cuCtxGetCurrent(&context);
    return context;
  };
  EXPECT_EQ(current(), nullptr);
  ASSERT_TRUE(executor.launch().isOk());
  EXPECT_EQ(current(), nullptr);
  std::shared_ptr<const cuda::Device> other = openDevice(1);
  cuda::ContextScope scope(*other);
  ASSERT_TRUE(executor.launch().isOk());
  EXPECT_EQ(current(), other->context());
}

TEST_F(LaunchTest, EightThreadsShareAPackage) {
  std::shared_ptr<const LoadedPackage> package = load();
  constexpr int kThreads = 8, kRounds = 200;
  std::vector<std::thread> threads;
  std::vector<const void *> streams(kThreads);
  std::atomic<int> failures{0};
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      int64_t tokens = 16 + 8 * t;
      Result<CudaExecutor> executor = CudaExecutor::create(package, tokens);
      if (!executor) {
        ++failures;
        return;
      }
      streams[t] = executor->stream().handle();
      std::vector<float> hidden(tokens * kWidth, static_cast<float>(t + 1)), output(hidden.size());
      failures += !executor->upload(0, std::as_bytes(std::span(hidden))).isOk();
      for (int round = 0; round < kRounds; ++round) {
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
  // Each stream got its own launches, in order and with its own T.
  for (int t = 0; t < kThreads; ++t) {
    unsigned seen = 0;
    unsigned perRound = 16 + 8 * t >= 64 ? 3 : 2;
    for (unsigned i = 0; i < stub().numLaunches; ++i) {
      const StubLaunch &launch = stub().launches[i];
      if (launch.stream != streams[t] || launch.parameters[2] != uint64_t(16 + 8 * t))
        continue;
      constexpr uint64_t kFactors[] = {2, 3, 1};
      ASSERT_EQ(launch.parameters[3], kFactors[seen % perRound]);
      ++seen;
    }
    EXPECT_EQ(seen, kRounds * perRound) << t;
  }
}

TEST_F(LaunchTest, ReplaysACapturedGraph) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 20);
  Result<cuda::Graph> graph =
      cuda::Graph::capture(executor.stream(), [&] { return executor.launch(); });
  ASSERT_TRUE(graph.isOk()) << graph.status().message();
  EXPECT_EQ(stub().numLaunches, 0u) << "capturing runs nothing";
  for (float value : {1.0f, 7.0f}) {
    std::vector<float> hidden(20 * kWidth, value), output(hidden.size());
    ASSERT_TRUE(executor.upload(0, std::as_bytes(std::span(hidden))).isOk());
    ASSERT_TRUE(graph->launch(executor.stream()).isOk());
    ASSERT_TRUE(executor.download(1, std::as_writable_bytes(std::span(output))).isOk());
    EXPECT_EQ(output, std::vector<float>(hidden.size(), 6 * value));
  }
  // A failure inside ends the capture; the stream stays usable.
  Result<cuda::Graph> failed =
      cuda::Graph::capture(executor.stream(), [] { return Status(StatusCode::Budget, "stop"); });
  EXPECT_FAILURE(failed.status(), Budget, "stop");
  stub().numLaunches = 0;
  ASSERT_TRUE(executor.launch().isOk());
  EXPECT_EQ(stub().numLaunches, 2u);
  stub().failingCall = "cuGraphInstantiateWithFlags";
  stub().failingResult = 1;
  EXPECT_FAILURE(executor.runAsGraph(), Toolchain, "cuGraphInstantiateWithFlags failed");
}

TEST_F(LaunchTest, MeasuresWithAndWithoutAGraph) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 20);
  for (bool useGraph : {true, false}) {
    stub().numLaunches = 0;
    stub().graphLaunches = 0;
    Result<std::vector<float>> times =
        executor.measure({.warmups = 2, .repeats = 5, .useGraph = useGraph, .flushL2 = useGraph});
    ASSERT_TRUE(times.isOk()) << times.status().message();
    EXPECT_EQ(*times, std::vector<float>(5, 0.25f));
    EXPECT_EQ(stub().numLaunches, 14u);
    EXPECT_EQ(stub().graphLaunches, useGraph ? 7 : 0);
  }
}

TEST_F(LaunchTest, GuardsNoticeStrayWrites) {
  std::shared_ptr<const LoadedPackage> package = load();
  CudaExecutor executor = makeExecutor(package, 8);
  stub().function.body = [](const StubLaunch &launch) {
    reinterpret_cast<float *>(launch.parameters[1])[8 * kWidth + 2] = 0;
  };
  ASSERT_TRUE(executor.launch().isOk());
  EXPECT_FAILURE(executor.checkGuards(), Mismatch,
                 "a kernel wrote behind tensor 'output', at byte 8 of the guard");
  CudaExecutor second = makeExecutor(package, 16);
  stub().function.body = [](const StubLaunch &launch) {
    reinterpret_cast<unsigned char *>(launch.parameters[0])[-1] = 0;
  };
  ASSERT_TRUE(second.launch().isOk());
  EXPECT_FAILURE(second.checkGuards(), Mismatch, "a kernel wrote before tensor 'hidden'");
}

TEST_F(LaunchTest, ExecutorChecksSizes) {
  CudaExecutor executor = makeExecutor(load(), 8);
  std::vector<std::byte> bytes(255);
  EXPECT_FAILURE(executor.upload(0, bytes), Usage,
                 "expects 256 bytes for tensor 'hidden', but got 255");
  EXPECT_FAILURE(executor.download(1, bytes), Usage, "expects 256 bytes for tensor 'output'");
  EXPECT_FAILURE(executor.upload(2, bytes), Usage, "expects an argument index below 2, but got 2");
}

} // namespace
