//===- BundleChoice.h - The part of a bundle for a device -----------------===//

#ifndef MOEC_RUNTIME_EXEC_BUNDLECHOICE_H
#define MOEC_RUNTIME_EXEC_BUNDLECHOICE_H

#include "runtime/Cuda/Device.h"
#include "runtime/Package/Bundle.h"

namespace moert {

/// Reads the package `path`; of a bundle, the part that serves the device best: machine code before
/// PTX, code of exactly its architecture before code of an older one. NoDevice where no part runs
/// on it. The other parts are not read, apart from their manifests.
Result<Package> readPackageFor(const std::filesystem::path &path,
                               const cuda::DeviceProperties &device);

} // namespace moert

#endif // MOEC_RUNTIME_EXEC_BUNDLECHOICE_H
