//===- Cache.cpp - Compiled kernels, kept in memory and on disk -----------===//

#include "runtime/Cache/Cache.h"

#include "runtime/Cache/Eviction.h"
#include "runtime/Support/Env.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>

namespace moert {

/// What automatic cleaning leaves in quarantine for a person to look at.
static constexpr int64_t kQuarantineSeconds = 7 * 24 * 3600;
/// How much a process stores before it tells the others; bounds what a killed one leaves uncounted.
static constexpr uint64_t kFlushBytes = uint64_t{64} << 20;
/// The same as a part of the limit, where that is small.
static constexpr uint64_t kFlushesPerLimit = 64;

Result<CacheOptions> cacheOptionsFromEnvironment() {
  CacheOptions options;
  options.directory = defaultCacheDirectory();
  if (std::optional<std::string> text = readEnv(EnvVar::CacheLimit)) {
    Result<uint64_t> limit = parseByteSize(*text);
    if (!limit)
      return std::move(limit).status().withContext("MOEC_CACHE_LIMIT");
    options.limitBytes = *limit;
  }
  std::string paths = readEnv(EnvVar::CachePath).value_or("");
  for (size_t begin = 0; begin < paths.size();) {
    size_t end = std::min(paths.find(':', begin), paths.size());
    if (end > begin)
      options.layers.emplace_back(paths.substr(begin, end - begin));
    begin = end + 1;
  }
  return options;
}

std::shared_ptr<Cache> Cache::open(CacheOptions options) {
  std::shared_ptr<Cache> cache(new Cache(std::move(options)));
  for (const std::filesystem::path &path : cache->options.layers) {
    Result<Store> layer = Store::open(path, CacheAccess::ReadOnly);
    if (layer)
      cache->layers.push_back(*std::move(layer));
    else
      cache->warnOnce(path.c_str(),
                      "the layer of MOEC_CACHE_PATH is not used: " + layer.status().message());
  }
  if (cache->options.directory.empty())
    return cache;
  Result<Store> store = Store::open(cache->options.directory, CacheAccess::ReadWrite);
  if (store)
    cache->folder.emplace(*std::move(store));
  else
    cache->warnOnce("folder", fmt::format("kernels are kept in memory only: {}; MOEC_CACHE_DIR "
                                          "names another folder",
                                          store.status().message()));
  return cache;
}

Cache::~Cache() { flushStatistics(/*force=*/true); }

std::vector<const Store *> Cache::stores() const {
  std::vector<const Store *> result;
  for (const Store &layer : layers)
    result.push_back(&layer);
  if (folder)
    result.push_back(&*folder);
  return result;
}

void Cache::warnOnce(const char *kind, const std::string &text) {
  {
    std::lock_guard lock(mutex);
    if (std::ranges::find(warned, kind) != warned.end())
      return;
    warned.emplace_back(kind);
  }
  log(LogLevel::Warning, "cache", "{}", text);
  if (options.warn)
    options.warn(text);
}

CacheCounters Cache::counters() const {
  std::lock_guard lock(mutex);
  return counted;
}

void Cache::count(uint64_t CacheCounters::*counter, uint64_t number) {
  std::lock_guard lock(mutex);
  counted.*counter += number;
}

void Cache::flushStatistics(bool force) {
  CacheCounters delta;
  uint64_t bytes = 0;
  {
    std::lock_guard lock(mutex);
    uint64_t most = kFlushBytes;
    if (options.limitBytes != 0)
      most = std::min(most, options.limitBytes / kFlushesPerLimit);
    if (!folder || (!force && unflushedBytes < most))
      return;
    bool changed = false;
    for (const CacheCounters::Field &field : CacheCounters::fields()) {
      delta.*field.member = counted.*field.member - flushed.*field.member;
      changed |= delta.*field.member != 0;
    }
    if (!changed)
      return;
    flushed = counted;
    bytes = std::exchange(unflushedBytes, 0);
  }
  Statistics sum = addStatistics(*folder, delta, bytes);
  if (bytes != 0 && options.limitBytes != 0 && sum.bytes > options.limitBytes)
    evict(*folder, options.limitBytes, kQuarantineSeconds);
}

void Cache::flushStored() {
  bool isDue;
  {
    std::lock_guard lock(mutex);
    isDue = unflushedBytes != 0;
  }
  if (isDue)
    flushStatistics(/*force=*/true);
}

void Cache::remember(const std::string &name, EntryPointer entry) {
  std::lock_guard lock(mutex);
  uint64_t bytes = entry->bytes();
  if (bytes > options.memoryBytes || memory.contains(name))
    return;
  ages.push_front(name);
  memory[name] = {std::move(entry), ages.begin()};
  heldBytes += bytes;
  while (heldBytes > options.memoryBytes) {
    auto oldest = memory.find(ages.back());
    heldBytes -= oldest->second.entry->bytes();
    memory.erase(oldest);
    ages.pop_back();
  }
}

void Cache::forget(const CacheKey &key) {
  std::lock_guard lock(mutex);
  auto held = memory.find(key.fileName());
  if (held == memory.end())
    return;
  heldBytes -= held->second.entry->bytes();
  ages.erase(held->second.age);
  memory.erase(held);
}

Cache::EntryPointer Cache::findInMemory(const CacheKey &key) {
  std::lock_guard lock(mutex);
  // An inexact key's file name is the prefix of all that serve it.
  std::string name = key.fileName();
  auto it = memory.lower_bound(name);
  if (it == memory.end() || !it->first.starts_with(name) || !key.matches(it->second.entry->key))
    return nullptr;
  ages.splice(ages.begin(), ages, it->second.age);
  ++counted.memoryHits;
  return it->second.entry;
}

Cache::EntryPointer Cache::findOnDisk(const CacheKey &key) {
  for (const Store *store : stores()) {
    Lookup lookup = store->find(key);
    if (lookup.entry) {
      remember(lookup.name, lookup.entry);
      return lookup.entry;
    }
    if (!lookup.damage.empty()) {
      count(&CacheCounters::damaged);
      warnOnce("damaged", fmt::format("the cache entry '{}' is damaged and will be made again: {}",
                                      (store->root() / lookup.name).string(), lookup.damage));
    }
  }
  return nullptr;
}

Cache::EntryPointer Cache::find(const CacheKey &key) {
  EntryPointer entry = findInMemory(key);
  return entry ? entry : findOnDisk(key);
}

void Cache::publish(const CacheKey &key, EntryPointer entry) {
  std::string name = key.fileName();
  remember(name, entry);
  if (!folder)
    return;
  std::string bytes = encodeEntry(*entry);
  bool outOfSpace = false;
  Result<Published> result = folder->publish(name, bytes, &outOfSpace);
  if (!result && outOfSpace) {
    // Old entries make room for this one, once.
    uint64_t held = 0;
    for (const StoredFile &file : folder->list())
      held += file.bytes;
    EvictionReport report =
        evict(*folder, std::max<uint64_t>(1, held - std::min(held, 2 * bytes.size())), 0);
    if (report.removedEntries + report.removedLeftovers != 0)
      result = folder->publish(name, bytes, &outOfSpace);
  }
  if (!result) {
    count(&CacheCounters::notStored);
    warnOnce("publish",
             fmt::format("compiled kernels are not kept: {}", result.status().message()));
    return;
  }
  bool stored = *result == Published::Stored;
  count(stored ? &CacheCounters::stored : &CacheCounters::alreadyThere);
  if (stored) {
    {
      std::lock_guard lock(mutex);
      unflushedBytes += bytes.size();
    }
    flushStatistics(/*force=*/false);
  }
}

} // namespace moert
