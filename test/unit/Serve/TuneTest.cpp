//===- TuneTest.cpp - Faster builds that come while a block is launched ---===//

#include "test/unit/Serve/FakeSource.h"

#include <cmath>

using namespace moert;
using namespace moert::test;

namespace {

using Found = Result<std::optional<TunedVariant>>;
using Build = std::optional<TunedVariant>;

class ServeTuneTest : public ServeTest {
protected:
  /// Tunes and waits until all is done.
  void tune(std::vector<int64_t> tokens, TuneRequest request = {}) {
    std::atomic<size_t> done{0};
    size_t total = tokens.size();
    Status status = block->tune(tokens, request, [&](size_t now, size_t all) {
      EXPECT_EQ(all, total);
      EXPECT_EQ(now, done + 1);
      done = now;
    });
    ASSERT_TRUE(status.isOk()) << status.message();
    while (done != total)
      std::this_thread::yield();
  }
  float launched(int64_t tokens) {
    Tensors own = tensors(tokens);
    Status status = own.launch(*block);
    EXPECT_TRUE(status.isOk()) << status.message();
    return status.isOk() ? own.factor() : 0;
  }
};

TEST_F(ServeTuneTest, AFasterBuildServesItsTokensAlone) {
  control.tune = [](int64_t tokens, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(tokens - 4, tokens + 3));
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  uint64_t workspace = block->workspaceBytes(40).isOk() ? *block->workspaceBytes(40) : 0;
  EXPECT_EQ(launched(32), 6);
  tune({32});
  for (auto [tokens, factor] : {std::pair(27, 6), {28, 10}, {32, 10}, {35, 10}, {36, 6}, {1, 6}})
    EXPECT_EQ(launched(tokens), factor) << tokens;
  ServeCounters counters = block->counters();
  EXPECT_EQ(counters.tuned, 1u);
  EXPECT_EQ(counters.tuneFailed, 0u);
  EXPECT_EQ(counters.prepared, 3u);
  EXPECT_EQ(counters.cachedKernels, 2u) << "one of a variant and one of the build";
  EXPECT_EQ(counters.compiledKernels, 2u);
  // What a host has seen of the block stays.
  EXPECT_EQ(block->variantCount(), 3u);
  EXPECT_EQ(*block->workspaceBytes(40), workspace);
}

TEST_F(ServeTuneTest, OneThatIsFasterStillReplacesIt) {
  int factor = 5;
  control.tune = [&](int64_t, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(20, 30, factor++));
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  tune({20});
  EXPECT_EQ(launched(25), 10);
  tune({20, 30});
  EXPECT_EQ(launched(25), 14);
  EXPECT_EQ(block->counters().tuned, 3u);
}

TEST_F(ServeTuneTest, TheLatestBuildServesWhatItReachesAndNothingElse) {
  control.tune = [](int64_t tokens, const TuneRequest &, std::stop_token) -> Found {
    return Build(tokens == 2    ? makeTuned(0, 1, 9)
                 : tokens == 1  ? makeTuned(1, 3, 8)
                 : tokens == 20 ? makeTuned(20, 30, 5)
                                : makeTuned(30, 40, 7));
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  tune({1, 20, 35});
  for (auto [tokens, factor] : {std::pair(1, 16), {3, 16}, {4, 6}, {30, 14}, {40, 14}, {41, 6}})
    EXPECT_EQ(launched(tokens), factor) << tokens;
  tune({2});
  for (auto [tokens, factor] : {std::pair(1, 18), {2, 6}, {3, 6}, {30, 14}})
    EXPECT_EQ(launched(tokens), factor) << tokens;
}

TEST_F(ServeTuneTest, AGraphKeepsWhatItHolds) {
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(20, 30));
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  Tensors own = tensors(25);
  Result<cuda::Graph> before = cuda::Graph::capture(own.stream, [&] { return own.launch(*block); });
  ASSERT_TRUE(before.isOk());
  tune({25});
  ASSERT_TRUE(before->launch(own.stream).isOk());
  EXPECT_EQ(own.factor(), 6);
  Result<cuda::Graph> after = cuda::Graph::capture(own.stream, [&] { return own.launch(*block); });
  ASSERT_TRUE(after.isOk() && after->launch(own.stream).isOk());
  EXPECT_EQ(own.factor(), 10);
  ASSERT_TRUE(before->launch(own.stream).isOk());
  EXPECT_EQ(own.factor(), 6);
}

TEST_F(ServeTuneTest, ItIsReadyWhereTheVariantIsNot) {
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(20, 30));
  };
  block->setPolicy(MissPolicy::Strict);
  tune({25});
  EXPECT_TRUE(block->isReady(25));
  EXPECT_FALSE(block->isReady(31));
  EXPECT_EQ(launched(25), 10);
  EXPECT_EQ(tensors(31).launch(*block).code(), StatusCode::CacheMiss);
}

TEST_F(ServeTuneTest, TheWorkspaceThatWasPromisedIsEnough) {
  // The third variant promises two KiB more than the build needs, for its own T and beyond alone.
  control.tune = [](int64_t tokens, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(tokens, tokens + 50, 5, tokens < 100 ? 3 * 1024 : 2 * 1024));
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  tune({70});
  EXPECT_EQ(launched(70), 6) << "what needs more than hosts were told to allocate must not run";
  EXPECT_EQ(block->counters().tuneFailed, 0u) << "the search found what it was to find";
  EXPECT_EQ(block->counters().tuned, 0u);
  tune({100});
  EXPECT_EQ(launched(100), 10);
  // Not where the last of the tokens alone needs more.
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) -> Found {
    TunedVariant tuned = makeTuned(20, 30);
    tuned.made.package.manifest.variants[0].buffers.back().shape = {
        floorDiv(Expr::tokens(), Expr(30)) * Expr(1 << 16)};
    return Build(tuned);
  };
  tune({25});
  EXPECT_EQ(launched(25), 6);
}

