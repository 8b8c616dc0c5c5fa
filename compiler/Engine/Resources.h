//===- Resources.h - what a kernel takes of a multiprocessor ----------------===//

#ifndef MOEC_COMPILER_ENGINE_RESOURCES_H
#define MOEC_COMPILER_ENGINE_RESOURCES_H

#include "runtime/Jit/NvrtcCompiler.h"
#include "runtime/Package/Manifest.h"

namespace moec {

/// Writes the assembler's report on a kernel into its `record` of the manifest: registers, spills,
/// static shared memory. Toolchain failure where there is none.
moert::Status takeResources(const moert::CompiledKernel &kernel, moert::Kernel &record);

/// Toolchain failure where a kernel of wgmma spills: the register budget of its consumers is spent
/// to the last one, and what spills there is slow beyond use. Only these kernels have tensor maps.
moert::Status checkSpills(const moert::Kernel &record);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_RESOURCES_H
