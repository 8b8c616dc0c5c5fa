//===- DriverApi.cpp - The CUDA driver, loaded at run time ----------------===//

#include "runtime/Cuda/DriverApi.h"

#include "runtime/Support/Env.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <memory>
#include <mutex>

#include <dlfcn.h>

namespace moert::cuda {

/// Loads the library and initialises the driver.
static Result<std::unique_ptr<DriverApi>> loadDriver() {
  std::string path = readEnv(EnvVar::LibCuda).value_or("libcuda.so.1");
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return Status(StatusCode::NoDevice, fmt::format("no CUDA driver: {}", dlerror()));

  auto api = std::make_unique<DriverApi>();
  api->path = path;
#define MOERT_CUDA_OPTIONAL_SYMBOL(symbol, parameters)                                             \
  api->symbol = reinterpret_cast<decltype(api->symbol)>(dlsym(library, #symbol));
#define MOERT_CUDA_SYMBOL(symbol, parameters)                                                      \
  MOERT_CUDA_OPTIONAL_SYMBOL(symbol, parameters)                                                   \
  if (!api->symbol)                                                                                \
    return Status(StatusCode::Toolchain,                                                           \
                  fmt::format("'{}' has no symbol {}; expects the driver of CUDA 11.8 or newer",   \
                              path, #symbol));
#include "runtime/Cuda/DriverApi.def"

  MOERT_RETURN_IF_ERROR(MOERT_CUDA(*api, cuInit, 0));
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(*api, cuDriverGetVersion, &api->version));
  log(LogLevel::Debug, "cuda", "loaded {}, CUDA {}.{}", path, api->version / 1000,
      api->version % 1000 / 10);
  return api;
}

Result<const DriverApi *> DriverApi::load() {
  // Never unloaded: the driver keeps threads and contexts until the process ends.
  static std::mutex mutex;
  static const DriverApi *loaded = nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (!loaded) {
    MOERT_ASSIGN_OR_RETURN(std::unique_ptr<DriverApi> api, loadDriver());
    loaded = api.release();
  }
  return loaded;
}

Status DriverApi::status(DriverResult result, const char *call) const {
  if (result == kSuccess)
    return Status::ok();
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(result, &name);
  cuGetErrorString(result, &text);
  StatusCode code = StatusCode::Toolchain;
  if (result == kErrorNoDevice || result == kErrorInvalidDevice)
    code = StatusCode::NoDevice;
  else if (result == kErrorOutOfMemory)
    code = StatusCode::Budget;
  return Status(code, fmt::format("{} failed: {} ({}){}{}", call, name ? name : "CUDA error",
                                  static_cast<int>(result), text ? ", " : "", text ? text : ""));
}

} // namespace moert::cuda
