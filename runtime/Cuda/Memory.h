//===- Memory.h - Device memory that frees itself -------------------------===//

#ifndef MOEC_RUNTIME_CUDA_MEMORY_H
#define MOEC_RUNTIME_CUDA_MEMORY_H

#include "runtime/Cuda/Device.h"

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace moert::cuda {

/// A block of device memory. For tools and tests: the launch path gets its memory from the caller.
class DeviceMemory {
public:
  DeviceMemory() = default;
  /// Allocates; 0 bytes give a null address. Budget failure where the device has too little memory.
  static Result<DeviceMemory> allocate(std::shared_ptr<const Device> device, uint64_t bytes);

  DeviceMemory(DeviceMemory &&other) noexcept { *this = std::move(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(pointer, other.pointer);
    std::swap(size, other.size);
    return *this;
  }
  ~DeviceMemory();

  DevicePtr address() const { return pointer; }
  uint64_t bytes() const { return size; }

  /// Copies to the device at `offset`; returns when done.
  Status upload(std::span<const std::byte> host, uint64_t offset = 0) const;
  /// Copies from the device at `offset`; returns when done. Waits for nothing else.
  Status download(std::span<std::byte> host, uint64_t offset = 0) const;
  /// Sets bytes on a stream.
  Status fill(unsigned char value, uint64_t offset, uint64_t count, StreamHandle stream) const;

private:
  Status checkRange(uint64_t offset, uint64_t count) const;
  std::shared_ptr<const Device> device;
  DevicePtr pointer = 0;
  uint64_t size = 0;
};

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_MEMORY_H
