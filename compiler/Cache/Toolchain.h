//===- Toolchain.h - NVRTC, loaded when something must be compiled ----------===//

#ifndef MOEC_COMPILER_CACHE_TOOLCHAIN_H
#define MOEC_COMPILER_CACHE_TOOLCHAIN_H

#include "runtime/Cache/Cache.h"
#include "runtime/Jit/NvrtcCompiler.h"

#include <mutex>

namespace moec {

/// The NVRTC of this machine. Its version is part of every key, but asking it takes loading it,
/// which costs more than a hit. So whoever loads it leaves a note in the cache: for the settings
/// that decide which library is found, the file that was, its size and time, and its version. A
/// note whose file is still the same saves the next process the loading. Thread-safe.
class Toolchain {
public:
  explicit Toolchain(std::shared_ptr<moert::Cache> cache) : cache(std::move(cache)) {}

  /// "13.0.88"; empty where there is no NVRTC. Changes where a note turns out to be about another
  /// library than the one that was loaded in the end.
  std::string version();
  /// Loads NVRTC, once. Toolchain failure where there is none; the next call looks again.
  moert::Result<const moert::NvrtcCompiler *> compiler();
  /// Seconds that loading took; 0 where it was not needed.
  double loadSeconds();

private:
  void load();
  bool takeNote(const moert::Entry &note);
  void readNote();
  void writeNote();

  std::shared_ptr<moert::Cache> cache; ///< null: without notes
  std::mutex mutex;
  std::optional<std::string> known;
  std::string notedPath; ///< of the library that `known` is about; empty: not from a note
  std::optional<moert::Result<moert::NvrtcCompiler>> loaded;
  double seconds = 0;
};

} // namespace moec

#endif // MOEC_COMPILER_CACHE_TOOLCHAIN_H
