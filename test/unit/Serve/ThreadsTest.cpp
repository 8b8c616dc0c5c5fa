//===- ThreadsTest.cpp - Launching and preparing from many threads --------===//

#include "test/unit/Serve/FakeSource.h"

#include <pthread.h>
#include <signal.h>

using namespace moert;
using namespace moert::test;

namespace {

TEST_F(ServeTest, SixtyFourThreadsLaunchAndPrepareAtOnce) {
  constexpr int kThreads = 64, kRounds = 60;
  block->setPolicy(MissPolicy::Wait);
  block->keepReplays(16); // fewer than there are threads
  control.time = std::chrono::milliseconds(2);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, captured{0};
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      int64_t tokens = 1 + (t * 37) % 150;
      Tensors own = Tensors::make(device, *block, tokens, static_cast<float>(t + 1));
      for (int round = 0; round < kRounds; ++round) {
        int64_t other[] = {(t * round * 11) % 200};
        switch ((t + round) % 8) {
        case 0:
          wrong += !block->prepare(other, true, [](size_t, size_t) {}).isOk();
          break;
        case 1:
          wrong += !block->prepare({}, false, nullptr).isOk();
          break;
        case 2:
          block->setPolicy(round % 2 ? MissPolicy::Fallback : MissPolicy::Wait);
          break;
        case 3: {
          Result<cuda::Graph> graph =
              cuda::Graph::capture(own.stream, [&] { return own.launch(*block); });
          if (graph) {
            ++captured;
            wrong += !graph->launch(own.stream).isOk() || !own.isRight();
          } else {
            wrong += graph.status().code() != StatusCode::CacheMiss;
          }
          break;
        }
        default: {
          Status status = own.launch(*block);
          // Only the fallback policy may find nothing, and only before anything is ready.
          wrong += status.isOk() ? !own.isRight() : status.code() != StatusCode::CacheMiss;
          (void)block->counters();
          (void)block->isReady(other[0]); (void)block->variant(0);
          wrong += !block->workspaceBytes(tokens).isOk();
        }
        }
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(captured, 0);
  EXPECT_EQ(control.made, 3) << "each variant is made once";
}

// Nothing but the variant's own atomic orders these launches after its loading, so that the sanitizer
// notices where it does not suffice; the other tests meet at a mutex all the time.
TEST_F(ServeTest, ALaunchSeesAVariantThatHasJustBecomeReady) {
  control.held = true;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, waiting{0};
  for (int64_t tokens : {1, 20, 100, 2, 30, 200}) {
    threads.emplace_back([&, tokens] {
      Tensors own = Tensors::make(device, *block, tokens, 3);
      ++waiting;
      while (!block->isReady(tokens))
        std::this_thread::yield();
      wrong += !own.launch(*block).isOk() || !own.isRight();
    });
    threads.emplace_back([&, tokens] {
      ++waiting;
      while (block->variant(tokens % 3).state != VariantState::Ready)
        std::this_thread::yield();
    });
  }
  while (waiting != 12)
    std::this_thread::yield();
  ASSERT_TRUE(block->prepare({}, false, nullptr).isOk());
  control.held = false;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

// A variant that failed may be begun anew before those who waited for it have been told.
TEST_F(ServeTest, AFailureThatIsTriedAgainAtOnceReachesEveryone) {
  constexpr int kThreads = 8, kRounds = 300;
  control.failing = 1;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        size_t last = 0, expected = 0;
        int64_t tokens[] = {20};
        Status status = block->prepare(tokens, true, [&](size_t done, size_t total) {
          wrong += done > total || done <= last;
          last = done;
          expected = total;
        });
        wrong += last != expected || expected != 2;
        wrong += status.code() != StatusCode::Toolchain;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  control.failing = -1;
  EXPECT_TRUE(block->prepare({}, true, nullptr).isOk());
}

TEST_F(ServeTest, ATaskDoesNotWaitForAnotherWhereAThreadMayBeHad) {
  std::atomic<bool> begun{false}, second{false}, over{false};
  Workers workers(2);
  auto first = [&] {
    begun = true;
    while (!over)
      std::this_thread::yield();
  };
  ASSERT_TRUE(workers.add(this, first).isOk());
  while (!begun)
    std::this_thread::yield();
  ASSERT_TRUE(workers.add(this, [&] { second = true; }).isOk());
  for (int i = 0; i < 10000 && !second; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(second);
  over = true;
}

TEST_F(ServeTest, SignalsAreTheHostsThreadsBusiness) {
  auto isBlocked = [] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return ::sigismember(&mask, SIGTERM) == 1;
  };
  const bool before = isBlocked();
  std::atomic<int> background{-1};
  {
    Workers workers(1);
    ASSERT_TRUE(workers.add(this, [&] { background = isBlocked(); }).isOk());
    while (background < 0)
      std::this_thread::yield();
  }
  EXPECT_EQ(background, 1);
  EXPECT_EQ(isBlocked(), before) << "those of the thread that asked stay";
}

TEST_F(ServeTest, ManyBlocksShareTheWorkers) {
  auto workers = std::make_shared<Workers>(3);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      Result<std::shared_ptr<ServedBlock>> own =
          ServedBlock::open(device, std::make_unique<FakeSource>(control), workers);
      wrong += !own || !(*own)->prepare({}, t % 2 == 0, nullptr).isOk();
      if (t % 4 == 0)
        for (int64_t tokens : {1, 20, 100})
          wrong += !(*own)->isReady(tokens);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
