//===- GpuPackageTest.cpp - The promises of a launch, for any package -----===//
//
// Takes the compiled package that $MOEC_TEST_PACKAGE names and holds it to what README.md of
// runtime/ promises: capture, replay, guards, workspace, T = 0, determinism. What the numbers
// should be is not known here; that is what `moec run --check` tells.
//
//===----------------------------------------------------------------------===//

#include "runtime/Support/Env.h"
#include "runtime/Tensor/Float.h"
#include "test/unit/Runtime/Gpu/GpuTest.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace moert;
using namespace moert::test;

namespace {

/// A small generator whose sequence is fixed.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed * 2 + 1) {}
  uint32_t next() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state >> 32);
  }
  /// In [-1, 1).
  float nextUnit() { return static_cast<float>(static_cast<int32_t>(next())) * 0x1p-31f; }

private:
  uint64_t state;
};

/// Elements that any block accepts: small numbers, and expert ids that exist.
void appendElement(DType dtype, Random &random, std::vector<std::byte> &out) {
  auto append = [&](auto value) {
    const auto *bytes = reinterpret_cast<const std::byte *>(&value);
    out.insert(out.end(), bytes, bytes + sizeof value);
  };
  constexpr float kScale = 0.0625f; // keeps sums over thousands of products in the range of f16
  switch (dtype) {
  case DType::BF16:
    return append(floatToBf16(kScale * random.nextUnit()));
  case DType::F16:
    return append(floatToHalf(kScale * random.nextUnit()));
  case DType::F32:
    return append(4 * random.nextUnit());
  case DType::F64:
    return append(static_cast<double>(random.nextUnit()));
  case DType::F8E4M3:
    return append(floatToF8E4M3(random.nextUnit()));
  case DType::F8E5M2:
    return append(floatToF8E5M2(random.nextUnit()));
  case DType::I8:
  case DType::U8:
    return append(static_cast<uint8_t>(random.next() % 2));
  case DType::I32:
    return append(static_cast<int32_t>(random.next() % 2));
  case DType::I64:
    return append(static_cast<int64_t>(random.next() % 2));
  }
}

std::vector<std::byte> randomContent(DType dtype, uint64_t bytes, uint64_t seed) {
  // Weights are large; a block of random numbers is repeated. Its length is no power of two, so
  // that rows and experts still differ.
  const uint64_t blockBytes = std::min<uint64_t>(bytes, 999983 * byteSize(dtype));
  Random random(seed);
  std::vector<std::byte> content;
  content.reserve(bytes + 8);
  while (content.size() < blockBytes)
    appendElement(dtype, random, content);
  content.resize(bytes);
  for (uint64_t done = blockBytes; done < bytes;) {
    uint64_t count = std::min(blockBytes, bytes - done);
    std::memcpy(content.data() + done, content.data(), count);
    done += count;
  }
  return content;
}

double valueAt(DType dtype, const std::byte *bytes) {
  uint16_t half;
  switch (dtype) {
  case DType::BF16:
    std::memcpy(&half, bytes, 2);
    return bf16ToFloat(half);
  case DType::F16:
    std::memcpy(&half, bytes, 2);
    return halfToFloat(half);
  case DType::F32: {
    float value;
    std::memcpy(&value, bytes, 4);
    return value;
  }
  default:
    return static_cast<double>(static_cast<uint8_t>(*bytes));
  }
}

/// ||a - b|| / ||b||.
double relativeError(DType dtype, const std::vector<std::byte> &a,
                     const std::vector<std::byte> &b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); i += byteSize(dtype)) {
    double x = valueAt(dtype, &a[i]), y = valueAt(dtype, &b[i]);
    difference += (x - y) * (x - y);
    norm += y * y;
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-300);
}

