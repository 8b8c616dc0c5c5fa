//===- StagedCopy.h - Large copies between host and device ----------------===//
//
// The driver copies pageable memory through a staging buffer with one thread, at 9 GB/s on a host
// whose bus moves 55. Eight threads with pinned buffers of their own reach 52.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CUDA_STAGEDCOPY_H
#define MOEC_RUNTIME_CUDA_STAGEDCOPY_H

#include "runtime/Cuda/Device.h"

#include <cstddef>
#include <memory>
#include <span>

namespace moert::cuda {

/// Whether a copy of so many bytes is worth the threads and the buffers, and the driver has what
/// they need.
bool isStaged(const DriverApi &api, uint64_t bytes);

/// Copy from and to pageable memory; return when done. The device memory holds as many bytes.
Status uploadStaged(const std::shared_ptr<const Device> &device, std::span<const std::byte> host,
                    DevicePtr target);
Status downloadStaged(const std::shared_ptr<const Device> &device, std::span<std::byte> host,
                      DevicePtr source);

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_STAGEDCOPY_H
