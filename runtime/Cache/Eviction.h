//===- Eviction.h - Keeping a cache below its limit -----------------------===//

#ifndef MOEC_RUNTIME_CACHE_EVICTION_H
#define MOEC_RUNTIME_CACHE_EVICTION_H

#include "runtime/Cache/Store.h"

namespace moert {

struct EvictionReport {
  uint64_t keptEntries = 0, keptBytes = 0;
  uint64_t removedEntries = 0, removedBytes = 0;
  uint64_t removedLeftovers = 0; ///< temporary and quarantined files
};

/// Where the entries hold more than `limitBytes`, removes those that were used least recently until
/// a tenth of the limit is free. 0 is no limit. Then removes temporary files of dead writers and
/// files that were in quarantine for longer than `quarantineSeconds`. Safe beside any number of
/// readers and writers: who has read an entry keeps it.
EvictionReport evict(const Store &store, uint64_t limitBytes, int64_t quarantineSeconds);

/// Removes every entry, leftover and counter.
EvictionReport clear(const Store &store);

/// A size such as "5GiB", "500M" or "1048576"; suffixes are powers of 1024. 0 is no limit.
Result<uint64_t> parseByteSize(std::string_view text);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_EVICTION_H
