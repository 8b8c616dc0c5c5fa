//===- Env.cpp - Every environment variable of the project ----------------===//

#include "runtime/Support/Env.h"

#include <cassert>
#include <cstdlib>

namespace moert {

static constexpr EnvVarInfo kTable[] = {
    {EnvVar::LibCuda, "MOEC_LIBCUDA", "path of the CUDA driver library instead of libcuda.so.1"},
    {EnvVar::Nvrtc, "MOEC_NVRTC",
     "path of libnvrtc.so, or of a folder that holds it (a toolkit's lib64, a site-packages "
     "folder, "
     "a wheel's lib)"},
    {EnvVar::LibOmp, "MOEC_LIBOMP",
     "path of the OpenMP runtime library that runs CPU code in several threads, instead of "
     "libomp.so.5"},
    {EnvVar::CudaHome, "CUDA_HOME", "CUDA toolkit in whose lib64 NVRTC is looked for"},
    {EnvVar::CudaPath, "CUDA_PATH", "the same as CUDA_HOME, read after it"},
    {EnvVar::CacheDir, "MOEC_CACHE_DIR", "folder of the kernel cache"},
    {EnvVar::CachePath, "MOEC_CACHE_PATH",
     "folders, separated by ':', of read-only kernel caches that are searched first"},
    {EnvVar::CacheLimit, "MOEC_CACHE_LIMIT",
     "how much the kernel cache may hold, such as 500M; 0: no limit (default: 5GiB)"},
    {EnvVar::XdgCacheHome, "XDG_CACHE_HOME", "parent of the kernel cache without MOEC_CACHE_DIR"},
    {EnvVar::Home, "HOME", "where ~/.cache lies without XDG_CACHE_HOME"},
    {EnvVar::LibraryPath, "LD_LIBRARY_PATH", "where the loader looks for NVRTC first"},
    {EnvVar::Log, "MOEC_LOG", "what the tools log to stderr: debug, info, warning or error"},
    {EnvVar::Jobs, "MOEC_JOBS", "how many kernels are compiled at once, where -j is not given"},
    {EnvVar::Device, "MOEC_DEVICE", "ordinal of the CUDA device to use, where none is named"},
    {EnvVar::TestPackage, "MOEC_TEST_PACKAGE", "package that the GPU tests launch"},
};

std::span<const EnvVarInfo> environmentTable() { return kTable; }

std::optional<std::string> readEnv(EnvVar variable) {
  const EnvVarInfo &info = kTable[static_cast<size_t>(variable)];
  assert(info.variable == variable && "the table is in the order of the enumeration");
  const char *value = std::getenv(info.name.data());
  if (!value || !*value)
    return std::nullopt;
  return std::string(value);
}

} // namespace moert
