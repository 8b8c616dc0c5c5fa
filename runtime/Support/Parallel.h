//===- Parallel.h - Splitting host loops over threads ---------------------===//
//
// The one loop splitter. Threads live for one call: what is split runs for milliseconds to minutes,
// so a pool would buy nothing.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_SUPPORT_PARALLEL_H
#define MOEC_RUNTIME_SUPPORT_PARALLEL_H

#include "runtime/Support/Thread.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace moert {

/// The threads to use for a request of `threads`; 0 asks for one per core.
inline unsigned resolveThreads(unsigned threads) {
  return threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
}

/// Calls `body(begin, end)` for consecutive chunks of at most `grain` indices that cover
/// [0, count), from up to `threads` threads (0: one per core). Chunks are handed out as threads get
/// free, so a body must not depend on which thread runs it. Where the system has no more threads to
/// give, those that there are do the work; the caller's is one of them.
template <typename Body>
void parallelFor(int64_t count, int64_t grain, unsigned threads, Body &&body) {
  grain = std::max<int64_t>(grain, 1);
  int64_t chunks = count / grain + (count % grain != 0);
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t c; (c = next.fetch_add(1, std::memory_order_relaxed)) < chunks;)
      body(c * grain, std::min(count, (c + 1) * grain));
  };
  int64_t workers = std::min<int64_t>(resolveThreads(threads), chunks);
  std::vector<Thread> pool; // joined at its end
  for (int64_t i = 1; i < workers; ++i) {
    Result<Thread> thread = Thread::start(work);
    if (!thread)
      break;
    pool.push_back(*std::move(thread));
  }
  work();
}

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_PARALLEL_H
