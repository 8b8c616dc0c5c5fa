//===- NvrtcApi.cpp - NVRTC, loaded at run time ---------------------------===//

#include "runtime/Jit/NvrtcApi.h"

#include "runtime/Support/Env.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <vector>

#include <dlfcn.h>
#include <link.h>

namespace fs = std::filesystem;

namespace moert::nvrtc {

/// Newest first; the plain name comes with a toolkit's development files.
static constexpr const char *kSonames[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};

/// Where libraries lie below a folder that the user names: in it, in a toolkit's lib64, in the PyPI
/// wheels nvidia-cuda-nvrtc (CUDA 13) and nvidia-cuda-nvrtc-cu12 below a site-packages folder.
static constexpr const char *kSubfolders[] = {
    "", "lib64", "lib", "nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib", "cu13/lib", "cuda_nvrtc/lib"};

static void addFolder(const fs::path &folder, std::vector<std::string> &candidates) {
  for (const char *subfolder : kSubfolders)
    for (const char *soname : kSonames) {
      fs::path file = *subfolder ? folder / subfolder / soname : folder / soname;
      std::error_code error;
      if (fs::exists(file, error))
        candidates.push_back(file.string());
    }
}

/// The path that the loader chose for a library.
static std::string resolvedPath(void *library, const std::string &name) {
  link_map *map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name && *map->l_name)
    return map->l_name;
  return name;
}

Result<NvrtcApi> NvrtcApi::load() {
  std::vector<std::string> candidates;
  std::vector<std::string> places;
  if (std::optional<std::string> named = readEnv(EnvVar::Nvrtc)) {
    // A place that the user names is the only one: falling back would hide a typing error.
    places.push_back("MOEC_NVRTC=" + *named);
    std::error_code error;
    if (fs::is_directory(*named, error))
      addFolder(*named, candidates);
    else
      candidates.push_back(*named);
  } else {
    for (const char *soname : kSonames) {
      candidates.push_back(soname);
      places.push_back(soname);
    }
    for (EnvVar variable : {EnvVar::CudaHome, EnvVar::CudaPath})
      if (std::optional<std::string> home = readEnv(variable)) {
        addFolder(*home, candidates);
        places.push_back(*home);
      }
    addFolder("/usr/local/cuda", candidates);
    places.push_back("/usr/local/cuda");
  }

  void *library = nullptr;
  std::string name, reason;
  for (const std::string &candidate : candidates) {
    library = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library) {
      name = candidate;
      break;
    }
    // The first reason is that of the newest library.
    if (reason.empty())
      reason = dlerror();
  }
  if (!library)
    return Status(StatusCode::Toolchain,
                  fmt::format("NVRTC not found (looked for {}{}); install the CUDA toolkit or the "
                              "PyPI package nvidia-cuda-nvrtc, and set MOEC_NVRTC to its folder",
                              fmt::join(places, ", "), reason.empty() ? "" : "; " + reason));

  NvrtcApi api;
  api.path = resolvedPath(library, name);
#define MOERT_NVRTC_SYMBOL(symbol, parameters)                                                     \
  api.symbol = reinterpret_cast<decltype(api.symbol)>(dlsym(library, #symbol));                    \
  if (!api.symbol)                                                                                 \
    return Status(StatusCode::Toolchain, fmt::format("'{}' has no symbol {}", api.path, #symbol));
#include "runtime/Jit/NvrtcApi.def"
  api.nvrtcGetErrorString =
      reinterpret_cast<decltype(api.nvrtcGetErrorString)>(dlsym(library, "nvrtcGetErrorString"));
  if (!api.nvrtcGetErrorString)
    return Status(StatusCode::Toolchain,
                  fmt::format("'{}' has no symbol nvrtcGetErrorString", api.path));
  log(LogLevel::Debug, "jit", "loaded {}", api.path);
  return api;
}

} // namespace moert::nvrtc
