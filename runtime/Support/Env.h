//===- Env.h - Every environment variable of the project ------------------===//
//
// The only place that reads the environment. A variable that is not in this table does not exist,
// so `moec env` can print all of them with their meaning.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_ENV_H
#define MOEC_RUNTIME_SUPPORT_ENV_H

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moert {

/// The variables of the table, in its order.
enum class EnvVar {
  LibCuda,      ///< MOEC_LIBCUDA
  Nvrtc,        ///< MOEC_NVRTC
  LibOmp,       ///< MOEC_LIBOMP
  CudaHome,     ///< CUDA_HOME
  CudaPath,     ///< CUDA_PATH
  CacheDir,     ///< MOEC_CACHE_DIR
  CachePath,    ///< MOEC_CACHE_PATH
  CacheLimit,   ///< MOEC_CACHE_LIMIT
  XdgCacheHome, ///< XDG_CACHE_HOME
  Home,         ///< HOME
  LibraryPath,  ///< LD_LIBRARY_PATH
  Log,          ///< MOEC_LOG
  Jobs,         ///< MOEC_JOBS
  Device,       ///< MOEC_DEVICE
  TestPackage,  ///< MOEC_TEST_PACKAGE
};

struct EnvVarInfo {
  EnvVar variable;
  std::string_view name;
  std::string_view description;
};

/// The table of all variables that the project reads.
std::span<const EnvVarInfo> environmentTable();

/// The value of the variable; nothing where it is unset or empty.
std::optional<std::string> readEnv(EnvVar variable);

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_ENV_H