class GpuPackage : public GpuTest {
protected:
  void SetUp() override {
    std::optional<std::string> path = readEnv(EnvVar::TestPackage);
    if (!path)
      GTEST_SKIP() << "MOEC_TEST_PACKAGE names no package";
    GpuTest::SetUp();
    if (IsSkipped() || HasFatalFailure())
      return;
    Result<Package> read = readPackage(*path);
    ASSERT_TRUE(read.isOk()) << read.status().message();
    Result<std::shared_ptr<const LoadedPackage>> loaded = LoadedPackage::load(device, *read);
    if (!loaded && loaded.status().code() == StatusCode::NoDevice)
      GTEST_SKIP() << loaded.status().message();
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    package = *std::move(loaded);
  }

  const std::vector<Argument> &arguments() const { return package->manifest().arguments; }

  /// Token counts of every kind: the ends of variants, one, odd ones, many.
  std::vector<int64_t> tokenCounts() const {
    std::vector<int64_t> counts = {1, 2, 7, 33, 128, 257};
    for (const Variant &variant : package->manifest().variants) {
      counts.push_back(variant.minTokens);
      if (variant.maxTokens >= 0)
        counts.push_back(variant.maxTokens);
    }
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    std::erase_if(counts, [&](int64_t tokens) {
      return tokens < 1 || tokens > 4096 || tokens > package->maxTokens();
    });
    return counts;
  }

  std::optional<CudaExecutor> makeExecutor(int64_t tokens, uint64_t seed) {
    Result<CudaExecutor> executor = CudaExecutor::create(package, tokens);
    EXPECT_TRUE(executor.isOk()) << executor.status().message();
    if (!executor)
      return std::nullopt;
    fillInputs(*executor, seed, /*onlySmall=*/false);
    return *std::move(executor);
  }

  /// New inputs; `onlySmall` leaves tensors of more than 64 MiB, the weights, as they are.
  void fillInputs(CudaExecutor &executor, uint64_t seed, bool onlySmall) {
    for (size_t i = 0; i < arguments().size(); ++i) {
      uint64_t bytes = executor.argumentBytes(i);
      if (arguments()[i].isOutput || (onlySmall && bytes > (64u << 20)))
        continue;
      Status status =
          executor.upload(i, randomContent(arguments()[i].dtype, bytes, seed * 100 + i));
      ASSERT_TRUE(status.isOk()) << status.message();
    }
  }

  /// All outputs after a direct launch on poisoned memory.
  std::vector<std::vector<std::byte>> launchDirectly(CudaExecutor &executor) {
    Status status = executor.poison();
    if (status.isOk())
      status = executor.launch();
    if (status.isOk())
      status = executor.synchronize();
    EXPECT_TRUE(status.isOk()) << status.message();
    return outputs(executor);
  }

  std::vector<std::vector<std::byte>> outputs(CudaExecutor &executor) {
    std::vector<std::vector<std::byte>> all;
    for (size_t i = 0; i < arguments().size(); ++i)
      if (arguments()[i].isOutput)
        all.push_back(downloadArgument(executor, i));
    return all;
  }

  void expectSame(const std::vector<std::vector<std::byte>> &got,
                  const std::vector<std::vector<std::byte>> &expected, bool bitwise,
                  const std::string &what) {
    size_t next = 0;
    for (const Argument &argument : arguments()) {
      if (!argument.isOutput)
        continue;
      const auto &a = got[next], &b = expected[next];
      ++next;
      if (bitwise) {
        EXPECT_TRUE(a == b) << what << ": bits of '" << argument.name << "' differ";
      } else {
        EXPECT_LT(relativeError(argument.dtype, a, b), 1e-2) << what << ": " << argument.name;
      }
    }
  }

  bool isDeterministic(int64_t tokens) const {
    const Manifest &manifest = package->manifest();
    return manifest.variants[variantFor(manifest, tokens)].deterministic;
  }

  std::shared_ptr<const LoadedPackage> package;
};

