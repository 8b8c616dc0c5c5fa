//===- Memory.cpp - Device memory that frees itself -----------------------===//

#include "runtime/Cuda/Memory.h"

#include "runtime/Cuda/StagedCopy.h"

#include <fmt/format.h>

namespace moert::cuda {

Result<DeviceMemory> DeviceMemory::allocate(std::shared_ptr<const Device> device, uint64_t bytes) {
  DeviceMemory memory;
  memory.device = std::move(device);
  if (bytes == 0)
    return memory;
  const DriverApi &api = memory.device->api();
  ContextScope scope(*memory.device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  CaptureSafeScope safe(api);
  if (Status status = MOERT_CUDA(api, cuMemAlloc_v2, &memory.pointer, bytes); !status.isOk())
    return std::move(status).withContext(fmt::format("allocating {} bytes", bytes));
  memory.size = bytes;
  return memory;
}

DeviceMemory::~DeviceMemory() {
  if (!pointer)
    return;
  ContextScope scope(*device);
  CaptureSafeScope safe(device->api());
  if (scope.status().isOk())
    device->api().cuMemFree_v2(pointer);
}

Status DeviceMemory::checkRange(uint64_t offset, uint64_t count) const {
  if (offset <= size && count <= size - offset)
    return Status::ok();
  return Status(StatusCode::Usage,
                fmt::format("expects a range within {} bytes of device memory, but "
                            "got {} at offset {}",
                            size, count, offset));
}

Status DeviceMemory::upload(std::span<const std::byte> host, uint64_t offset) const {
  MOERT_RETURN_IF_ERROR(checkRange(offset, host.size()));
  if (host.empty())
    return Status::ok();
  // Where that fails, as without pinned memory to spare, the driver's own copy has the last word.
  if (isStaged(device->api(), host.size()) && uploadStaged(device, host, pointer + offset).isOk())
    return Status::ok();
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(device->api(), cuMemcpyHtoD_v2, pointer + offset, host.data(), host.size()));
  // From pageable memory the call returns when the bytes are staged. A stream that does not wait
  // for the legacy stream could start before they have arrived.
  return MOERT_CUDA(device->api(), cuStreamSynchronize, nullptr);
}

Status DeviceMemory::download(std::span<std::byte> host, uint64_t offset) const {
  MOERT_RETURN_IF_ERROR(checkRange(offset, host.size()));
  if (host.empty())
    return Status::ok();
  if (isStaged(device->api(), host.size()) && downloadStaged(device, host, pointer + offset).isOk())
    return Status::ok();
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  return MOERT_CUDA(device->api(), cuMemcpyDtoH_v2, host.data(), pointer + offset, host.size());
}

Status DeviceMemory::fill(unsigned char value, uint64_t offset, uint64_t count,
                          StreamHandle stream) const {
  MOERT_RETURN_IF_ERROR(checkRange(offset, count));
  if (count == 0)
    return Status::ok();
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  return MOERT_CUDA(device->api(), cuMemsetD8Async, pointer + offset, value, count, stream);
}

} // namespace moert::cuda
