//===- CachedCompiler.h - the one door to NVRTC -----------------------------===//
//
// Whatever needs compiled kernels (the engine, a tuner) asks this object, and gets them from the
// cache or from NVRTC without having to know which. NVRTC is loaded by the first kernel that is
// nowhere.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_CACHE_CACHEDCOMPILER_H
#define MOEC_COMPILER_CACHE_CACHEDCOMPILER_H

#include "compiler/Cache/Toolchain.h"
#include "runtime/Cache/Cache.h"
#include "runtime/Package/PackageIO.h"

#include <atomic>

namespace moec {

/// Thread-safe.
class CachedCompiler {
public:
  /// Without a cache everything is compiled. `strict`: nothing is, and what is missing fails with
  /// CacheMiss.
  explicit CachedCompiler(std::shared_ptr<moert::Cache> cache = nullptr, bool strict = false)
      : cache(std::move(cache)), strict(strict), tools(this->cache) {}

  struct Kernel {
    moert::CompiledKernel compiled;
    bool wasCached = false;
  };
  /// Called with the kernels done; one call at a time, from any thread.
  using Progress = std::function<void(size_t done, size_t total)>;

  /// The kernels of all requests in order, on up to `jobs` threads (0: one for each core).
  std::vector<moert::Result<Kernel>> compileAll(std::span<const moert::CompileRequest> requests,
                                                unsigned jobs, const Progress &progress = nullptr);

  struct Package {
    moert::Package package;
    std::vector<std::string> warnings; ///< what NVRTC said when it was compiled
  };
  /// A package by what it is compiled from; see VariantKey.h. Nothing where it is not cached.
  std::optional<Package> findPackage(const moert::CacheKey &key);
  /// Keeps a package; nothing happens where NVRTC's version is unknown.
  void keepPackage(const moert::CacheKey &key, const Package &package);

  /// NVRTC's version, as it goes into keys; empty where there is no NVRTC.
  std::string toolVersion() { return tools.version(); }
  double loadSeconds() { return tools.loadSeconds(); }
  /// Without a cache: all zero but for the compiles.
  moert::CacheCounters counters() const;
  /// Null where there is none.
  moert::Cache *storage() const { return cache.get(); }
  bool isStrict() const { return strict; }

private:
  std::vector<moert::Result<Kernel>> compileAs(const std::string &version,
                                               std::span<const moert::CompileRequest> requests,
                                               unsigned jobs, const Progress &progress);
  moert::Result<moert::CompiledKernel> compileOne(const moert::CompileRequest &request,
                                                  const moert::CacheKey *key);

  std::shared_ptr<moert::Cache> cache;
  bool strict;
  Toolchain tools;
  std::atomic<uint64_t> compiles{0}; ///< where there is no cache to count them
};

} // namespace moec

#endif // MOEC_COMPILER_CACHE_CACHEDCOMPILER_H
