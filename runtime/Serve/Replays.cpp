//===- Replays.cpp - Launches that repeat, as CUDA graphs -----------------===//

#include "runtime/Serve/Replays.h"

#include "runtime/Support/Log.h"

#include <algorithm>

namespace moert {

void Replays::keep(size_t launches) {
  std::lock_guard<std::mutex> lock(mutex);
  entries.clear();
  entries.resize(launches);
  for (Entry &entry : entries)
    entry.words.reserve(kKeyHead + kMaxArguments); // remembering a launch must not allocate
  limit.store(launches, std::memory_order_relaxed);
}

Replays::Entry *Replays::find(const Key &key) {
  for (Entry &entry : entries)
    if (entry.hash == key.hash && entry.words.size() == key.count &&
        std::equal(entry.words.begin(), entry.words.end(), key.words.begin()))
      return &entry;
  return nullptr;
}

/// In the place of what was not used for the longest time.
void Replays::remember(const Key &key) {
  auto oldest =
      std::min_element(entries.begin(), entries.end(),
                       [](const Entry &a, const Entry &b) { return a.lastUse < b.lastUse; });
  // A graph that still runs is kept by the driver until it has ended.
  oldest->graph.reset();
  oldest->isPlain = false;
  oldest->words.assign(key.words.begin(), key.words.begin() + key.count);
  oldest->hash = key.hash;
  oldest->lastUse = ++uses;
}

Result<cuda::Graph> Replays::capture(const LoadedPackage &package, int64_t tokens,
                                     std::span<const cuda::DevicePtr> tensors,
                                     cuda::DevicePtr workspace, uint64_t workspaceBytes) {
  cuda::CaptureSafeScope safe(device->api());
  if (!captureStream) {
    MOERT_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::create(device));
    captureStream.emplace(std::move(stream));
  }
  return cuda::Graph::capture(*captureStream, [&] {
    return package.launch(tokens, tensors, workspace, workspaceBytes, captureStream->handle());
  });
}

Status Replays::launch(const LoadedPackage &package, int64_t tokens,
                       std::span<const cuda::DevicePtr> tensors, cuda::DevicePtr workspace,
                       uint64_t workspaceBytes, cuda::StreamHandle stream) {
  auto plain = [&] { return package.launch(tokens, tensors, workspace, workspaceBytes, stream); };
  if (limit.load(std::memory_order_relaxed) == 0 || tensors.size() > kMaxArguments)
    return plain();
  // A graph may be launched by one thread at a time; the others do not wait for it.
  std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
  if (!lock || entries.empty())
    return plain();

  Key key;
  key.words[0] = reinterpret_cast<uint64_t>(&package);
  key.words[1] = static_cast<uint64_t>(tokens);
  key.words[2] = workspace;
  key.words[3] = workspaceBytes;
  key.words[4] = reinterpret_cast<uint64_t>(stream);
  std::copy(tensors.begin(), tensors.end(), key.words.begin() + kKeyHead);
  key.count = kKeyHead + tensors.size();
  key.hash = 0;
  for (size_t i = 0; i < key.count; ++i)
    key.hash = (key.hash ^ key.words[i]) * 0x9E3779B97F4A7C15u; // Fibonacci hashing
  Entry *entry = find(key);
  if (!entry) {
    MOERT_RETURN_IF_ERROR(plain());
    remember(key);
    return Status::ok();
  }
  entry->lastUse = ++uses;
  cuda::ContextScope scope(*device); // the default streams are those of a context
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  cuda::CaptureStatus status = cuda::kCaptureNone;
  if (entry->isPlain || device->api().cuStreamIsCapturing(stream, &status) != cuda::kSuccess ||
      status != cuda::kCaptureNone)
    return plain();
  if (!entry->graph) {
    Result<cuda::Graph> graph = capture(package, tokens, tensors, workspace, workspaceBytes);
    if (!graph) {
      log(LogLevel::Warning, "serve", "a launch is not replayed: {}", graph.status().message());
      entry->isPlain = true;
      return plain();
    }
    entry->graph.emplace(*std::move(graph));
  }
  MOERT_RETURN_IF_ERROR(entry->graph->launch(stream));
  replays.fetch_add(1, std::memory_order_relaxed);
  return Status::ok();
}

} // namespace moert
