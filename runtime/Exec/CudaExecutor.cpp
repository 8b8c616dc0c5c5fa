//===- CudaExecutor.cpp - Running a package with memory of its own --------===//

#include "runtime/Exec/CudaExecutor.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace moert {

/// Guard bytes on each side; a multiple of the workspace alignment.
static constexpr uint64_t kGuardBytes = 4096;
static constexpr unsigned char kGuardByte = 0xA5;
static constexpr unsigned char kPoisonByte = 0xFF;

Result<CudaExecutor> CudaExecutor::create(std::shared_ptr<const LoadedPackage> package,
                                          int64_t tokens) {
  std::shared_ptr<const cuda::Device> device = package->device();
  MOERT_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::create(device));
  CudaExecutor executor(package, tokens, std::move(stream));
  MOERT_RETURN_IF_ERROR(executor.resize(tokens));
  return executor;
}

Status CudaExecutor::resize(int64_t tokens) {
  const std::vector<Argument> &arguments = loaded->manifest().arguments;
  tokenCount = tokens;
  blocks.resize(arguments.size() + 1);
  addresses.resize(blocks.size());
  std::vector<uint64_t> sizes(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(sizes[i], i < arguments.size() ? loaded->argumentBytes(i, tokens)
                                                          : loaded->workspaceBytes(tokens));
    if (blocks[i].bytes != sizes[i])
      blocks[i] = {}; // everything that goes is freed before anything is allocated
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].memory.bytes() != 0)
      continue;
    Result<cuda::DeviceMemory> memory =
        cuda::DeviceMemory::allocate(loaded->device(), sizes[i] + 2 * kGuardBytes);
    if (!memory)
      return std::move(memory).status().withContext(
          i < arguments.size() ? fmt::format("tensor '{}'", arguments[i].name) : "the workspace");
    MOERT_RETURN_IF_ERROR(
        memory->fill(kGuardByte, 0, memory->bytes(), executionStream.handle()));
    addresses[i] = memory->address() + kGuardBytes;
    blocks[i] = {*std::move(memory), sizes[i]};
  }
  MOERT_RETURN_IF_ERROR(poison());
  return synchronize();
}

Status CudaExecutor::checkSize(size_t index, uint64_t bytes) const {
  const std::vector<Argument> &arguments = loaded->manifest().arguments;
  if (index >= arguments.size())
    return Status(StatusCode::Usage, fmt::format("expects an argument index below {}, but got {}",
                                                 arguments.size(), index));
  if (bytes != blocks[index].bytes)
    return Status(StatusCode::Usage,
                  fmt::format("expects {} bytes for tensor '{}', but got {}", blocks[index].bytes,
                              arguments[index].name, bytes));
  return Status::ok();
}

Status CudaExecutor::upload(size_t index, std::span<const std::byte> host) {
  MOERT_RETURN_IF_ERROR(checkSize(index, host.size()));
  MOERT_RETURN_IF_ERROR(synchronize());
  return blocks[index].memory.upload(host, kGuardBytes);
}

Status CudaExecutor::download(size_t index, std::span<std::byte> host) {
  MOERT_RETURN_IF_ERROR(checkSize(index, host.size()));
  MOERT_RETURN_IF_ERROR(synchronize());
  return blocks[index].memory.download(host, kGuardBytes);
}

Status CudaExecutor::poison() {
  const std::vector<Argument> &arguments = loaded->manifest().arguments;
  for (size_t i = 0; i < blocks.size(); ++i)
    if (i == arguments.size() || arguments[i].isOutput)
      MOERT_RETURN_IF_ERROR(blocks[i].memory.fill(kPoisonByte, kGuardBytes, blocks[i].bytes,
                                                  executionStream.handle()));
  return Status::ok();
}

Status CudaExecutor::launch() {
  return loaded->launch(tokenCount, std::span(addresses).first(addresses.size() - 1),
                        addresses.back(), blocks.back().bytes, executionStream.handle());
}

Status CudaExecutor::synchronize() { return executionStream.synchronize(); }

Status CudaExecutor::runAsGraph() {
  MOERT_ASSIGN_OR_RETURN(cuda::Graph graph,
                         cuda::Graph::capture(executionStream, [&] { return launch(); }));
  MOERT_RETURN_IF_ERROR(graph.launch(executionStream));
  return synchronize();
}

Status CudaExecutor::checkGuards() {
  MOERT_RETURN_IF_ERROR(synchronize());
  const std::vector<Argument> &arguments = loaded->manifest().arguments;
  std::vector<std::byte> guard(kGuardBytes);
  for (size_t i = 0; i < blocks.size(); ++i)
    for (bool behind : {false, true}) {
      MOERT_RETURN_IF_ERROR(
          blocks[i].memory.download(guard, behind ? kGuardBytes + blocks[i].bytes : 0));
      auto changed = std::find_if(guard.begin(), guard.end(),
                                  [](std::byte byte) { return byte != std::byte(kGuardByte); });
      if (changed != guard.end())
        return Status(StatusCode::Mismatch,
                      fmt::format("a kernel wrote {} {}, at byte {} of the guard",
                                  behind ? "behind" : "before",
                                  i < arguments.size()
                                      ? fmt::format("tensor '{}'", arguments[i].name)
                                      : "the workspace",
                                  changed - guard.begin()));
    }
  return Status::ok();
}

Result<std::vector<float>> CudaExecutor::measure(const MeasureOptions &options) {
  std::shared_ptr<const cuda::Device> device = loaded->device();
  cuda::DeviceMemory flush;
  if (options.flushL2) {
    MOERT_ASSIGN_OR_RETURN(flush,
                           cuda::DeviceMemory::allocate(device, 2 * device->properties().l2Bytes));
  }
  std::optional<cuda::Graph> graph;
  if (options.useGraph) {
    MOERT_ASSIGN_OR_RETURN(cuda::Graph captured,
                           cuda::Graph::capture(executionStream, [&] { return launch(); }));
    graph.emplace(std::move(captured));
  }
  auto runOnce = [&] { return graph ? graph->launch(executionStream) : launch(); };

  for (unsigned i = 0; i < options.warmups; ++i)
    MOERT_RETURN_IF_ERROR(runOnce());
  std::vector<cuda::Event> begins, ends;
  for (unsigned i = 0; i < options.repeats; ++i) {
    MOERT_ASSIGN_OR_RETURN(cuda::Event begin, cuda::Event::create(device));
    MOERT_ASSIGN_OR_RETURN(cuda::Event end, cuda::Event::create(device));
    MOERT_RETURN_IF_ERROR(flush.fill(0, 0, flush.bytes(), executionStream.handle()));
    MOERT_RETURN_IF_ERROR(begin.record(executionStream));
    MOERT_RETURN_IF_ERROR(runOnce());
    MOERT_RETURN_IF_ERROR(end.record(executionStream));
    begins.push_back(std::move(begin));
    ends.push_back(std::move(end));
  }
  MOERT_RETURN_IF_ERROR(synchronize());
  std::vector<float> milliseconds;
  for (size_t i = 0; i < begins.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(float elapsed, ends[i].millisecondsSince(begins[i]));
    milliseconds.push_back(elapsed);
  }
  return milliseconds;
}

} // namespace moert
