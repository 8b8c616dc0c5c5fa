//===- ServedBlockTest.cpp - Preparing, and launching too early -----------===//

#include "test/unit/Serve/FakeSource.h"

using namespace moert;
using namespace moert::test;

namespace {

TEST_F(ServeTest, PreparesWhatIsAskedFor) {
  EXPECT_EQ(block->variantCount(), 3u);
  EXPECT_EQ(block->variant(1).minTokens, 16);
  EXPECT_EQ(block->variant(1).maxTokens, 63);
  EXPECT_EQ(block->variant(2).maxTokens, block->maxTokens());
  EXPECT_EQ(block->variant(0).state, VariantState::Absent);
  std::vector<std::pair<size_t, size_t>> steps;
  int64_t tokens[] = {1, 2, 4096};
  ASSERT_TRUE(block
                  ->prepare(tokens, /*wait=*/true,
                            [&](size_t done, size_t total) { steps.push_back({done, total}); })
                  .isOk());
  EXPECT_EQ(control.made, 2);
  ASSERT_EQ(steps.size(), 4u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(steps[i], std::pair(i + 1, size_t(4)));
  EXPECT_TRUE(block->isReady(0) && block->isReady(15) && block->isReady(64));
  EXPECT_FALSE(block->isReady(16));
  EXPECT_FALSE(block->isReady(-1));
  EXPECT_FALSE(block->isReady(block->maxTokens() + 1));
  ASSERT_TRUE(block->prepare(tokens, true, nullptr).isOk());
  EXPECT_EQ(control.made, 2) << "nothing is made twice";
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  EXPECT_EQ(control.made, 3) << "no count means every variant";
  EXPECT_EQ(block->counters().prepared, 3u);
  EXPECT_EQ(block->counters().cachedKernels, 1u);
  EXPECT_EQ(block->counters().compiledKernels, 2u);
  int64_t wrong[] = {-3};
  EXPECT_FAILURE(block->prepare(wrong, true, nullptr), Usage, "tokens, but got -3");
}

TEST_F(ServeTest, ASourceThatStartsOverTakesNoStepBack) {
  // As where another NVRTC was found: every kernel is compiled again, and told again.
  control.progress = {1, 0, 1, 5};
  std::vector<std::pair<size_t, size_t>> steps;
  int64_t tokens[] = {1};
  ASSERT_TRUE(block
                  ->prepare(tokens, /*wait=*/true,
                            [&](size_t done, size_t total) {
                              steps.push_back({done, total});
                            })
                  .isOk());
  EXPECT_EQ(steps, (std::vector<std::pair<size_t, size_t>>{{1, 2}, {2, 2}}));
}

TEST_F(ServeTest, ACallbackGoesOnWhereOneWithinItEnds) {
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  int calls = 0;
  auto outer = [&](size_t, size_t) {
    EXPECT_TRUE(block->prepare({}, false, [&](size_t, size_t) { ++calls; }).isOk());
    EXPECT_FAILURE(block->prepare({}, true, nullptr), Usage, "not to wait for variants");
  };
  ASSERT_TRUE(block->prepare({}, true, outer).isOk());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(block->prepare({}, true, nullptr).isOk());
}

TEST_F(ServeTest, AVariantEndsWithWhatTheBlockAdmits) {
  Package package = makePackage();
  package.manifest.maxTokens = 10;
  std::shared_ptr<ServedBlock> few = ServedBlock::of(load(package));
  EXPECT_EQ(few->variant(0).minTokens, 0);
  EXPECT_EQ(few->variant(0).maxTokens, 10) << "of 0 to 15";
}

TEST_F(ServeTest, PreparesInTheBackground) {
  control.held = true;
  std::atomic<size_t> done{0};
  int64_t tokens[] = {20};
  ASSERT_TRUE(block->prepare(tokens, false, [&](size_t now, size_t) { done = now; }).isOk());
  EXPECT_EQ(block->variant(1).state, VariantState::Preparing);
  EXPECT_FALSE(block->isReady(20));
  control.held = false;
  while (done != 2)
    std::this_thread::yield();
  EXPECT_TRUE(block->isReady(20));
  // A second block goes away with its work half done.
  std::shared_ptr<ServedBlock> second = *ServedBlock::open(
      device, std::make_unique<FakeSource>(control), std::make_shared<Workers>(1));
  control.time = std::chrono::milliseconds(20);
  ASSERT_TRUE(second->prepare({}, false, nullptr).isOk());
  second.reset();
}

TEST_F(ServeTest, WorkspaceDependsOnNothingButT) {
  uint64_t last = 0;
  std::vector<uint64_t> before;
  for (int64_t tokens = 0; tokens < 200; ++tokens) {
    before.push_back(*block->workspaceBytes(tokens));
    EXPECT_GE(before.back(), last);
    last = before.back();
  }
  int64_t some[] = {20};
  ASSERT_TRUE(block->prepare(some, true, nullptr).isOk());
  for (int64_t tokens = 0; tokens < 200; ++tokens)
    EXPECT_EQ(*block->workspaceBytes(tokens), before[tokens]);
  // A byte less is refused although the variant at hand needs less.
  Tensors t = tensors(20);
  cuda::DevicePtr addresses[] = {t.hidden.address(), t.output.address()};
  EXPECT_FAILURE(block->launch(20, addresses, t.workspace.address(), before[20] - 1,
                               t.stream.handle()),
                 Usage, "expects a workspace of");
  EXPECT_TRUE(t.launch(*block).isOk());
  // What sufficed once does so for fewer tokens, not for more, and not with less.
  auto launch = [&](int64_t tokens, uint64_t bytes) {
    return block->launch(tokens, addresses, t.workspace.address(), bytes, t.stream.handle());
  };
  EXPECT_TRUE(launch(17, before[20]).isOk());
  ASSERT_LT(before[20], before[63]);
  EXPECT_FAILURE(launch(63, before[20]), Usage, "expects a workspace of");
  ASSERT_LT(before[20], before[30]); // although the variant at hand needs less
  EXPECT_FAILURE(launch(30, before[20]), Usage, "expects a workspace of");
  EXPECT_TRUE(launch(20, before[20]).isOk());
  EXPECT_FAILURE(launch(20, before[20] - 1), Usage, "expects a workspace of");
}

TEST_F(ServeTest, WaitsByDefault) {
  control.time = std::chrono::milliseconds(5);
  Tensors t = tensors(20);
  ASSERT_TRUE(t.launch(*block).isOk());
  EXPECT_TRUE(t.isRight());
  EXPECT_EQ(block->counters().waits, 1u);
  EXPECT_EQ(block->counters().launches, 1u);
}

TEST_F(ServeTest, StrictModeFailsAtOnce) {
  block->setPolicy(MissPolicy::Strict);
  Tensors t = tensors(20);
  EXPECT_FAILURE(t.launch(*block), CacheMiss,
                 "expects the variant for 20 tokens to be ready in strict mode, but it is not "
                 "prepared");
  EXPECT_EQ(control.made, 0);
  EXPECT_EQ(block->counters().misses, 1u);
  control.held = true;
  ASSERT_TRUE(block->prepare({}, false, nullptr).isOk());
  EXPECT_FAILURE(t.launch(*block), CacheMiss, "but it is being prepared");
  control.held = false;
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  ASSERT_TRUE(t.launch(*block).isOk());
}

TEST_F(ServeTest, FallsBackToAnotherVariantAndSwapsLater) {
  block->setPolicy(MissPolicy::Fallback);
  Tensors t = tensors(20);
  control.held = true;
  EXPECT_FAILURE(t.launch(*block), CacheMiss, "where no other one is, but it is being prepared");
  control.held = false;
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  ASSERT_TRUE(t.launch(*block).isOk());
  EXPECT_EQ(block->counters().fallbacks, 0u);

  std::shared_ptr<ServedBlock> second = *ServedBlock::open(
      device, std::make_unique<FakeSource>(control), std::make_shared<Workers>(2));
  second->setPolicy(MissPolicy::Fallback);
  int64_t large[] = {4096}, small[] = {1};
  ASSERT_TRUE(second->prepare(large, true, nullptr).isOk());
  control.held = true;
  ASSERT_TRUE(t.launch(*second).isOk());
  EXPECT_TRUE(t.isRight());
  EXPECT_EQ(second->counters().fallbacks, 1u);
  EXPECT_EQ(second->variant(1).state, VariantState::Preparing) << "it was begun";
  control.held = false;
  int64_t own[] = {20};
  ASSERT_TRUE(second->prepare(own, true, nullptr).isOk());
  ASSERT_TRUE(t.launch(*second).isOk());
  EXPECT_EQ(second->counters().fallbacks, 1u) << "its own variant serves it now";
  ASSERT_TRUE(second->prepare(small, true, nullptr).isOk());
}

TEST_F(ServeTest, AFailureIsReportedAndCanBeTriedAgain) {
  control.failing = 1;
  int64_t tokens[] = {1, 20};
  size_t last = 0;
  EXPECT_FAILURE(block->prepare(tokens, true, [&](size_t done, size_t) { last = done; }),
                 Toolchain, "variant for 16 tokens and more: as the test asked for");
  EXPECT_EQ(last, 4u);
  EXPECT_TRUE(block->isReady(1));
  EXPECT_EQ(block->variant(1).state, VariantState::Failed);
  Tensors t = tensors(20);
  EXPECT_FAILURE(t.launch(*block), Toolchain, "as the test asked for");
  EXPECT_EQ(control.made, 2) << "a launch does not try again";
  block->setPolicy(MissPolicy::Fallback);
  EXPECT_TRUE(t.launch(*block).isOk());
  control.failing = -1;
  EXPECT_TRUE(block->prepare(tokens, true, nullptr).isOk());
  EXPECT_EQ(block->counters().failed, 1u);
  // So is what the driver says when it loads.
  stub().failingCall = "cuModuleLoadData";
  stub().failingResult = 2;
  EXPECT_FAILURE(block->prepare({}, true, nullptr), Budget, "cuModuleLoadData failed");
  // Of several failures the one of the fewest tokens is told.
  auto single = *ServedBlock::open(device, std::make_unique<FakeSource>(control),
                                   std::make_shared<Workers>(1));
  EXPECT_FAILURE(single->prepare({}, true, nullptr), Budget, "variant for 0 tokens and more: ");
}

TEST_F(ServeTest, WhatAHostSeesHoldsForEveryVariant) {
  struct Source : FakeSource {
    using FakeSource::FakeSource;
    const std::vector<PlannedVariant> &plan() const override { return changed; }
    std::vector<PlannedVariant> changed = FakeSource::plan();
  };
  auto open = [&](auto change) {
    auto source = std::make_unique<Source>(control);
    change(source->changed);
    return ServedBlock::open(device, std::move(source), std::make_shared<Workers>(1));
  };
  auto changed = *open([](std::vector<PlannedVariant> &planned) {
    planned[0].manifest.maxTokens = 1000;
    planned[1].manifest.variants[0].buffers.back().shape = {Expr(1 << 16)};
    planned[1].manifest.variants[0].deterministic = false;
    planned[1].manifest.variants.push_back(planned[1].manifest.variants[0]);
    planned[1].manifest.variants[0].maxTokens = 40;
    planned[1].manifest.variants[1].minTokens = 41;
    planned[1].manifest.variants[1].deterministic = true;
  });
  EXPECT_EQ(changed->maxTokens(), 1000);
  EXPECT_GT(*changed->workspaceBytes(1), uint64_t(1 << 16));
  EXPECT_TRUE(changed->variant(0).deterministic);
  EXPECT_FALSE(changed->variant(1).deterministic);
  EXPECT_FAILURE(changed->argumentBytes(2, 1).status(), Usage, "an argument index below 2");
  EXPECT_FAILURE(open([](std::vector<PlannedVariant> &planned) {
                   planned[2].manifest.kernels[0].name = "";
                 }).status(),
                 InvalidInput, "");
}

TEST_F(ServeTest, ACallbackMayLaunchButWaitsForNothing) {
  // One thread: a callback on it that waited for another variant would wait for itself.
  auto own = *ServedBlock::open(device, std::make_unique<FakeSource>(control),
                                std::make_shared<Workers>(1), std::make_shared<Workers>(1));
  Tensors early = Tensors::make(device, *own, 100, 7), ready = Tensors::make(device, *own, 1, 7);
  std::atomic<int> calls{0}, nested{0};
  int64_t other[] = {100}, some[] = {1, 20};
  ASSERT_TRUE(own->prepare(std::span(some).first(1), true, nullptr).isOk());
  auto callback = [&](size_t, size_t) {
    ++calls;
    own->setPolicy(MissPolicy::Wait);
    EXPECT_TRUE(ready.launch(*own).isOk());
    EXPECT_FAILURE(early.launch(*own), CacheMiss,
                   "expects the variant for 100 tokens to be ready in a progress callback, but it");
    EXPECT_FAILURE(own->prepare(other, true, nullptr), Usage, "progress callback not to wait");
    EXPECT_TRUE(own->prepare({}, false, [&](size_t, size_t) { ++nested; }).isOk());
    own->setPolicy(MissPolicy::Fallback);
    EXPECT_TRUE(early.launch(*own).isOk());
  };
  ASSERT_TRUE(own->prepare(some, true, callback).isOk());
  EXPECT_EQ(calls, 2);
  own->setPolicy(MissPolicy::Wait);
  EXPECT_TRUE(early.launch(*own).isOk()) << "outside of one, a launch waits as ever";
  // So it is while a search reports.
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) {
    return Result<std::optional<TunedVariant>>(std::optional<TunedVariant>());
  };
  auto second = *ServedBlock::open(device, std::make_unique<FakeSource>(control),
                                   std::make_shared<Workers>(1), std::make_shared<Workers>(1));
  std::atomic<bool> isDone{false};
  ASSERT_TRUE(second
                  ->tune(other, {},
                         [&](size_t, size_t) {
                           EXPECT_FAILURE(early.launch(*second), CacheMiss, "progress callback");
                           isDone = true;
                         })
                  .isOk());
  while (!isDone)
    std::this_thread::yield();
  own.reset(); // what the callbacks began has ended
  EXPECT_GT(nested, 0);
}

TEST_F(ServeTest, ACallbackIsCalledOnceWhereNothingIsToDo) {
  std::vector<std::pair<size_t, size_t>> calls;
  auto record = [&](size_t done, size_t total) { calls.push_back({done, total}); };
  int64_t tokens[] = {20};
  ASSERT_TRUE(block->prepare(tokens, true, nullptr).isOk());
  using Calls = std::vector<std::pair<size_t, size_t>>;
  ASSERT_TRUE(block->prepare(tokens, true, record).isOk());
  EXPECT_EQ(calls, (Calls{{0, 0}}));
  ASSERT_TRUE(block->prepare(tokens, false, record).isOk());
  EXPECT_EQ(calls, (Calls{{0, 0}, {0, 0}})) << "before it returned";
}

TEST_F(ServeTest, WhoComesLaterHearsOfWhatIsLeft) {
  int64_t tokens[] = {20};
  std::atomic<bool> isHalfDone{false}, isWatched{false};
  std::vector<std::pair<size_t, size_t>> calls;
  ASSERT_TRUE(block
                  ->prepare(tokens, false,
                            [&](size_t, size_t) {
                              isHalfDone = true;
                              while (!isWatched)
                                std::this_thread::yield();
                            })
                  .isOk());
  while (!isHalfDone)
    std::this_thread::yield();
  auto record = [&](size_t done, size_t total) { calls.push_back({done, total}); };
  ASSERT_TRUE(block->prepare(tokens, false, record).isOk());
  isWatched = true;
  block.reset(); // what was begun has ended
  EXPECT_EQ(calls, (std::vector<std::pair<size_t, size_t>>{{2, 2}}));
}

TEST_F(ServeTest, ACaptureSurvivesAMiss) {
  int64_t large[] = {4096};
  ASSERT_TRUE(block->prepare(large, true, nullptr).isOk());
  for (MissPolicy policy : {MissPolicy::Wait, MissPolicy::Fallback, MissPolicy::Strict}) {
    block->setPolicy(policy);
    Tensors early = tensors(20), ready = tensors(64);
    stub().numLaunches = 0;
    Result<cuda::Graph> graph = cuda::Graph::capture(early.stream, [&] {
      EXPECT_FAILURE(early.launch(*block), CacheMiss, "expects the variant for 20 tokens");
      // The stream is still being captured, and takes what is ready.
      cuda::DevicePtr addresses[] = {ready.hidden.address(), ready.output.address()};
      return block->launch(64, addresses, ready.workspace.address(), ready.workspace.bytes(),
                           early.stream.handle());
    });
    ASSERT_TRUE(graph.isOk()) << graph.status().message();
    EXPECT_EQ(stub().numLaunches, 0u);
    ASSERT_TRUE(graph->launch(early.stream).isOk());
    EXPECT_TRUE(ready.isRight());
  }
  EXPECT_EQ(control.made, 1) << "a capture begins nothing";
}

TEST_F(ServeTest, APackageIsReadyFromTheStart) {
  std::shared_ptr<ServedBlock> opened = ServedBlock::of(load());
  EXPECT_EQ(opened->variantCount(), 2u);
  EXPECT_EQ(opened->variant(1).minTokens, 16);
  EXPECT_EQ(opened->variant(1).maxTokens, 1 << 20);
  EXPECT_TRUE(opened->isReady(0) && opened->isReady(20));
  EXPECT_TRUE(opened->variant(0).deterministic);
  EXPECT_TRUE(opened->prepare({}, true, nullptr).isOk());
  opened->setPolicy(MissPolicy::Strict);
  Tensors t = tensors(20);
  EXPECT_TRUE(t.launch(*opened).isOk());
  EXPECT_TRUE(t.isRight());
  Package summing = makePackage();
  summing.manifest.variants[1].deterministic = false;
  opened = ServedBlock::of(*LoadedPackage::load(device, summing));
  EXPECT_TRUE(opened->variant(0).deterministic);
  EXPECT_FALSE(opened->variant(1).deterministic);
}

} // namespace
