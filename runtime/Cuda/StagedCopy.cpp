//===- StagedCopy.cpp - Large copies between host and device --------------===//

#include "runtime/Cuda/StagedCopy.h"

#include "runtime/Cuda/Stream.h"
#include "runtime/Support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

namespace moert::cuda {

/// Below that the buffers cost more than they save.
static constexpr uint64_t kLeastBytes = uint64_t{32} << 20;
static constexpr uint64_t kChunkBytes = uint64_t{1} << 20;
static constexpr unsigned kMostThreads = 8;

namespace {

/// Pinned memory that one copy at a time goes through.
class Buffer {
public:
  static Result<Buffer> create(const std::shared_ptr<const Device> &device) {
    MOERT_ASSIGN_OR_RETURN(Stream stream, Stream::create(device));
    void *memory = nullptr;
    CaptureSafeScope safe(device->api());
    MOERT_RETURN_IF_ERROR(MOERT_CUDA(device->api(), cuMemHostAlloc, &memory, kChunkBytes, 0u));
    return Buffer(std::move(stream), memory);
  }
  Buffer(Buffer &&other) noexcept
      : stream(std::move(other.stream)), memory(std::exchange(other.memory, nullptr)) {}
  ~Buffer() {
    if (!memory)
      return;
    (void)stream.synchronize();
    stream.device()->api().cuMemFreeHost(memory);
  }

  /// Fills the buffer once the copy before is through, and sends it on its way.
  Status upload(std::span<const std::byte> host, DevicePtr target) {
    MOERT_RETURN_IF_ERROR(stream.synchronize());
    std::memcpy(memory, host.data(), host.size());
    const DriverApi &api = stream.device()->api();
    return MOERT_CUDA(api, cuMemcpyHtoDAsync_v2, target, memory, host.size(), stream.handle());
  }
  /// Begins to fill the buffer; `take` gets what it asked for.
  Status download(std::span<std::byte> host, DevicePtr source) {
    MOERT_RETURN_IF_ERROR(take());
    pending = host;
    const DriverApi &api = stream.device()->api();
    return MOERT_CUDA(api, cuMemcpyDtoHAsync_v2, memory, source, host.size(), stream.handle());
  }
  Status take() {
    MOERT_RETURN_IF_ERROR(stream.synchronize());
    if (!pending.empty())
      std::memcpy(pending.data(), memory, pending.size());
    pending = {};
    return Status::ok();
  }

private:
  Buffer(Stream stream, void *memory) : stream(std::move(stream)), memory(memory) {}
  Stream stream;
  void *memory;
  std::span<std::byte> pending;
};

} // namespace

bool isStaged(const DriverApi &api, uint64_t bytes) {
  return bytes >= kLeastBytes && api.cuMemHostAlloc && api.cuMemFreeHost &&
         api.cuMemcpyHtoDAsync_v2 && api.cuMemcpyDtoHAsync_v2;
}

/// Calls `copy(buffer, offset, size)` for chunks of [0, bytes) from several threads, each with two
/// buffers in turn, and takes what is left in them.
template <class CopyT>
static Status copyChunks(const std::shared_ptr<const Device> &device, uint64_t bytes, CopyT copy) {
  std::atomic<uint64_t> next{0};
  auto work = [&]() -> Status {
    ContextScope scope(*device);
    MOERT_RETURN_IF_ERROR(Status(scope.status()));
    MOERT_ASSIGN_OR_RETURN(Buffer first, Buffer::create(device));
    MOERT_ASSIGN_OR_RETURN(Buffer second, Buffer::create(device));
    Buffer *const buffers[] = {&first, &second};
    size_t turn = 0;
    for (uint64_t offset; (offset = next.fetch_add(kChunkBytes)) < bytes; turn ^= 1)
      MOERT_RETURN_IF_ERROR(copy(*buffers[turn], offset, std::min(kChunkBytes, bytes - offset)));
    MOERT_RETURN_IF_ERROR(buffers[turn]->take());
    return buffers[turn ^ 1]->take();
  };
  unsigned count = std::min(resolveThreads(0), kMostThreads);
  std::vector<Status> results(count, Status::ok());
  parallelFor(count, 1, count, [&](int64_t i, int64_t) { results[i] = work(); });
  for (Status &result : results)
    MOERT_RETURN_IF_ERROR(std::move(result));
  return Status::ok();
}

Status uploadStaged(const std::shared_ptr<const Device> &device, std::span<const std::byte> host,
                    DevicePtr target) {
  return copyChunks(device, host.size(), [&](Buffer &buffer, uint64_t offset, uint64_t size) {
    return buffer.upload(host.subspan(offset, size), target + offset);
  });
}

Status downloadStaged(const std::shared_ptr<const Device> &device, std::span<std::byte> host,
                      DevicePtr source) {
  return copyChunks(device, host.size(), [&](Buffer &buffer, uint64_t offset, uint64_t size) {
    return buffer.download(host.subspan(offset, size), source + offset);
  });
}

} // namespace moert::cuda
