//===- NoThreadsTest.cpp - A system without a thread to give ----------------===//
//
// This program has a pthread_create of its own, which can refuse as the system does at a limit.
//
//===----------------------------------------------------------------------===//

#include "runtime/Support/Parallel.h"
#include "test/unit/Serve/FakeSource.h"

#include <cerrno>

#include <dlfcn.h>

using namespace moert;
using namespace moert::test;

namespace {
std::atomic<int> threadsLeft{-1}; ///< negative: any number
std::atomic<int> refused{0};
} // namespace

extern "C" int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                              void *(*body)(void *), void *data) noexcept {
  using Create = int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  static auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (threadsLeft == 0) {
    ++refused;
    return EAGAIN;
  }
  if (threadsLeft > 0)
    --threadsLeft;
  return create(thread, attributes, body, data);
}

namespace {

class NoThreadsTest : public ServeTest {
protected:
  void SetUp() override {
    ServeTest::SetUp();
    refused = 0;
  }
  void TearDown() override {
    threadsLeft = -1;
    ServeTest::TearDown();
  }
};

TEST_F(NoThreadsTest, ALoopGoesOnWithTheThreadsThatThereAre) {
  for (int threads : {0, 2}) {
    threadsLeft = threads;
    std::atomic<int64_t> sum{0};
    parallelFor(1000, 1, 8, [&](int64_t begin, int64_t) { sum += begin; });
    EXPECT_EQ(sum, 1000 * 999 / 2);
  }
  EXPECT_EQ(refused, 2) << "one that is refused is the last that is asked for";
}

TEST_F(NoThreadsTest, AVariantFailsWhereThereIsNone) {
  threadsLeft = 0;
  size_t calls = 0;
  int64_t tokens[] = {20};
  for (bool wait : {true, false})
    EXPECT_FAILURE(block->prepare(tokens, wait, [&](size_t, size_t) { ++calls; }), Toolchain,
                   "variant for 16 tokens and more: starting a thread failed: ");
  EXPECT_EQ(calls, 2u) << "once each, as nothing is left to do";
  EXPECT_EQ(block->variant(1).state, VariantState::Failed);
  Tensors t = tensors(20), other = tensors(1);
  EXPECT_FAILURE(t.launch(*block), Toolchain, "starting a thread failed");
  EXPECT_FAILURE(other.launch(*block), Toolchain, "variant for 0 tokens and more: starting a");
  EXPECT_EQ(block->counters().failed, 3u);
  EXPECT_EQ(control.made, 0);
  control.tune = [](int64_t, const TuneRequest &, std::stop_token) {
    return Result<std::optional<TunedVariant>>(std::optional<TunedVariant>());
  };
  EXPECT_FAILURE(block->tune(tokens, {}, nullptr), Toolchain, "starting a thread failed");
  threadsLeft = -1;
  EXPECT_TRUE(block->prepare(tokens, true, nullptr).isOk()) << "it is tried again";
  EXPECT_TRUE(t.launch(*block).isOk());
}

TEST_F(NoThreadsTest, ATaskThatIsRefusedIsNotDoneLater) {
  std::atomic<bool> refusedRan{false}, nextRan{false};
  Workers workers(1);
  threadsLeft = 0;
  EXPECT_FAILURE(workers.add(this, [&] { refusedRan = true; }), Toolchain, "starting a thread");
  threadsLeft = -1;
  ASSERT_TRUE(workers.add(this, [&] { nextRan = true; }).isOk());
  while (!nextRan) // the one thread takes tasks in turn
    std::this_thread::yield();
  EXPECT_FALSE(refusedRan);
}

TEST_F(NoThreadsTest, OneThreadDoesTheWorkOfFour) {
  threadsLeft = 1;
  EXPECT_TRUE(block->prepare({}, true, nullptr).isOk());
  EXPECT_EQ(control.made, 3);
  EXPECT_GE(refused, 1);
}

} // namespace