TEST_F(GpuPackage, WritesEveryOutputAndNothingElse) {
  for (int64_t tokens : tokenCounts()) {
    std::optional<CudaExecutor> executor = makeExecutor(tokens, 1);
    ASSERT_TRUE(executor);
    std::vector<std::vector<std::byte>> results = launchDirectly(*executor);
    ASSERT_STATUS_OK(executor->checkGuards());
    size_t next = 0;
    for (const Argument &argument : arguments()) {
      if (!argument.isOutput)
        continue;
      const std::vector<std::byte> &result = results[next++];
      size_t width = byteSize(argument.dtype), poisoned = 0;
      for (size_t i = 0; i < result.size(); i += width)
        poisoned += std::all_of(&result[i], &result[i] + width,
                                [](std::byte byte) { return byte == std::byte(0xFF); });
      EXPECT_EQ(poisoned, 0u) << "elements of '" << argument.name
                              << "' not written at T = " << tokens;
    }
  }
}

TEST_F(GpuPackage, RepeatsItself) {
  for (int64_t tokens : tokenCounts()) {
    std::optional<CudaExecutor> executor = makeExecutor(tokens, 2);
    ASSERT_TRUE(executor);
    std::vector<std::vector<std::byte>> first = launchDirectly(*executor);
    for (int round = 0; round < 3; ++round)
      expectSame(launchDirectly(*executor), first, isDeterministic(tokens),
                 "T = " + std::to_string(tokens));
  }
}

TEST_F(GpuPackage, ReplaysCapturedGraphsWithNewInputs) {
  for (int64_t tokens : tokenCounts()) {
    std::optional<CudaExecutor> executor = makeExecutor(tokens, 3);
    ASSERT_TRUE(executor);
    Result<cuda::Graph> graph =
        cuda::Graph::capture(executor->stream(), [&] { return executor->launch(); });
    ASSERT_TRUE(graph.isOk()) << graph.status().message();
    std::vector<std::vector<std::byte>> before;
    for (uint64_t seed : {4, 5}) {
      fillInputs(*executor, seed, /*onlySmall=*/true);
      std::vector<std::vector<std::byte>> direct = launchDirectly(*executor);
      ASSERT_STATUS_OK(executor->poison());
      ASSERT_STATUS_OK(graph->launch(executor->stream()));
      ASSERT_STATUS_OK(executor->synchronize());
      expectSame(outputs(*executor), direct, isDeterministic(tokens),
                 "replay at T = " + std::to_string(tokens));
      EXPECT_NE(direct, before) << "new inputs must give new outputs";
      before = direct;
    }
    ASSERT_STATUS_OK(executor->checkGuards());
  }
}

TEST_F(GpuPackage, AWorkspaceForManyTokensServesFew) {
  std::vector<int64_t> counts = tokenCounts();
  ASSERT_FALSE(counts.empty());
  Result<uint64_t> most = package->workspaceBytes(counts.back());
  ASSERT_TRUE(most.isOk());
  Result<cuda::DeviceMemory> large = cuda::DeviceMemory::allocate(device, *most + 1);
  ASSERT_TRUE(large.isOk()) << large.status().message();
  for (int64_t tokens : counts) {
    std::optional<CudaExecutor> executor = makeExecutor(tokens, 6);
    ASSERT_TRUE(executor);
    EXPECT_LE(executor->workspaceBytes(), *most);
    std::vector<std::vector<std::byte>> expected = launchDirectly(*executor);
    ASSERT_STATUS_OK(executor->poison());
    ASSERT_STATUS_OK(large->fill(0xFF, 0, large->bytes(), executor->stream().handle()));
    std::vector<cuda::DevicePtr> tensors;
    for (size_t i = 0; i < arguments().size(); ++i)
      tensors.push_back(executor->address(i));
    ASSERT_STATUS_OK(
        package->launch(tokens, tensors, large->address(), *most, executor->stream().handle()));
    ASSERT_STATUS_OK(executor->synchronize());
    expectSame(outputs(*executor), expected, isDeterministic(tokens),
               "T = " + std::to_string(tokens));
  }
}

