//===- NativeTarget.cpp - The architecture to compile for on a device -------===//
//
// A file of its own: libmoec links it without the runners that the tools need.
//
//===----------------------------------------------------------------------===//

#include "compiler/Engine/NativeTarget.h"

#include "compiler/Pipelines/Pipelines.h"

#include <fmt/format.h>

namespace moec {

std::string nativeTarget(const moert::cuda::DeviceProperties &device) {
  std::string generic = fmt::format("sm_{}{}", device.ccMajor, device.ccMinor);
  return checkTarget(generic + "a").isOk() ? generic + "a" : generic;
}

} // namespace moec
