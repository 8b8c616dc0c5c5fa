//===- OpenMpRuntime.h - finding the OpenMP runtime library ---------------===//

#ifndef MOEC_COMPILER_TARGET_CPU_OPENMPRUNTIME_H
#define MOEC_COMPILER_TARGET_CPU_OPENMPRUNTIME_H

#include <string>

namespace moec::cpu {

/// LLVM's OpenMP runtime, loaded on first use and kept for the life of the process. Compiled code
/// finds its functions by name once it is loaded.
class OpenMpRuntime {
public:
  /// Looked for, in this order: MOEC_LIBOMP; `../lib` and the folder of the program and of the
  /// library that holds this code; the loader's own search; the LLVM of the build.
  static const OpenMpRuntime &get();

  bool isLoaded() const { return handle != nullptr; }
  /// Where it was found; without one, where it was looked for.
  const std::string &description() const { return text; }
  /// How many threads the next parallel loop of the calling thread uses; 0 leaves the default.
  void setThreads(unsigned threads) const;
  /// How many threads a parallel loop uses by default: 1 without a runtime.
  unsigned defaultThreads() const;

private:
  OpenMpRuntime();

  void *handle = nullptr;
  std::string text;
};

} // namespace moec::cpu

#endif // MOEC_COMPILER_TARGET_CPU_OPENMPRUNTIME_H
