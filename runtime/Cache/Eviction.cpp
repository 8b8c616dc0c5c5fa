//===- Eviction.cpp - Keeping a cache below its limit ---------------------===//

#include "runtime/Cache/Eviction.h"

#include "runtime/Cache/FileNames.h"
#include "runtime/Cache/Statistics.h"

#include <fmt/format.h>

#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>

namespace moert {

/// A temporary file that is older than this belongs to no living writer.
static constexpr int64_t kTemporarySeconds = 3600;

/// Removes files of `folder` that begin with `prefix` and are at least that old.
static uint64_t removeOld(int folder, std::string_view prefix, int64_t seconds) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  uint64_t removed = 0;
  for (const std::string &name : fileNames(folder)) {
    struct stat info;
    if (!name.starts_with(prefix) ||
        ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        // A renamed file keeps the time of its content; its change time is when it came here.
        now.tv_sec - info.st_ctim.tv_sec < seconds)
      continue;
    removed += ::unlinkat(folder, name.c_str(), S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0) == 0;
  }
  return removed;
}

static uint64_t removeLeftovers(const Store &store, int64_t temporarySeconds,
                                int64_t quarantineSeconds) {
  uint64_t removed = removeOld(store.directory(), Store::kTemporaryPrefix, temporarySeconds);
  Descriptor quarantine(::openat(store.directory(), Store::kQuarantine,
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (quarantine.isOpen())
    removed += removeOld(quarantine.get(), "", quarantineSeconds);
  return removed;
}

EvictionReport evict(const Store &store, uint64_t limitBytes, int64_t quarantineSeconds) {
  EvictionReport report;
  std::vector<StoredFile> files = store.list(); // the last used first
  for (const StoredFile &file : files)
    report.keptBytes += file.bytes;
  report.keptEntries = files.size();
  bool over = limitBytes != 0 && report.keptBytes > limitBytes;
  uint64_t target = limitBytes - limitBytes / 10;
  while (over && report.keptBytes > target && !files.empty()) {
    const StoredFile &oldest = files.back();
    if (!store.remove(oldest.name).isOk())
      break; // the file system takes no removals: so be it
    report.keptBytes -= oldest.bytes;
    --report.keptEntries;
    report.removedBytes += oldest.bytes;
    ++report.removedEntries;
    files.pop_back();
  }
  report.removedLeftovers = removeLeftovers(store, kTemporarySeconds, quarantineSeconds);
  CacheCounters counters;
  counters.evicted = report.removedEntries;
  addStatistics(store, counters, report.keptBytes, /*setBytes=*/true);
  return report;
}

EvictionReport clear(const Store &store) {
  EvictionReport report;
  for (const StoredFile &file : store.list()) {
    if (!store.remove(file.name).isOk()) {
      ++report.keptEntries;
      report.keptBytes += file.bytes;
      continue;
    }
    ++report.removedEntries;
    report.removedBytes += file.bytes;
  }
  report.removedLeftovers = removeLeftovers(store, 0, 0);
  ::unlinkat(store.directory(), Store::kStatisticsFile, 0);
  return report;
}

Result<uint64_t> parseByteSize(std::string_view text) {
  auto refuse = [&] {
    return Status(StatusCode::Usage,
                  fmt::format("expects a size such as 5GiB, 500M or 1048576, but got '{}'", text));
  };
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc())
    return refuse();
  std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  unsigned shift = 0;
  if (!suffix.empty() && suffix != "B") {
    size_t power = std::string_view("KMGT").find(suffix[0]);
    std::string_view rest = suffix.substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "B" && rest != "iB"))
      return refuse();
    shift = 10 * static_cast<unsigned>(power + 1);
  }
  if (shift != 0 && number >> (64 - shift) != 0)
    return refuse();
  return number << shift;
}

} // namespace moert