TEST_F(ServeTuneTest, ABuildServesNoMoreThanTheBlockAdmits) {
  control.tune = [&](int64_t tokens, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(tokens, 2 * tokens));
  };
  tune({block->maxTokens() - 3});
  EXPECT_EQ(block->counters().tuned, 1u);
}

TEST_F(ServeTuneTest, NothingFasterChangesNothing) {
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) -> Found { return Build(); };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  tune({1, 20});
  EXPECT_EQ(launched(20), 6);
  EXPECT_EQ(block->counters().tuned + block->counters().tuneFailed, 0u);
}

TEST_F(ServeTuneTest, AFailureIsOneTokenCountsAlone) {
  control.tune = [](int64_t tokens, const TuneRequest &, std::stop_token) -> Found {
    if (tokens == 20)
      return Status(StatusCode::Toolchain, "as the test asked for");
    TunedVariant broken = makeTuned(tokens, tokens);
    if (tokens == 40)
      broken.made.package.code[0].cubin = "no code";
    return Build(broken);
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  tune({20, 40, 60});
  EXPECT_EQ(launched(20), 6);
  EXPECT_EQ(launched(40), 6);
  EXPECT_EQ(launched(60), 10);
  EXPECT_EQ(block->counters().tuneFailed, 2u);
  EXPECT_EQ(block->counters().tuned, 1u);
}

TEST_F(ServeTuneTest, WhatCannotBeTunedSaysSoAtOnce) {
  int64_t some[] = {20};
  EXPECT_EQ(block->tune(some, {}, nullptr).code(), StatusCode::Unsupported);
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) -> Found {
    ADD_FAILURE() << "nothing is to begin";
    return Build();
  };
  EXPECT_EQ(block->tune({}, {}, nullptr).message(),
            "expects token counts to tune for, but got none");
  for (int64_t wrong : {int64_t(0), int64_t(-1), block->maxTokens() + 1}) {
    int64_t counts[] = {20, wrong};
    EXPECT_EQ(block->tune(counts, {}, nullptr).code(), StatusCode::Usage) << wrong;
  }
  EXPECT_EQ(block->tune(some, {"absent", 0, false}, nullptr).code(), StatusCode::Toolchain);
  auto loaded = LoadedPackage::load(device, makePackage());
  EXPECT_EQ(ServedBlock::of(*loaded)->tune(some, {}, nullptr).code(), StatusCode::Unsupported);
  auto alone = ServedBlock::open(device, std::make_unique<FakeSource>(control),
                                 std::make_shared<Workers>(1));
  EXPECT_EQ((*alone)->tune(some, {}, nullptr).code(), StatusCode::Unsupported);
}

TEST_F(ServeTuneTest, TheBudgetIsForAllTokenCounts) {
  std::vector<double> seconds;
  control.tune = [&](int64_t, const TuneRequest &request, std::stop_token) -> Found {
    seconds.push_back(request.seconds);
    if (seconds.size() == 1)
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return Build();
  };
  tune({1, 2, 3}, {"", 3, false});
  ASSERT_EQ(seconds.size(), 3u);
  EXPECT_EQ(seconds[0], 1);
  EXPECT_LT(seconds[1], 1.25 + 1e-9); // half of what half a second has left
  EXPECT_GE(seconds[2], seconds[1]);  // what one leaves is the others'
  // Nothing begins once it is spent.
  seconds.clear();
  tune({1, 2}, {"", 0.2, false});
  EXPECT_EQ(seconds.size(), 1u);
  EXPECT_EQ(block->counters().tuneFailed, 1u);
  // Without one there is none.
  seconds.clear();
  tune({1, 2});
  EXPECT_EQ(seconds, (std::vector<double>{0, 0}));
}

TEST_F(ServeTuneTest, ClosingBreaksASearchOff) {
  std::atomic<int> begun{0}, stopped{0}, told{0};
  control.tune = [&](int64_t, const TuneRequest &, std::stop_token stop) -> Found {
    ++begun;
    while (!stop.stop_requested())
      std::this_thread::yield();
    ++stopped;
    return Status(StatusCode::Budget, "broken off");
  };
  int64_t tokens[] = {1, 20, 100};
  ASSERT_TRUE(block->tune(tokens, {}, [&](size_t, size_t) { ++told; }).isOk());
  while (!begun)
    std::this_thread::yield();
  block.reset();
  EXPECT_EQ(begun, 1) << "the others are dropped";
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(told, 0) << "a block that is closed calls nobody";
}

// Run under ThreadSanitizer: nothing but the table's own atomic orders launches after a swap.
TEST_F(ServeTuneTest, LaunchesGoOnWhileBuildsAreSwappedIn) {
  std::atomic<int> round{0};
  control.tune = [&](int64_t tokens, const TuneRequest &, std::stop_token) -> Found {
    return Build(makeTuned(tokens, tokens + 9, 3 + round++ % 4));
  };
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      Tensors own = Tensors::make(device, *block, 10 + t * 5, static_cast<float>(t + 1));
      do {
        wrong += !own.launch(*block).isOk();
        float factor = own.factor() / 2;
        wrong += !(factor >= 3 && factor <= 6 && factor == std::floor(factor));
        wrong += !block->isReady(20);
        (void)block->counters();
      } while (!over);
    });
  for (int i = 0; i < 20; ++i)
    tune({10, 20, 25, 40});
  over = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(block->counters().tuned, 80u);
}

} // namespace
