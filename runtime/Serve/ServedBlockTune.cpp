//===- ServedBlockTune.cpp - Faster builds, found in the background -------===//

#include "runtime/Serve/ServedBlock.h"

#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace moert {

/// One call of `tune`. Its token counts are searched one after the other, so nothing here is
/// shared.
struct ServedBlock::Search {
  TuneRequest request;
  double secondsLeft = 0; ///< of the budget, where there is one
  size_t done = 0, total = 0;
  PrepareProgress progress;
};

Status ServedBlock::tune(std::span<const int64_t> tokens, TuneRequest request,
                         PrepareProgress progress) {
  if (!source || !tuners)
    return Status(StatusCode::Unsupported, "expects a block that was opened from its text: the "
                                           "schedules of a package are fixed");
  if (tokens.empty())
    return Status(StatusCode::Usage, "expects token counts to tune for, but got none");
  for (int64_t count : tokens)
    if (count < 1 || count > mostTokens)
      return Status(StatusCode::Usage, fmt::format("expects 1 to {} tokens to tune for, but got {}",
                                                   mostTokens, count));
  MOERT_RETURN_IF_ERROR(source->checkTuning(request));
  auto search = std::make_shared<Search>();
  search->secondsLeft = request.seconds;
  search->request = std::move(request);
  search->total = tokens.size();
  search->progress = std::move(progress);
  for (int64_t count : tokens) // only the first can fail: then there is a thread
    MOERT_RETURN_IF_ERROR(tuners->add(this, [this, search, count] { tuneOne(*search, count); }));
  return Status::ok();
}

/// On a background thread.
void ServedBlock::tuneOne(Search &search, int64_t tokens) {
  TuneRequest request = search.request;
  bool isLimited = request.seconds > 0;
  request.seconds = search.secondsLeft / double(search.total - search.done);
  auto began = std::chrono::steady_clock::now();
  Status status = isLimited && request.seconds <= 0
                      ? Status(StatusCode::Budget, "the budget is spent")
                      : findFaster(tokens, request);
  std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  search.secondsLeft = isLimited ? search.secondsLeft - passed.count() : 0;
  if (!status.isOk() && closing.stop_requested())
    return; // broken off, and nobody listens any more
  if (!status.isOk()) {
    log(LogLevel::Warning, "serve", "block {}: tuning for {} tokens failed: {}", manifest().block,
        tokens, status.message());
    std::lock_guard<std::mutex> lock(mutex);
    ++counted.tuneFailed;
  }
  ++search.done;
  tell(search.progress, search.done, search.total);
}

Status ServedBlock::findFaster(int64_t tokens, const TuneRequest &request) {
  MOERT_ASSIGN_OR_RETURN(std::optional<TunedVariant> found,
                         source->tune(tokens, request, closing.get_token()));
  if (!found)
    return Status::ok();
  found->maxTokens = std::min(found->maxTokens, mostTokens);
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedPackage> loaded,
                         LoadedPackage::load(openDevice, found->made.package));
  MOERT_ASSIGN_OR_RETURN(bool fits, fitsWorkspace(*found, *loaded));
  if (fits)
    swapIn(*found, std::move(loaded));
  return Status::ok();
}

/// Whether what hosts were told to allocate is enough for every T that the build is to serve.
Result<bool> ServedBlock::fitsWorkspace(const TunedVariant &variant,
                                        const LoadedPackage &package) const {
  for (int64_t tokens = variant.minTokens; tokens <= variant.maxTokens; ++tokens) {
    if (closing.stop_requested())
      return Status(StatusCode::Budget, "tuning was broken off");
    MOERT_ASSIGN_OR_RETURN(uint64_t needed, package.workspaceBytes(tokens));
    MOERT_ASSIGN_OR_RETURN(uint64_t promised, workspaceBytes(tokens));
    if (needed <= promised)
      continue;
    log(LogLevel::Warning, "serve",
        "block {}: the fastest build needs {} bytes of workspace for {} tokens, but hosts of this "
        "block have {}; it serves blocks that are opened from now on",
        manifest().block, needed, tokens, promised);
    return false;
  }
  return true;
}

/// Lets launches of the build's tokens take it; what it replaces stays, as a graph may hold it.
void ServedBlock::swapIn(const TunedVariant &variant,
                         std::shared_ptr<const LoadedPackage> package) {
  std::lock_guard<std::mutex> lock(mutex);
  const TunedTable *former = tuned.load(std::memory_order_relaxed);
  auto table = std::make_unique<TunedTable>(former ? *former : TunedTable());
  std::erase_if(*table, [&](const Tuned &one) {
    return one.minTokens <= variant.maxTokens && variant.minTokens <= one.maxTokens;
  });
  table->push_back({variant.minTokens, variant.maxTokens, package.get()});
  size_t kernels = package->manifest().kernels.size();
  counted.cachedKernels += variant.made.cachedKernels;
  counted.compiledKernels += kernels - variant.made.cachedKernels;
  ++counted.tuned;
  packages.push_back(std::move(package));
  tables.push_back(std::move(table));
  tuned.store(tables.back().get(), std::memory_order_release);
}

} // namespace moert
