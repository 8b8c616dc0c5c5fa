//===- LaunchCostTest.cpp - What a launch costs the host ------------------===//
//
// Against the stub driver, whose own calls cost next to nothing: what is left is the runtime's
// work. The bounds are generous, for busy machines; the figures are printed.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Serve/FakeSource.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>

static std::atomic<uint64_t> allocationCount{0};

// Every allocation of this program, the runtime's too, as it is linked in.
void *operator new(std::size_t size) {
  allocationCount.fetch_add(1, std::memory_order_relaxed);
  void *memory = std::malloc(size ? size : 1);
  if (!memory)
    std::abort();
  return memory;
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

using namespace moert;
using namespace moert::test;

namespace {

using LaunchCostTest = ServeTest;

/// The median of 201 runs of `rounds` calls, in nanoseconds a call. Allocates nothing.
template <typename Function>
double medianNanoseconds(int rounds, Function function) {
  constexpr size_t kSamples = 201;
  std::array<double, kSamples> times;
  for (double &slot : times) {
    auto begin = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round)
      function();
    std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    slot = time.count() / rounds;
  }
  std::nth_element(times.begin(), times.begin() + kSamples / 2, times.end());
  return times[kSamples / 2];
}

TEST_F(LaunchCostTest, IsMicrosecondsWithoutAllocation) {
  ASSERT_TRUE(block->prepare({}, true, nullptr).isOk());
  Tensors t = tensors(40);
  stub().function.body = nullptr;
  bool ok = t.launch(*block).isOk();
  uint64_t before = allocationCount;
  double launch = medianNanoseconds(20, [&] { ok &= t.launch(*block).isOk(); });
  EXPECT_EQ(allocationCount, before);
  bool ready = true;
  double lookup = medianNanoseconds(1000, [&] { ready &= block->isReady(40); });
  EXPECT_EQ(allocationCount, before);
  EXPECT_TRUE(ok && ready);
  std::printf("launch of 2 kernels: median %.0f ns; finding a variant: median %.1f ns\n", launch,
              lookup);
  EXPECT_LT(launch, 30e3) << "expects 3 us on a quiet machine";

  block->keepReplays(4);
  ok &= t.launch(*block).isOk() && t.launch(*block).isOk();
  before = allocationCount;
  double replay = medianNanoseconds(20, [&] { ok &= t.launch(*block).isOk(); });
  EXPECT_EQ(allocationCount, before);
  EXPECT_TRUE(ok);
  std::printf("replaying it: median %.0f ns\n", replay);
  EXPECT_LT(replay, 30e3) << "expects 1 us on a quiet machine";
  EXPECT_LT(lookup, 10e3) << "expects 1 us on a quiet machine";
}

} // namespace
