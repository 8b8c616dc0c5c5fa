//===- FindOrMake.cpp - Making what is missing, once on a machine ---------===//

#include "runtime/Cache/Cache.h"

#include "runtime/Support/Parallel.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

namespace moert {

/// How often a process looks whether another one is done with an entry.
static constexpr std::chrono::milliseconds kPoll{5};

Result<Cache::Made> Cache::makeOne(const CacheKey &key, size_t i, const Maker &make) {
  // Under the lock, or tired of waiting for it: whoever held it before may have made the entry.
  if (EntryPointer entry = find(key))
    return Made{std::move(entry), true};
  Result<std::pair<CacheKey, Entry>> made = make(i);
  if (!made)
    return std::move(made).status();
  auto entry = std::make_shared<const Entry>(std::move(made->second));
  publish(made->first, entry);
  return Made{std::move(entry), false};
}

std::vector<Result<Cache::Made>> Cache::findOrMake(std::span<const CacheKey> keys, unsigned jobs,
                                                   const Maker &make, const Report &report) {
  std::vector<std::optional<Result<Made>>> slots(keys.size());
  std::mutex reportMutex;
  auto finish = [&](size_t i, Result<Made> result) {
    slots[i].emplace(std::move(result));
    if (!report)
      return;
    std::lock_guard lock(reportMutex);
    report(i, *slots[i]);
  };

  // What is there already, and of equal keys the first.
  std::vector<size_t> missing;
  std::map<std::string, size_t> firstOf;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (EntryPointer entry = find(keys[i]))
      finish(i, Made{std::move(entry), true});
    else if (firstOf.emplace(keys[i].fileName(), i).second)
      missing.push_back(i);
  }

  // What nobody else is making; then the rest, which by now is mostly done.
  std::vector<size_t> busy;
  std::mutex busyMutex;
  auto lockFor = [&](size_t i) { return folder ? folder->tryLock(keys[i].base) : KeyLock(); };
  parallelFor(int64_t(missing.size()), 1, jobs, [&](int64_t n, int64_t) {
    size_t i = missing[n];
    KeyLock lock = lockFor(i);
    if (lock.state != KeyLock::State::Busy)
      return finish(i, makeOne(keys[i], i, make));
    std::lock_guard guard(busyMutex);
    busy.push_back(i);
  });
  std::ranges::sort(busy);
  auto deadline = std::chrono::steady_clock::now() + options.patience;
  parallelFor(int64_t(busy.size()), 1, jobs, [&](int64_t n, int64_t) {
    size_t i = busy[n];
    KeyLock lock = lockFor(i);
    while (lock.state == KeyLock::State::Busy && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kPoll);
      lock = lockFor(i);
    }
    finish(i, makeOne(keys[i], i, make));
  });

  // A host may keep its cache open for days: what it stored counts now.
  flushStored();

  std::vector<Result<Made>> results;
  results.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!slots[i]) { // equal to an earlier key
      const Result<Made> &first = *slots[firstOf.at(keys[i].fileName())];
      finish(i, first ? Result<Made>(Made{first->entry, true}) : Result<Made>(first.status()));
    }
    results.push_back(*slots[i]);
  }
  return results;
}

} // namespace moert
