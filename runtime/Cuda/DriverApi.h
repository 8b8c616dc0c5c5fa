//===- DriverApi.h - The CUDA driver, loaded at run time ------------------===//

#ifndef MOEC_RUNTIME_CUDA_DRIVERAPI_H
#define MOEC_RUNTIME_CUDA_DRIVERAPI_H

#include "runtime/Cuda/DriverTypes.h"
#include "runtime/Support/Status.h"

#include <string>

namespace moert::cuda {

/// The entry points of libcuda, by their exported names. Immutable once loaded.
struct DriverApi {
#define MOERT_CUDA_SYMBOL(symbol, parameters) DriverResult(*symbol) parameters = nullptr;
#define MOERT_CUDA_OPTIONAL_SYMBOL(symbol, parameters) DriverResult(*symbol) parameters = nullptr;
#include "runtime/Cuda/DriverApi.def"

  std::string path; ///< what was loaded
  int version = 0;  ///< of CUDA that the driver supports, such as 13000

  /// Loads $MOEC_LIBCUDA or libcuda.so.1 and calls cuInit, once in a process; a failure is tried
  /// again by the next call. NoDevice where there is no driver or no device, Toolchain where the
  /// driver lacks a symbol. Thread-safe.
  static Result<const DriverApi *> load();

  /// The error of a driver call as a Status that names the call; Ok for kSuccess.
  Status status(DriverResult result, const char *call) const;
};

} // namespace moert::cuda

/// The Status of a driver call: MOERT_CUDA(api, cuMemFree_v2, address).
#define MOERT_CUDA(api, symbol, ...) (api).status((api).symbol(__VA_ARGS__), #symbol)

#endif // MOEC_RUNTIME_CUDA_DRIVERAPI_H
