//===- ReplaysTest.cpp - Launches that are kept as graphs -----------------===//

#include "test/unit/Serve/FakeSource.h"

using namespace moert;
using namespace moert::test;

namespace {

class ReplaysTest : public ServeTest {
protected:
  void SetUp() override {
    ServeTest::SetUp();
    ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  }
  /// Launches and tells whether that was a replay; the output must be right.
  bool replays(Tensors &t) {
    int before = stub().graphLaunches;
    uint64_t counted = block->counters().replays;
    EXPECT_TRUE(t.output.fill(0, 0, t.output.bytes(), t.stream.handle()).isOk());
    EXPECT_TRUE(t.launch(*block).isOk());
    EXPECT_TRUE(t.isRight());
    EXPECT_EQ(block->counters().replays - counted, unsigned(stub().graphLaunches - before));
    return stub().graphLaunches != before;
  }
};

TEST_F(ReplaysTest, NothingIsKeptUnlessAskedFor) {
  Tensors t = tensors(40);
  for (int i = 0; i < 4; ++i)
    EXPECT_FALSE(replays(t));
}

TEST_F(ReplaysTest, TheSecondLaunchOfAKindIsCapturedAndReplayed) {
  block->keepReplays(2);
  Tensors t = tensors(40), other = tensors(40);
  EXPECT_FALSE(replays(t));
  EXPECT_TRUE(replays(t));
  EXPECT_TRUE(replays(t));
  EXPECT_FALSE(replays(other)) << "other buffers, the same T";
  EXPECT_TRUE(replays(other));
  EXPECT_TRUE(replays(t));
  EXPECT_EQ(block->counters().launches, 6u);
}

TEST_F(ReplaysTest, WhatIsUsedLeastRecentlyIsForgotten) {
  block->keepReplays(2);
  Tensors a = tensors(40), b = tensors(20), c = tensors(3);
  EXPECT_FALSE(replays(a) || replays(b));
  EXPECT_TRUE(replays(a) && replays(b));
  EXPECT_FALSE(replays(c)); // takes a's place
  EXPECT_TRUE(replays(b));
  EXPECT_TRUE(replays(c));
  EXPECT_FALSE(replays(a));
  block->keepReplays(0);
  EXPECT_FALSE(replays(c));
  // A replay is a use.
  block->keepReplays(2);
  EXPECT_FALSE(replays(a) || replays(b));
  EXPECT_TRUE(replays(a));
  EXPECT_FALSE(replays(c)); // takes b's place
  EXPECT_TRUE(replays(a));
  EXPECT_FALSE(replays(b));
  block->keepReplays(3); // forgets what it kept
  EXPECT_FALSE(replays(a));
}

TEST_F(ReplaysTest, ALaunchThatTheDriverRefusesIsNotKept) {
  block->keepReplays(2);
  Tensors t = tensors(40);
  stub().failingCall = "cuLaunchKernelEx";
  stub().failingResult = 1;
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(t.launch(*block).isOk());
  stub().failingCall = nullptr;
  EXPECT_FALSE(replays(t));
  EXPECT_TRUE(replays(t));
}

TEST_F(ReplaysTest, AnyDifferenceIsAnotherLaunch) {
  block->keepReplays(16);
  Tensors t = tensors(40);
  EXPECT_TRUE(!replays(t) && replays(t));
  int before = stub().graphLaunches;
  cuda::DevicePtr addresses[] = {t.hidden.address(), t.output.address()};
  auto launch = [&](int64_t tokens, uint64_t bytes, cuda::StreamHandle stream) {
    return block->launch(tokens, addresses, t.workspace.address(), bytes, stream).isOk();
  };
  cuda::Stream second = *cuda::Stream::create(device);
  EXPECT_TRUE(launch(39, t.workspace.bytes(), t.stream.handle()));
  EXPECT_TRUE(launch(40, t.workspace.bytes(), second.handle()));
  Tensors large = tensors(60);
  for (uint64_t bytes : {large.workspace.bytes(), t.workspace.bytes()})
    EXPECT_TRUE(
        block->launch(40, addresses, large.workspace.address(), bytes, t.stream.handle()).isOk());
  for (size_t i : {0, 1}) { // each tensor on its own
    cuda::DevicePtr mine = std::exchange(addresses[i], large.output.address());
    EXPECT_TRUE(launch(40, t.workspace.bytes(), t.stream.handle()));
    addresses[i] = mine;
  }
  std::swap(addresses[0], addresses[1]);
  EXPECT_TRUE(launch(40, t.workspace.bytes(), t.stream.handle()));
  EXPECT_EQ(stub().graphLaunches, before);
  // Of the same hash: the highest bit of a word is the highest bit of its product, where that of
  // the next word cancels it.
  std::swap(addresses[0], addresses[1]);
  for (cuda::DevicePtr &address : addresses)
    address ^= cuda::DevicePtr(1) << 63;
  EXPECT_FALSE(launch(40, t.workspace.bytes(), t.stream.handle())) << "no memory of the device";
  EXPECT_EQ(stub().graphLaunches, before);
  // A launch that fails is not kept, and fails again.
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(launch(40, 1, t.stream.handle()));
  std::vector<cuda::DevicePtr> many(1000, t.hidden.address()); // more than any block has
  EXPECT_FALSE(
      block->launch(40, many, t.workspace.address(), t.workspace.bytes(), t.stream.handle())
          .isOk());
  EXPECT_EQ(stub().graphLaunches, before);
}

TEST_F(ReplaysTest, ACapturedStreamGetsTheKernels) {
  block->keepReplays(2);
  Tensors t = tensors(40);
  EXPECT_TRUE(!replays(t) && replays(t));
  int before = stub().graphLaunches;
  Result<cuda::Graph> graph = cuda::Graph::capture(t.stream, [&] { return t.launch(*block); });
  ASSERT_TRUE(graph.isOk()) << graph.status().message();
  EXPECT_EQ(stub().graphLaunches, before);
  EXPECT_TRUE(t.output.fill(0, 0, t.output.bytes(), t.stream.handle()).isOk());
  EXPECT_TRUE(graph->launch(t.stream).isOk());
  EXPECT_TRUE(t.isRight()) << "the graph holds the block's kernels";
  // The legacy stream cannot be asked while another one is captured.
  EXPECT_TRUE(replays(t));
  stub().failingCall = "cuStreamIsCapturing";
  stub().failingResult = 906; // CUDA_ERROR_STREAM_CAPTURE_IMPLICIT
  EXPECT_FALSE(replays(t));
  stub().failingCall = nullptr;
}

TEST_F(ReplaysTest, WhatCannotBeCapturedIsLaunched) {
  block->keepReplays(2);
  Tensors t = tensors(40);
  EXPECT_FALSE(replays(t));
  stub().failingCall = "cuGraphInstantiateWithFlags";
  stub().failingResult = 2;
  EXPECT_FALSE(replays(t));
  stub().failingCall = nullptr;
  EXPECT_FALSE(replays(t)) << "it is not tried again and again";
  Tensors b = tensors(20), c = tensors(3);
  EXPECT_FALSE(replays(b) || replays(c));
  EXPECT_TRUE(replays(b) && replays(c)) << "what takes its place is";
}

TEST_F(ReplaysTest, AFasterBuildIsNotHiddenByAReplay) {
  block->keepReplays(2);
  Tensors t = tensors(20);
  EXPECT_TRUE(!replays(t) && replays(t));
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) {
    return Result<std::optional<TunedVariant>>(makeTuned(16, 23));
  };
  int64_t tokens[] = {20};
  std::atomic<bool> done{false};
  ASSERT_TRUE(block->tune(tokens, {}, [&](size_t, size_t) { done = true; }).isOk());
  while (!done)
    std::this_thread::yield();
  EXPECT_TRUE(t.launch(*block).isOk());
  EXPECT_EQ(t.factor(), 10) << "expects the build that tuning found";
}

} // namespace
