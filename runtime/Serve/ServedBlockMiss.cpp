//===- ServedBlockMiss.cpp - Variants that are not ready yet --------------===//
//
// How variants become ready, and what a launch does that comes too early.
//
//===----------------------------------------------------------------------===//

#include "runtime/Serve/ServedBlock.h"

#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moert {

/// Whether this thread is in a callback of a host, whatever block that is about. The thread may be
/// one that variants wait for.
static thread_local bool isInCallback = false;

bool ServedBlock::isTelling() { return isInCallback; }

void ServedBlock::tell(const PrepareProgress &progress, size_t done, size_t total) {
  if (!progress)
    return;
  bool former = std::exchange(isInCallback, true); // a callback may prepare what is ready
  progress(done, total);
  isInCallback = former;
}

/// Somebody who wants to hear how one call of `prepare` gets on.
struct ServedBlock::Watch {
  std::mutex mutex;
  PrepareProgress progress;
  size_t done = 0, total = 0;
  std::atomic<size_t> told{0}; ///< `done` of the last call that has returned
  // Under the block's mutex: the first variant that failed. Its slot may be tried again meanwhile.
  size_t failedIndex = SIZE_MAX;
  Status failure;

  void add(size_t steps) {
    std::lock_guard<std::mutex> lock(mutex);
    done += steps;
    tell(progress, done, total);
    told = done;
  }
  void fail(size_t index, const Slot &slot) {
    if (index > failedIndex)
      return;
    failedIndex = index;
    failure = Status(slot.failure)
                  .withContext(fmt::format("variant for {} tokens and more", slot.minTokens));
  }
};

/// Queues the making of a variant; under the mutex. The variant has failed where there is no thread
/// for it.
void ServedBlock::begin(size_t index) {
  Slot &slot = slots[index];
  slot.state = VariantState::Preparing;
  slot.failure = Status::ok();
  slot.stepsDone = 0;
  Status status = workers->add(this, [this, index] { makeReady(index); });
  if (status.isOk())
    return;
  slot.state = VariantState::Failed;
  slot.failure = std::move(status);
  ++counted.failed;
}

/// Notes how far the variant is and returns how much further; under the mutex. A source that starts
/// over counts again what was counted.
size_t ServedBlock::takeSteps(Slot &slot, size_t stepsDone) {
  size_t former = slot.stepsDone;
  slot.stepsDone = std::max(former, stepsDone);
  return slot.stepsDone - former;
}

/// Tells those who wait for the variant how far it is.
void ServedBlock::step(size_t index, size_t stepsDone) {
  Slot &slot = slots[index];
  size_t steps = 0;
  std::vector<std::shared_ptr<Watch>> watches;
  {
    std::lock_guard<std::mutex> lock(mutex);
    steps = takeSteps(slot, stepsDone);
    watches = slot.watches;
  }
  // Outside the lock: the host may ask about the block, or launch it.
  if (steps > 0)
    for (const std::shared_ptr<Watch> &watch : watches)
      watch->add(steps);
}

Result<std::shared_ptr<const LoadedPackage>> ServedBlock::makeAndLoad(size_t index) {
  Result<MadeVariant> made = source->make(
      index, [&](size_t kernels) { step(index, std::min(kernels, slots[index].kernels)); });
  if (!made)
    return std::move(made).status();
  Result<std::shared_ptr<const LoadedPackage>> loaded =
      LoadedPackage::load(openDevice, made->package);
  if (loaded) {
    std::lock_guard<std::mutex> lock(mutex);
    counted.cachedKernels += made->cachedKernels;
    counted.compiledKernels += slots[index].kernels - made->cachedKernels;
  }
  return loaded;
}

/// On a background thread.
void ServedBlock::makeReady(size_t index) {
  Slot &slot = slots[index];
  Result<std::shared_ptr<const LoadedPackage>> loaded = makeAndLoad(index);
  if (!loaded)
    log(LogLevel::Warning, "serve", "block {}: the variant for {} tokens and more failed: {}",
        manifest().block, slot.minTokens, loaded.status().message());
  size_t steps = 0;
  std::vector<std::shared_ptr<Watch>> watches;
  {
    // At once: who sees that it failed may begin it anew.
    std::lock_guard<std::mutex> lock(mutex);
    steps = takeSteps(slot, slot.steps());
    watches.swap(slot.watches);
    if (loaded) {
      packages.push_back(*loaded);
      slot.ready.store(packages.back().get(), std::memory_order_release);
      slot.state = VariantState::Ready;
      ++counted.prepared;
    } else {
      slot.failure = loaded.status();
      slot.state = VariantState::Failed;
      ++counted.failed;
      for (const std::shared_ptr<Watch> &watch : watches)
        watch->fail(index, slot);
    }
  }
  changed.notify_all();
  for (const std::shared_ptr<Watch> &watch : watches)
    watch->add(steps);
  { std::lock_guard<std::mutex> lock(mutex); } // nobody is between looking and waiting
  changed.notify_all();
}

