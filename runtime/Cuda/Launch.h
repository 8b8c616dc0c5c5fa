//===- Launch.h - One kernel launch ---------------------------------------===//

#ifndef MOEC_RUNTIME_CUDA_LAUNCH_H
#define MOEC_RUNTIME_CUDA_LAUNCH_H

#include "runtime/Cuda/DriverApi.h"

#include <array>

namespace moert::cuda {

/// A launch by value.
struct KernelLaunch {
  FunctionHandle function = nullptr;
  std::array<unsigned, 3> grid = {1, 1, 1};
  std::array<unsigned, 3> block = {1, 1, 1};
  std::array<unsigned, 3> cluster = {1, 1, 1};
  unsigned dynamicSharedBytes = 0;
  /// Programmatic dependent launch: may start while the kernel before it still runs.
  bool overlapsPrevious = false;
};

/// Puts the kernel on the stream; `parameters` points to each parameter. Allocates nothing.
DriverResult launchKernel(const DriverApi &api, const KernelLaunch &launch, void **parameters,
                          StreamHandle stream);

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_LAUNCH_H
