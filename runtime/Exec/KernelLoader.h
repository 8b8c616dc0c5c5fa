//===- KernelLoader.h - From the code of a package to functions on a device -===//

#ifndef MOEC_RUNTIME_EXEC_KERNELLOADER_H
#define MOEC_RUNTIME_EXEC_KERNELLOADER_H

#include "runtime/Cuda/Module.h"
#include "runtime/Package/PackageIO.h"

#include <vector>

namespace moert {

/// The kernels of a package on a device.
struct LoadedKernels {
  std::vector<cuda::Module> modules;
  std::vector<cuda::FunctionHandle> functions; ///< parallel to Manifest::kernels
};

/// Which form of a kernel a device runs.
enum class CodeForm { Cubin, Ptx };

/// The form to load on a device of compute capability `ccMajor`.`ccMinor`; NoDevice where it runs
/// neither. Architecture-specific code (suffix a) runs on exactly its architecture; a generic cubin
/// on its major version from its minor version on; generic PTX, which the driver compiles, on every
/// later architecture.
Result<CodeForm> chooseForm(const Architecture &target, std::string_view targetName, int ccMajor,
                            int ccMinor, bool hasCubin, bool hasPtx);

/// Loads all kernels, checks them against the manifest (entry, parameters, threads, shared memory)
/// and grants them the shared memory that their launches ask for.
Result<LoadedKernels> loadKernels(const std::shared_ptr<const cuda::Device> &device,
                                  const Package &package);

} // namespace moert

#endif // MOEC_RUNTIME_EXEC_KERNELLOADER_H
