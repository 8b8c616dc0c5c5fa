//===- Cache.h - Compiled kernels, kept in memory and on disk -------------===//
//
// One object a process: entries that were read or made stay in memory, below them lie read-only
// layers and one folder that is written. The cache never makes an operation fail: what cannot be
// read is a miss, what cannot be stored is used and counted.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_CACHE_H
#define MOEC_RUNTIME_CACHE_CACHE_H

#include "runtime/Cache/Statistics.h"
#include "runtime/Cache/Store.h"

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <span>

namespace moert {

inline constexpr uint64_t kDefaultCacheLimit = uint64_t{5} << 30;

struct CacheOptions {
  std::filesystem::path directory;           ///< empty: memory and layers only
  std::vector<std::filesystem::path> layers; ///< searched before the folder, never written
  uint64_t limitBytes = kDefaultCacheLimit;  ///< of the folder; 0: none
  uint64_t memoryBytes = uint64_t{256} << 20;
  /// How long to wait for another process that makes the same entry before making it too.
  std::chrono::milliseconds patience = std::chrono::minutes(2);
  /// Gets one sentence for each kind of trouble, once.
  std::function<void(const std::string &)> warn;
};

/// Folder, layers and limit from MOEC_CACHE_DIR (and what stands in for it), MOEC_CACHE_PATH and
/// MOEC_CACHE_LIMIT. Usage failure where one cannot be understood.
Result<CacheOptions> cacheOptionsFromEnvironment();

/// Thread-safe.
class Cache {
public:
  using EntryPointer = std::shared_ptr<const Entry>;

  /// A folder or layer that is missing or unsafe is left out with a warning.
  static std::shared_ptr<Cache> open(CacheOptions options);
  ~Cache();
  Cache(const Cache &) = delete;
  Cache &operator=(const Cache &) = delete;

  /// Null where there is none.
  EntryPointer find(const CacheKey &key);
  /// Keeps the entry; `key` must be exact.
  void publish(const CacheKey &key, EntryPointer entry);
  /// Drops the entry from memory.
  void forget(const CacheKey &key);

  struct Made {
    EntryPointer entry;
    bool wasFound = true; ///< in the cache, or made by another process meanwhile
  };
  /// Makes entry i, and gives the key to store it under, which must have the base of `keys[i]`.
  using Maker = std::function<Result<std::pair<CacheKey, Entry>>(size_t i)>;
  /// Calls come one at a time, from any thread.
  using Report = std::function<void(size_t i, const Result<Made> &result)>;

  /// The entries of all keys, in order; what is missing is made on up to `jobs` threads (0: one for
  /// each core). Processes that want the same entries share the work: a key that another one is
  /// making is left for last and waited for.
  std::vector<Result<Made>> findOrMake(std::span<const CacheKey> keys, unsigned jobs,
                                       const Maker &make, const Report &report = nullptr);

  /// Since the cache was opened.
  CacheCounters counters() const;
  void count(uint64_t CacheCounters::*counter, uint64_t number = 1);

  /// The folder, null where there is none, and the layers that are in use.
  const Store *store() const { return folder ? &*folder : nullptr; }
  std::vector<const Store *> stores() const;
  uint64_t limitBytes() const { return options.limitBytes; }

private:
  explicit Cache(CacheOptions options) : options(std::move(options)) {}
  EntryPointer findInMemory(const CacheKey &key);
  EntryPointer findOnDisk(const CacheKey &key);
  void remember(const std::string &name, EntryPointer entry);
  void warnOnce(const char *kind, const std::string &text);
  void flushStatistics(bool force);
  void flushStored();
  Result<Made> makeOne(const CacheKey &key, size_t i, const Maker &make);

  CacheOptions options;
  std::optional<Store> folder;
  std::vector<Store> layers;

  mutable std::mutex mutex;
  struct Held {
    EntryPointer entry;
    std::list<std::string>::iterator age;
  };
  std::map<std::string, Held> memory; ///< by file name
  std::list<std::string> ages;        ///< the last used first
  uint64_t heldBytes = 0;
  CacheCounters counted, flushed; ///< since opened; of which the store knows
  uint64_t unflushedBytes = 0;
  std::vector<std::string> warned;
};

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_CACHE_H