Status ServedBlock::prepare(std::span<const int64_t> tokens, bool wait, PrepareProgress progress) {
  std::vector<bool> wanted(slotCount, tokens.empty());
  for (int64_t count : tokens) {
    MOERT_RETURN_IF_ERROR(checkTokens(count));
    wanted[slotFor(count)] = true;
  }
  if (wait && isTelling())
    return Status(StatusCode::Usage, "expects a progress callback not to wait for variants");
  auto watch = std::make_shared<Watch>();
  watch->progress = std::move(progress);
  // Who reports a step finds the watch under this mutex, and so with its whole total. The watch's
  // own must not be taken here: a callback, which holds it, may take this one.
  std::unique_lock<std::mutex> lock(mutex);
  for (size_t i = 0; i < slotCount; ++i) {
    Slot &slot = slots[i];
    if (!wanted[i] || slot.state == VariantState::Ready)
      continue;
    if (slot.state != VariantState::Preparing)
      begin(i);
    if (slot.state == VariantState::Failed) {
      watch->fail(i, slot);
      continue;
    }
    watch->total += slot.steps();
    watch->done += slot.stepsDone;
    slot.watches.push_back(watch);
  }
  watch->told = watch->done;
  const size_t total = watch->total;
  if (total == 0) {
    lock.unlock();
    tell(watch->progress, 0, 0);
    return watch->failure;
  }
  if (!wait)
    return Status::ok();
  // The last steps are told when every variant is ready or has failed, and `progress` must not be
  // called after this function has returned.
  changed.wait(lock, [&] { return watch->told == total; });
  return watch->failure;
}

const LoadedPackage *ServedBlock::nearestReady(size_t index) const {
  for (size_t distance = 1; distance < slotCount; ++distance) {
    if (index + distance < slotCount)
      if (const LoadedPackage *package = slots[index + distance].ready.load())
        return package;
    if (index >= distance)
      if (const LoadedPackage *package = slots[index - distance].ready.load())
        return package;
  }
  return nullptr;
}

/// Whether the stream is being captured; asking does not harm the capture.
bool ServedBlock::isCapturing(cuda::StreamHandle stream) const {
  cuda::ContextScope scope(*openDevice);
  cuda::CaptureStatus status = cuda::kCaptureNone;
  // The legacy stream fails the call while another stream is captured: no time to wait either.
  return !scope.status().isOk() ||
         openDevice->api().cuStreamIsCapturing(stream, &status) != cuda::kSuccess ||
         status != cuda::kCaptureNone;
}

/// The failure of a launch for which nothing is ready; under the mutex.
Status ServedBlock::missing(size_t index, int64_t tokens, const char *why) {
  misses.fetch_add(1, std::memory_order_relaxed);
  const Slot &slot = slots[index];
  if (slot.state == VariantState::Failed)
    return Status(slot.failure)
        .withContext(fmt::format("variant for {} tokens and more", slot.minTokens));
  return Status(
      StatusCode::CacheMiss,
      fmt::format("expects the variant for {} tokens to be ready {}, but it {}", tokens, why,
                  slot.state == VariantState::Preparing ? "is being prepared" : "is not prepared"));
}

Result<const LoadedPackage *> ServedBlock::miss(size_t index, int64_t tokens,
                                                cuda::StreamHandle stream) {
  Slot &slot = slots[index];
  MissPolicy policy = missPolicy.load(std::memory_order_relaxed);
  bool capturing = policy != MissPolicy::Strict && isCapturing(stream);
  std::unique_lock<std::mutex> lock(mutex);
  auto ready = [&] { return slot.ready.load(std::memory_order_acquire); };
  if (ready()) // meanwhile
    return ready();
  if (policy == MissPolicy::Strict)
    return missing(index, tokens, "in strict mode");
  if (capturing)
    return missing(index, tokens, "before its launch is captured");
  if (policy == MissPolicy::Wait && isTelling())
    return missing(index, tokens, "in a progress callback");
  // A variant that failed is tried again by `prepare`, not by every launch.
  if (slot.state == VariantState::Absent)
    begin(index);
  if (policy == MissPolicy::Fallback) {
    if (const LoadedPackage *other = nearestReady(index)) {
      fallbacks.fetch_add(1, std::memory_order_relaxed);
      return other;
    }
    return missing(index, tokens, "where no other one is");
  }
  if (slot.state == VariantState::Preparing)
    waits.fetch_add(1, std::memory_order_relaxed);
  changed.wait(lock, [&] { return slot.state != VariantState::Preparing; });
  if (ready())
    return ready();
  return missing(index, tokens, "");
}

} // namespace moert
