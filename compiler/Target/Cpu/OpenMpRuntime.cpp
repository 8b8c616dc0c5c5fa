//===- OpenMpRuntime.cpp - finding the OpenMP runtime library -------------===//

#include "compiler/Target/Cpu/OpenMpRuntime.h"

#include "runtime/Support/Env.h"

#include <filesystem>
#include <vector>

#include <dlfcn.h>

using moec::cpu::OpenMpRuntime;

static constexpr const char *kLibraryName = "libomp.so.5";

/// Candidates beside the file at `path`.
static void addNeighbours(const std::filesystem::path &path, std::vector<std::string> &candidates) {
  std::filesystem::path folder = path.parent_path();
  candidates.push_back((folder.parent_path() / "lib" / kLibraryName).string());
  candidates.push_back((folder / kLibraryName).string());
}

OpenMpRuntime::OpenMpRuntime() {
  std::vector<std::string> candidates;
  if (auto given = moert::readEnv(moert::EnvVar::LibOmp)) {
    // A path that was asked for is the only one tried.
    candidates.push_back(*given);
  } else {
    std::error_code error;
    addNeighbours(std::filesystem::read_symlink("/proc/self/exe", error), candidates);
    Dl_info info{};
    if (dladdr(reinterpret_cast<void *>(&OpenMpRuntime::get), &info) && info.dli_fname)
      addNeighbours(std::filesystem::absolute(info.dli_fname, error), candidates);
    candidates.emplace_back(kLibraryName);
    candidates.push_back(std::string(MOEC_LLVM_LIBRARY_DIR "/") + kLibraryName);
  }
  for (const std::string &candidate : candidates) {
    // Global, so that compiled code resolves its calls by name.
    handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle) {
      text = candidate;
      return;
    }
  }
  for (const std::string &candidate : candidates)
    text += (text.empty() ? "" : ", ") + candidate;
}

const OpenMpRuntime &OpenMpRuntime::get() {
  static const OpenMpRuntime runtime;
  return runtime;
}

void OpenMpRuntime::setThreads(unsigned threads) const {
  if (!handle || threads == 0)
    return;
  if (auto set = reinterpret_cast<void (*)(int)>(dlsym(handle, "omp_set_num_threads")))
    set(static_cast<int>(threads));
}

unsigned OpenMpRuntime::defaultThreads() const {
  if (!handle)
    return 1;
  auto count = reinterpret_cast<int (*)()>(dlsym(handle, "omp_get_max_threads"));
  return count ? static_cast<unsigned>(count()) : 1;
}
