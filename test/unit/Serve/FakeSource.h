//===- FakeSource.h - Variants without a compiler -------------------------===//
//
// The block of TestPackage.h as three variants, for up to 15, up to 63 and any tokens. Each is a
// package that serves every T; the workspace of variant i has i more KiB than that of TestPackage.h.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_TEST_UNIT_SERVE_FAKESOURCE_H
#define MOEC_TEST_UNIT_SERVE_FAKESOURCE_H

#include "runtime/Serve/ServedBlock.h"
#include "test/unit/Runtime/StubDriver.h"

#include <chrono>
#include <thread>

namespace moert::test {

/// What a test holds of its source.
struct FakeControl {
  std::atomic<int> made{0};
  std::atomic<int> failing{-1};  ///< this variant cannot be made
  std::atomic<bool> held{false}; ///< `make` waits while it is set
  std::chrono::milliseconds time{0};
  std::vector<size_t> progress{1}; ///< what `make` tells
  /// What tuning does; where it is not set nothing can be tuned. Not to be changed while it may
  /// run.
  std::function<Result<std::optional<TunedVariant>>(int64_t tokens, const TuneRequest &request,
                                                    std::stop_token stop)>
      tune;
};

/// A build for these tokens that multiplies by 2 * `factor` in place of 6, and has so much more
/// workspace than TestPackage.h.
inline TunedVariant makeTuned(int64_t minTokens, int64_t maxTokens, int32_t factor = 5,
                              int64_t padding = 0) {
  TunedVariant tuned{minTokens, maxTokens, {makePackage(), 1}};
  Manifest &manifest = tuned.made.package.manifest;
  manifest.variants = {manifest.variants[1]};
  manifest.variants[0].minTokens = 0;
  manifest.variants[0].launches[1].arguments[3] = LaunchArgument::i32(factor);
  manifest.variants[0].buffers.push_back({"padding", DType::U8, {Expr(padding)}});
  return tuned;
}

class FakeSource : public VariantSource {
public:
  explicit FakeSource(FakeControl &control) : control(control) {
    constexpr int64_t kEnds[] = {15, 63, -1};
    int64_t begin = 0;
    for (int64_t end : kEnds) {
      Manifest manifest = makeManifest();
      // One launch pair for every T, through the workspace.
      manifest.variants = {manifest.variants[1]};
      manifest.variants[0].minTokens = 0;
      int64_t padding = int64_t(1024) * int64_t(planned.size());
      manifest.variants[0].buffers.push_back({"padding", DType::U8, {Expr(padding)}});
      planned.push_back({begin, end, std::move(manifest)});
      begin = end + 1;
    }
  }
  const std::vector<PlannedVariant> &plan() const override { return planned; }
  Result<MadeVariant> make(size_t index, const std::function<void(size_t)> &progress) override {
    while (control.held)
      std::this_thread::yield();
    std::this_thread::sleep_for(control.time);
    ++control.made;
    if (control.failing == static_cast<int>(index))
      return Status(StatusCode::Toolchain, "as the test asked for");
    MadeVariant made;
    made.package = makePackage();
    made.package.manifest = planned[index].manifest;
    made.cachedKernels = index == 0 ? 1 : 0;
    for (size_t done : control.progress)
      progress(done);
    return made;
  }
  Status checkTuning(const TuneRequest &request) const override {
    if (request.tool == "absent")
      return Status(StatusCode::Toolchain, "there is no tool");
    return control.tune ? Status::ok() : VariantSource::checkTuning(request);
  }
  Result<std::optional<TunedVariant>> tune(int64_t tokens, const TuneRequest &request,
                                           std::stop_token stop) override {
    return control.tune(tokens, request, std::move(stop));
  }

private:
  FakeControl &control;
  std::vector<PlannedVariant> planned;
};

/// Device memory for one T, and a stream.
struct Tensors {
  cuda::DeviceMemory hidden, output, workspace;
  cuda::Stream stream;
  int64_t tokens;
  std::vector<float> values;

  static Tensors make(const std::shared_ptr<const cuda::Device> &device, ServedBlock &block,
                      int64_t tokens, float value) {
    uint64_t bytes = std::max<uint64_t>(tokens * kWidth * sizeof(float), 4);
    Result<uint64_t> workspace = block.workspaceBytes(tokens);
    Tensors tensors{*cuda::DeviceMemory::allocate(device, bytes),
                    *cuda::DeviceMemory::allocate(device, bytes),
                    *cuda::DeviceMemory::allocate(device, *workspace),
                    *cuda::Stream::create(device), tokens,
                    std::vector<float>(tokens * kWidth, value)};
    EXPECT_TRUE(tensors.hidden.upload(std::as_bytes(std::span(tensors.values))).isOk());
    return tensors;
  }
  Status launch(ServedBlock &block) {
    cuda::DevicePtr addresses[] = {hidden.address(), output.address()};
    return block.launch(tokens, addresses, workspace.address(), workspace.bytes(),
                        stream.handle());
  }
  /// Whether the output is six times the input.
  bool isRight() { return factor() == 6; }
  /// How many times the input the output is; 0 where that is not the same everywhere.
  float factor() {
    std::vector<float> got(values.size());
    EXPECT_TRUE(output.download(std::as_writable_bytes(std::span(got))).isOk());
    float first = got.empty() ? 6 : got[0] / values[0];
    for (size_t i = 0; i < got.size(); ++i)
      if (got[i] != first * values[i])
        return 0;
    return first;
  }
};

class ServeTest : public StubDriverTest {
protected:
  void SetUp() override {
    StubDriverTest::SetUp();
    device = openDevice();
    block = *ServedBlock::open(device, std::make_unique<FakeSource>(control),
                               std::make_shared<Workers>(4), std::make_shared<Workers>(1));
  }
  void TearDown() override {
    block.reset();
    device.reset();
    StubDriverTest::TearDown();
  }
  Tensors tensors(int64_t tokens, float value = 7) {
    return Tensors::make(device, *block, tokens, value);
  }

  FakeControl control;
  std::shared_ptr<const cuda::Device> device;
  std::shared_ptr<ServedBlock> block;
};

} // namespace moert::test

#endif // MOEC_TEST_UNIT_SERVE_FAKESOURCE_H
