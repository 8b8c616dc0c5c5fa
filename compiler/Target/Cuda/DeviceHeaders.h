//===- DeviceHeaders.h - the device code inside the binary ----------------===//
//
// Generated sources include compiler/Device/moe as "moe/...". The files are embedded at build time,
// so that NVRTC finds them with no file system.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TARGET_CUDA_DEVICEHEADERS_H
#define MOEC_COMPILER_TARGET_CUDA_DEVICEHEADERS_H

#include "runtime/Jit/NvrtcCompiler.h"

#include <span>

namespace moec {

/// Every device header, by the name that it is included by, sorted.
std::span<const moert::SourceHeader> embeddedDeviceHeaders();

} // namespace moec

#endif // MOEC_COMPILER_TARGET_CUDA_DEVICEHEADERS_H
