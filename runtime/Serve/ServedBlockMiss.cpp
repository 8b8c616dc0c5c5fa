//===- ServedBlockMiss.cpp - Variants that are not ready yet --------------===//
//
// How variants become ready, and what a launch does that comes too early.
//
//===----------------------------------------------------------------------===//

#include "runtime/Serve/ServedBlock.h"

#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>

namespace moert {

/// Somebody who wants to hear how one call of `prepare` gets on.
struct ServedBlock::Watch {
  std::mutex mutex;
  PrepareProgress progress;
  size_t done = 0, total = 0;
  std::atomic<size_t> told{0}; ///< `done` of the last call that has returned

  void add(size_t steps) {
    std::lock_guard<std::mutex> lock(mutex);
    done += steps;
    if (progress)
      progress(done, total);
    told = done;
  }
};

/// Queues the making of a variant; under the mutex.
void ServedBlock::begin(size_t index) {
  Slot &slot = slots[index];
  slot.state = VariantState::Preparing;
  slot.failure = Status::ok();
  slot.stepsDone = 0;
  workers->add(this, [this, index] { makeReady(index); });
}

/// Tells those who wait for the variant how far it is.
void ServedBlock::step(size_t index, size_t stepsDone) {
  Slot &slot = slots[index];
  size_t steps = 0;
  std::vector<std::shared_ptr<Watch>> watches;
  {
    std::lock_guard<std::mutex> lock(mutex);
    steps = stepsDone - slot.stepsDone;
    slot.stepsDone = stepsDone;
    watches = slot.watches;
    if (stepsDone == slot.steps())
      slot.watches.clear();
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
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (loaded) {
      packages.push_back(*loaded);
      slot.ready.store(packages.back().get(), std::memory_order_release);
      slot.state = VariantState::Ready;
      ++counted.prepared;
    } else {
      slot.failure = loaded.status();
      slot.state = VariantState::Failed;
      ++counted.failed;
    }
  }
  changed.notify_all();
  step(index, slot.steps());
  { std::lock_guard<std::mutex> lock(mutex); } // nobody is between looking and waiting
  changed.notify_all();
}

Status ServedBlock::prepare(std::span<const int64_t> tokens, bool wait, PrepareProgress progress) {
  std::vector<bool> wanted(slotCount, tokens.empty());
  for (int64_t count : tokens) {
    MOERT_RETURN_IF_ERROR(checkTokens(count));
    wanted[slotFor(count)] = true;
  }
  auto watch = std::make_shared<Watch>();
  watch->progress = std::move(progress);
  std::unique_lock<std::mutex> lock(mutex);
  {
    // A step that is reported from now on finds the total.
    std::lock_guard<std::mutex> watchLock(watch->mutex);
    for (size_t i = 0; i < slotCount; ++i) {
      Slot &slot = slots[i];
      if (!wanted[i] || slot.state == VariantState::Ready)
        continue;
      if (slot.state != VariantState::Preparing)
        begin(i);
      watch->total += slot.steps();
      watch->done += slot.stepsDone;
      slot.watches.push_back(watch);
    }
    watch->told = watch->done;
  }
  if (!wait)
    return Status::ok();
  const size_t total = watch->total;
  changed.wait(lock, [&] {
    if (watch->told != total)
      return false; // `progress` must not be called after this function has returned
    for (size_t i = 0; i < slotCount; ++i)
      if (wanted[i] && slots[i].state == VariantState::Preparing)
        return false;
    return true;
  });
  for (size_t i = 0; i < slotCount; ++i)
    if (wanted[i] && slots[i].state == VariantState::Failed)
      return Status(slots[i].failure)
          .withContext(fmt::format("variant for {} tokens and more", slots[i].minTokens));
  return Status::ok();
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
