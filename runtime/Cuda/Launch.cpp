//===- Launch.cpp - One kernel launch -------------------------------------===//

#include "runtime/Cuda/Launch.h"

namespace moert::cuda {

DriverResult launchKernel(const DriverApi &api, const KernelLaunch &launch, void **parameters,
                          StreamHandle stream) {
  LaunchAttribute attributes[2] = {};
  unsigned count = 0;
  if (launch.cluster[0] * launch.cluster[1] * launch.cluster[2] > 1) {
    attributes[count].id = kLaunchClusterDimension;
    attributes[count].value.cluster = {launch.cluster[0], launch.cluster[1], launch.cluster[2]};
    ++count;
  }
  if (launch.overlapsPrevious) {
    attributes[count].id = kLaunchProgrammaticStreamSerialization;
    attributes[count].value.programmaticStreamSerializationAllowed = 1;
    ++count;
  }
  LaunchConfig config = {launch.grid[0],
                         launch.grid[1],
                         launch.grid[2],
                         launch.block[0],
                         launch.block[1],
                         launch.block[2],
                         launch.dynamicSharedBytes,
                         stream,
                         count ? attributes : nullptr,
                         count};
  return api.cuLaunchKernelEx(&config, launch.function, parameters, nullptr);
}

} // namespace moert::cuda
