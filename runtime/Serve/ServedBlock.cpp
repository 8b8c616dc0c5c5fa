//===- ServedBlock.cpp - A block that is launched while its variants come -===//

#include "runtime/Serve/ServedBlock.h"

#include <fmt/format.h>

#include <algorithm>

namespace moert {

/// Plans and intervals of the whole block. The slots' intervals are set by the caller.
Status ServedBlock::adopt(std::vector<Plan> adopted) {
  plans = std::move(adopted);
  mostTokens = INT64_MAX;
  for (const Plan &plan : plans)
    mostTokens = std::min(mostTokens, greatestTokens(plan.manifest));
  if (mostTokens < 0)
    return Status(StatusCode::InvalidInput, "a tensor of the block is too large even at T = 0");
  for (Plan &plan : plans) {
    MOERT_ASSIGN_OR_RETURN(plan.workspace, WorkspaceNeed::of(plan.manifest, mostTokens));
  }
  return Status::ok();
}

std::shared_ptr<ServedBlock> ServedBlock::of(std::shared_ptr<const LoadedPackage> package) {
  std::shared_ptr<ServedBlock> block(new ServedBlock);
  const std::vector<Variant> &variants = package->manifest().variants;
  block->openDevice = package->device();
  block->replays = std::make_unique<Replays>(block->openDevice);
  // Whatever could fail here failed when the package was loaded.
  std::vector<Plan> plans(1);
  plans[0].manifest = package->manifest();
  (void)block->adopt(std::move(plans));
  block->slotCount = variants.size();
  block->slots = std::make_unique<Slot[]>(variants.size());
  for (size_t i = 0; i < variants.size(); ++i) {
    Slot &slot = block->slots[i];
    slot.minTokens = variants[i].minTokens;
    slot.maxTokens = variants[i].maxTokens;
    slot.deterministic = variants[i].deterministic;
    slot.state = VariantState::Ready;
    slot.ready.store(package.get(), std::memory_order_release);
  }
  block->packages.push_back(std::move(package));
  return block;
}

Result<std::shared_ptr<ServedBlock>> ServedBlock::open(std::shared_ptr<const cuda::Device> device,
                                                       std::unique_ptr<VariantSource> source,
                                                       std::shared_ptr<Workers> workers,
                                                       std::shared_ptr<Workers> tuners) {
  std::shared_ptr<ServedBlock> block(new ServedBlock);
  const std::vector<PlannedVariant> &planned = source->plan();
  std::vector<Plan> plans(planned.size());
  for (size_t i = 0; i < planned.size(); ++i) {
    MOERT_RETURN_IF_ERROR(validate(planned[i].manifest));
    plans[i].manifest = planned[i].manifest;
  }
  MOERT_RETURN_IF_ERROR(block->adopt(std::move(plans)));
  block->slotCount = planned.size();
  block->slots = std::make_unique<Slot[]>(planned.size());
  for (size_t i = 0; i < planned.size(); ++i) {
    Slot &slot = block->slots[i];
    slot.minTokens = planned[i].minTokens;
    slot.maxTokens = planned[i].maxTokens;
    slot.kernels = planned[i].manifest.kernels.size();
    for (const Variant &variant : planned[i].manifest.variants)
      slot.deterministic &= variant.deterministic;
    int64_t last = slot.maxTokens < 0 ? block->mostTokens : slot.maxTokens;
    MOERT_ASSIGN_OR_RETURN(slot.enoughWorkspace,
                           block->workspaceBytes(std::min(last, block->mostTokens)));
  }
  block->openDevice = std::move(device);
  block->replays = std::make_unique<Replays>(block->openDevice);
  block->source = std::move(source);
  block->workers = std::move(workers);
  block->tuners = std::move(tuners);
  return block;
}

ServedBlock::~ServedBlock() {
  closing.request_stop();
  if (tuners)
    tuners->cancel(this);
  if (workers)
    workers->cancel(this);
}

Status ServedBlock::checkTokens(int64_t tokens) const {
  if (tokens >= 0 && tokens <= mostTokens)
    return Status::ok();
  return Status(StatusCode::Usage,
                fmt::format("expects 0 to {} tokens, but got {}", mostTokens, tokens));
}

size_t ServedBlock::slotFor(int64_t tokens) const {
  // There are a handful; the first begins at 0.
  size_t index = slotCount - 1;
  while (index > 0 && slots[index].minTokens > tokens)
    --index;
  return index;
}

const LoadedPackage *ServedBlock::findTuned(int64_t tokens) const {
  const TunedTable *table = tuned.load(std::memory_order_acquire);
  if (!table)
    return nullptr;
  for (const Tuned &one : *table)
    if (tokens >= one.minTokens && tokens <= one.maxTokens)
      return one.package;
  return nullptr;
}

Result<uint64_t> ServedBlock::argumentBytes(size_t index, int64_t tokens) const {
  MOERT_RETURN_IF_ERROR(checkTokens(tokens));
  const std::vector<Argument> &arguments = manifest().arguments;
  if (index >= arguments.size())
    return Status(StatusCode::Usage, fmt::format("expects an argument index below {}, but got {}",
                                                 arguments.size(), index));
  return byteSizeAt(arguments[index].dtype, arguments[index].shape, tokens);
}

Result<uint64_t> ServedBlock::workspaceBytes(int64_t tokens) const {
  MOERT_RETURN_IF_ERROR(checkTokens(tokens));
  uint64_t most = 0;
  for (const Plan &plan : plans) {
    MOERT_ASSIGN_OR_RETURN(uint64_t bytes, plan.workspace.at(plan.manifest, tokens));
    most = std::max(most, bytes);
  }
  return most;
}

ServedBlock::VariantInfo ServedBlock::variant(size_t index) const {
  const Slot &slot = slots[index];
  std::lock_guard<std::mutex> lock(mutex);
  int64_t last = slot.maxTokens < 0 ? mostTokens : std::min(slot.maxTokens, mostTokens);
  return {slot.minTokens, last, slot.deterministic, slot.state};
}

bool ServedBlock::isReady(int64_t tokens) const {
  return checkTokens(tokens).isOk() &&
         (slots[slotFor(tokens)].ready.load(std::memory_order_acquire) || findTuned(tokens));
}

ServeCounters ServedBlock::counters() const {
  std::lock_guard<std::mutex> lock(mutex);
  ServeCounters result = counted;
  result.launches = launches.load(std::memory_order_relaxed);
  result.fallbacks = fallbacks.load(std::memory_order_relaxed);
  result.waits = waits.load(std::memory_order_relaxed);
  result.misses = misses.load(std::memory_order_relaxed);
  result.replays = replays->replayed();
  return result;
}

Status ServedBlock::launch(int64_t tokens, std::span<const cuda::DevicePtr> tensors,
                           cuda::DevicePtr workspace, uint64_t workspaceBytes,
                           cuda::StreamHandle stream) {
  MOERT_RETURN_IF_ERROR(checkTokens(tokens));
  size_t index = slotFor(tokens);
  const LoadedPackage *package = findTuned(tokens);
  if (!package)
    package = slots[index].ready.load(std::memory_order_acquire);
  if (!package) [[unlikely]] {
    MOERT_ASSIGN_OR_RETURN(package, miss(index, tokens, stream));
  }
  // The variant at hand may get by with less; what a launch accepts must not depend on that.
  Slot &slot = slots[index];
  if (workspaceBytes < slot.enoughWorkspace &&
      !slot.sufficed.load(std::memory_order_relaxed).covers(tokens, workspaceBytes)) {
    MOERT_ASSIGN_OR_RETURN(uint64_t needed, this->workspaceBytes(tokens));
    if (workspaceBytes < needed)
      return Status(StatusCode::Usage,
                    fmt::format("expects a workspace of {} bytes for {} tokens, but got {}", needed,
                                tokens, workspaceBytes));
    slot.sufficed.store({tokens, needed}, std::memory_order_relaxed);
  }
  MOERT_RETURN_IF_ERROR(
      replays->launch(*package, tokens, tensors, workspace, workspaceBytes, stream));
  launches.fetch_add(1, std::memory_order_relaxed);
  return Status::ok();
}

} // namespace moert
