//===- Statistics.cpp - Counters of a cache -------------------------------===//

#include "runtime/Cache/Statistics.h"

#include "runtime/Support/Hash.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace moert {

const std::array<CacheCounters::Field, 11> &CacheCounters::fields() {
  static constexpr std::array<Field, 11> kFields = {{
      {"package_hits", &CacheCounters::packageHits},
      {"package_misses", &CacheCounters::packageMisses},
      {"kernel_hits", &CacheCounters::kernelHits},
      {"kernel_misses", &CacheCounters::kernelMisses},
      {"compiles", &CacheCounters::compiles},
      {"memory_hits", &CacheCounters::memoryHits},
      {"stored", &CacheCounters::stored},
      {"already_there", &CacheCounters::alreadyThere},
      {"not_stored", &CacheCounters::notStored},
      {"damaged", &CacheCounters::damaged},
      {"evicted", &CacheCounters::evicted},
  }};
  static_assert(sizeof(CacheCounters) == kFields.size() * sizeof(uint64_t), "a field is missing");
  return kFields;
}

CacheCounters &CacheCounters::operator+=(const CacheCounters &other) {
  for (const Field &field : fields())
    this->*field.member += other.*field.member;
  return *this;
}

static constexpr size_t kMaxFileBytes = 4096;

/// Lines "name value", the last one a checksum of those before.
static std::string print(const Statistics &statistics) {
  std::string text;
  for (const CacheCounters::Field &field : CacheCounters::fields())
    text += fmt::format("{} {}\n", field.name, statistics.counters.*field.member);
  text += fmt::format("bytes {}\n", statistics.bytes);
  return text + checksum(text) + "\n";
}

/// Nothing where the text is damaged.
static std::optional<Statistics> parse(std::string_view text) {
  size_t end = text.rfind("xxh3:");
  if (end == std::string_view::npos || text.substr(end) != checksum(text.substr(0, end)) + "\n")
    return std::nullopt;
  Statistics result;
  text = text.substr(0, end);
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    size_t space = line.find(' ');
    if (space == std::string_view::npos)
      continue;
    uint64_t value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    for (const CacheCounters::Field &field : CacheCounters::fields())
      if (line.substr(0, space) == field.name)
        result.counters.*field.member = value;
    if (line.substr(0, space) == "bytes")
      result.bytes = value;
  }
  return result;
}

static std::optional<Statistics> read(int fd) {
  std::string text(kMaxFileBytes, '\0');
  ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return parse(text);
}

Statistics readStatistics(const Store &store) {
  Descriptor file(::openat(store.directory(), Store::kStatisticsFile,
                           O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  return file.isOpen() ? read(file.get()).value_or(Statistics()) : Statistics();
}

Statistics addStatistics(const Store &store, const CacheCounters &counters, uint64_t bytes,
                         bool setBytes) {
  Statistics sum;
  if (!store.isWritable())
    return sum;
  Descriptor file(::openat(store.directory(), Store::kStatisticsFile,
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!file.isOpen())
    return sum;
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  // Held for two system calls, so waiting is short; without locks an update may get lost.
  while (::fcntl(file.get(), F_OFD_SETLKW, &range) != 0 && errno == EINTR) {
  }
  std::optional<Statistics> former = read(file.get());
  sum = former.value_or(Statistics());
  sum.counters += counters;
  if (setBytes)
    sum.bytes = bytes;
  else if (former)
    sum.bytes += bytes;
  else // whatever was there before, and what was stored just now
    for (const StoredFile &stored : store.list())
      sum.bytes += stored.bytes;
  std::string text = print(sum);
  if (::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()))
    (void)::ftruncate(file.get(), static_cast<off_t>(text.size()));
  return sum;
}

} // namespace moert
