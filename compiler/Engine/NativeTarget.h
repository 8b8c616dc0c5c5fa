//===- NativeTarget.h - The architecture to compile for on a device ---------===//

#ifndef MOEC_COMPILER_ENGINE_NATIVETARGET_H
#define MOEC_COMPILER_ENGINE_NATIVETARGET_H

#include "runtime/Cuda/Device.h"

#include <string>

namespace moec {

/// The CUDA architecture to compile for on a device: its own, with the suffix `a` where there are
/// schedules for it, as its instructions are those of the fastest kernels.
std::string nativeTarget(const moert::cuda::DeviceProperties &device);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_NATIVETARGET_H
