//===- EmbeddedHeaders.h - the device headers inside the binary -------------===//
//
// Generated kernels include the headers of this folder. They are part of the program, so that it
// compiles kernels wherever it is carried and the sources cannot differ from the emitter.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_DEVICE_EMBEDDEDHEADERS_H
#define MOEC_COMPILER_DEVICE_EMBEDDEDHEADERS_H

#include "runtime/Jit/NvrtcCompiler.h"

#include <span>

namespace moec {

/// Every .cuh below compiler/Device by the name that sources include it by ("moe/common/math.cuh"),
/// sorted by name.
std::span<const moert::SourceHeader> deviceHeaders();

} // namespace moec

#endif // MOEC_COMPILER_DEVICE_EMBEDDEDHEADERS_H
