//===- Store.cpp - The entries of one folder: reading ---------------------===//

#include "runtime/Cache/Store.h"

#include "runtime/Cache/FileNames.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace moert {

/// Larger than any package; keeps a wrong file from filling memory.
static constexpr uint64_t kMaxEntryBytes = uint64_t{1} << 30;

/// The time of an entry's last use is kept to this many seconds, so that a hit rarely writes.
static constexpr time_t kUsedSeconds = 3600;

Result<Store> Store::open(const std::filesystem::path &root, CacheAccess access) {
  MOERT_ASSIGN_OR_RETURN(Descriptor folder, openCacheDirectory(root, access));
  return Store(std::move(folder), root, access);
}

/// Reads up to `count` bytes of the file; fewer at its end.
static bool readUpTo(int fd, std::string &content, size_t count) {
  content.resize(count);
  size_t done = 0;
  while (done < count) {
    ssize_t got = ::read(fd, content.data() + done, count - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return false;
    if (got == 0)
      break;
    done += static_cast<size_t>(got);
  }
  content.resize(done);
  return true;
}

void Store::touch(int file, const timespec &used) const {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (!isWritable() || (used.tv_sec <= now.tv_sec && now.tv_sec - used.tv_sec < kUsedSeconds))
    return;
  // Without the right to write, the entry only looks older than it is.
  (void)::futimens(file, nullptr);
}

Lookup Store::readFile(const std::string &name, const CacheKey *key) const {
  Lookup result;
  // O_NONBLOCK keeps a FIFO in the place of a file from hanging the open.
  Descriptor file(
      ::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file.isOpen() && errno == ENOENT)
    return result;
  result.name = name;
  struct stat info {};
  std::string bytes;
  uint64_t inode = 0;
  if (!file.isOpen() && errno != ELOOP) {
    result.damage = fmt::format("cannot be opened: {}", std::strerror(errno));
    return result; // out of descriptors, or no right to read: nothing is wrong with the file
  }
  if (!file.isOpen()) {
    result.damage = "expects a file, but it is a symbolic link";
  } else if (::fstat(file.get(), &info) != 0 || (inode = info.st_ino, !S_ISREG(info.st_mode))) {
    result.damage = "expects a regular file";
  } else if (isWritable() && info.st_uid != ::geteuid()) {
    result.damage = fmt::format("expects a file of user {}, but it belongs to user {}", ::geteuid(),
                                info.st_uid);
  } else if (static_cast<uint64_t>(info.st_size) > kMaxEntryBytes) {
    result.damage =
        fmt::format("expects at most {} bytes, but got {}", kMaxEntryBytes, info.st_size);
  } else if (!readUpTo(file.get(), bytes, static_cast<size_t>(info.st_size))) {
    result.damage = fmt::format("cannot be read: {}", std::strerror(errno));
  } else if (Result<Entry> entry = decodeEntry(std::move(bytes)); !entry) {
    result.damage = entry.status().message();
  } else if (key && !key->matches(entry->key)) {
    result.damage = "it holds the entry of another key";
  } else {
    result.entry = std::make_shared<const Entry>(*std::move(entry));
    touch(file.get(), info.st_mtim);
    return result;
  }
  if (isWritable())
    quarantine(name, inode);
  return result;
}

Lookup Store::find(const CacheKey &key) const {
  if (key.isExact())
    return readFile(key.fileName(), &key);
  Lookup result;
  for (const StoredFile &file : list(key.fileName()))
    if (result = readFile(file.name, &key); result.entry)
      break;
  return result;
}

Lookup Store::read(const std::string &name) const { return readFile(name, nullptr); }

std::optional<std::string> Store::readKey(const std::string &name) const {
  Descriptor file(
      ::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  // The key of a kernel is within the first of these, that of a package after a longer table.
  for (size_t bytes : {kMaxKeyPrefix / 16, kMaxKeyPrefix}) {
    std::string prefix;
    if (!file.isOpen() || ::lseek(file.get(), 0, SEEK_SET) != 0 ||
        !readUpTo(file.get(), prefix, bytes))
      return std::nullopt;
    if (Result<std::string> key = decodeEntryKey(prefix))
      return *std::move(key);
  }
  return std::nullopt;
}

std::vector<StoredFile> Store::list(std::string_view prefix) const {
  std::vector<StoredFile> files;
  for (std::string &name : fileNames(folder.get())) {
    if (!name.starts_with(prefix) || !parseEntryName(name))
      continue;
    struct stat info;
    if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
      files.push_back({std::move(name), static_cast<uint64_t>(info.st_size), info.st_mtim});
  }
  std::ranges::sort(files, [](const StoredFile &a, const StoredFile &b) {
    return std::tuple(b.used.tv_sec, b.used.tv_nsec, a.name) <
           std::tuple(a.used.tv_sec, a.used.tv_nsec, b.name);
  });
  return files;
}

} // namespace moert
