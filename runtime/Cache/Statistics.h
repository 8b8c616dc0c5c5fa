//===- Statistics.h - Counters of a cache ---------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_STATISTICS_H
#define MOEC_RUNTIME_CACHE_STATISTICS_H

#include "runtime/Cache/Store.h"

#include <array>

namespace moert {

/// What happened. In a process: since the cache was opened; in the store: since it was cleared.
struct CacheCounters {
  uint64_t packageHits = 0; ///< no lowering and no kernel was needed
  uint64_t packageMisses = 0;
  uint64_t kernelHits = 0;
  uint64_t kernelMisses = 0;
  uint64_t compiles = 0;     ///< kernels that NVRTC compiled
  uint64_t memoryHits = 0;   ///< hits that did not read a file
  uint64_t stored = 0;       ///< entries published
  uint64_t alreadyThere = 0; ///< entries that another process had published meanwhile
  uint64_t notStored = 0;    ///< entries that the file system did not take
  uint64_t damaged = 0;      ///< entries moved to quarantine
  uint64_t evicted = 0;      ///< entries removed for the limit

  struct Field {
    const char *name;
    uint64_t CacheCounters::*member;
  };
  /// All of them in order, with the names that files and tools use.
  static const std::array<Field, 11> &fields();
  CacheCounters &operator+=(const CacheCounters &other);
};

/// The counters of a store and an estimate of its size, which saves counting files to notice that
/// it has outgrown its limit. Both are hints: a store without the file, or with a damaged one,
/// starts with counters of zero, and with a size that is counted.
struct Statistics {
  CacheCounters counters;
  uint64_t bytes = 0;
};

Statistics readStatistics(const Store &store);
/// Adds and returns the sum, `bytes` being those that were stored; `setBytes` replaces the estimate
/// instead. Nothing happens where the store cannot be written.
Statistics addStatistics(const Store &store, const CacheCounters &counters, uint64_t bytes,
                         bool setBytes = false);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_STATISTICS_H
