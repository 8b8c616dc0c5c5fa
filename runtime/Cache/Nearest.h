//===- Nearest.h - Why a key is not in the cache --------------------------===//

#ifndef MOEC_RUNTIME_CACHE_NEAREST_H
#define MOEC_RUNTIME_CACHE_NEAREST_H

#include "runtime/Cache/Store.h"

namespace moert {

struct PartDifference {
  std::string part, wanted, stored; ///< empty where a key lacks the part
};

/// The entry whose key differs from a wanted one in the fewest parts; of several the last used.
struct NearestEntry {
  std::string name; ///< empty: there is no entry of this kind
  std::vector<PartDifference> differences;
};

/// Reads the keys of all entries of that kind, so it is for people who wait, not for launches.
NearestEntry findNearest(const std::vector<const Store *> &stores, const CacheKey &key);

/// "no entry of this kind", or the parts that differ with both values.
std::string describe(const NearestEntry &nearest);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_NEAREST_H