TEST_F(GpuPackage, NoTokensIsALaunchLikeAnyOther) {
  std::optional<CudaExecutor> executor = makeExecutor(0, 7);
  ASSERT_TRUE(executor);
  ASSERT_STATUS_OK(executor->launch());
  ASSERT_STATUS_OK(executor->checkGuards());
  ASSERT_STATUS_OK(executor->runAsGraph());
  ASSERT_STATUS_OK(executor->checkGuards());
}

TEST_F(GpuPackage, RefusesMisuseAndLaunchesNothing) {
  int64_t tokens = std::min<int64_t>(64, package->maxTokens());
  std::optional<CudaExecutor> executor = makeExecutor(tokens, 8);
  ASSERT_TRUE(executor);
  ASSERT_STATUS_OK(executor->poison());
  std::vector<cuda::DevicePtr> tensors;
  for (size_t i = 0; i < arguments().size(); ++i)
    tensors.push_back(executor->address(i));
  cuda::DevicePtr space = executor->address(arguments().size());
  uint64_t bytes = executor->workspaceBytes();
  cuda::StreamHandle stream = executor->stream().handle();
  auto code = [&](int64_t count, std::vector<cuda::DevicePtr> list, cuda::DevicePtr workspace,
                  uint64_t size) {
    return package->launch(count, list, workspace, size, stream).code();
  };
  if (bytes > 0) {
    EXPECT_EQ(code(tokens, tensors, space, bytes - 1), StatusCode::Usage);
    EXPECT_EQ(code(tokens, tensors, space, 0), StatusCode::Usage);
    EXPECT_EQ(code(tokens, tensors, 0, bytes), StatusCode::Usage);
    EXPECT_EQ(code(tokens, tensors, space + 16, bytes), StatusCode::Usage);
  }
  EXPECT_EQ(code(-1, tensors, space, bytes), StatusCode::Usage);
  EXPECT_EQ(code(package->maxTokens() + 1, tensors, space, UINT64_MAX), StatusCode::Usage);
  for (size_t i = 0; i < tensors.size(); ++i) {
    auto changed = tensors;
    changed[i] += 2;
    EXPECT_EQ(code(tokens, changed, space, bytes), StatusCode::Usage) << arguments()[i].name;
    changed[i] = 0;
    EXPECT_EQ(code(tokens, changed, space, bytes), StatusCode::Usage) << arguments()[i].name;
  }
  tensors.push_back(tensors.back());
  EXPECT_EQ(code(tokens, tensors, space, bytes), StatusCode::Usage);
  for (const std::vector<std::byte> &output : outputs(*executor))
    EXPECT_TRUE(std::all_of(output.begin(), output.end(), [](std::byte byte) {
      return byte == std::byte(0xFF);
    })) << "a refused launch wrote";
  ASSERT_STATUS_OK(executor->launch());
  ASSERT_STATUS_OK(executor->synchronize());
}

TEST_F(GpuPackage, TwoStreamsRunAtOnce) {
  int64_t tokens = std::min<int64_t>(128, package->maxTokens());
  std::optional<CudaExecutor> first = makeExecutor(tokens, 9), second = makeExecutor(tokens, 9);
  ASSERT_TRUE(first && second);
  std::vector<std::vector<std::byte>> expected = launchDirectly(*first);
  ASSERT_STATUS_OK(first->poison());
  ASSERT_STATUS_OK(second->poison());
  for (int round = 0; round < 20; ++round) {
    ASSERT_STATUS_OK(first->launch());
    ASSERT_STATUS_OK(second->launch());
  }
  expectSame(outputs(*first), expected, isDeterministic(tokens), "first stream");
  expectSame(outputs(*second), expected, isDeterministic(tokens), "second stream");
}

} // namespace
