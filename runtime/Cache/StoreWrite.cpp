//===- StoreWrite.cpp - The entries of one folder: writing ----------------===//
//
// Nothing is flushed to the disk: every read verifies checksums, so after a power failure an entry
// that never got there is a miss, which costs one compile, and never a wrong kernel.
//
//===----------------------------------------------------------------------===//

#include "runtime/Cache/PublishFile.h"
#include "runtime/Cache/Store.h"
#include "runtime/Support/File.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace moert {

static int writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return errno;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return 0;
}

int publishUnnamed(int folder, const std::string &name, std::string_view bytes) {
  Descriptor file(::openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.isOpen())
    // A file system or kernel without such files says one of these.
    return errno == EISDIR || errno == ENOENT || errno == EINVAL ? EOPNOTSUPP : errno;
  if (int error = writeAll(file.get(), bytes))
    return error;
  std::string path = fmt::format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, path.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return 0;
  // Without /proc there is nothing to link from.
  return errno == ENOENT ? EOPNOTSUPP : errno;
}

int publishNamed(int folder, const std::string &name, std::string_view bytes) {
  std::string temporary;
  Descriptor file;
  if (!createUnique(Store::kTemporaryPrefix, temporary, [&](const std::string &candidate) {
        file = Descriptor(::openat(folder, candidate.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        return file.isOpen();
      }))
    return errno;
  int error = writeAll(file.get(), bytes);
  if (!error && !file.close())
    error = errno;
  // link() does not replace what is there, which rename() would.
  if (!error && ::linkat(folder, temporary.c_str(), folder, name.c_str(), 0) != 0)
    error = errno;
  ::unlinkat(folder, temporary.c_str(), 0);
  return error;
}

Result<Published> Store::publish(const std::string &name, std::string_view bytes,
                                 bool *outOfSpace) const {
  if (!isWritable())
    return Status(StatusCode::Toolchain,
                  fmt::format("the layer '{}' is read-only", rootPath.string()));
  int error = publishUnnamed(folder.get(), name, bytes);
  if (error == EOPNOTSUPP)
    error = publishNamed(folder.get(), name, bytes);
  if (error == EEXIST)
    return Published::AlreadyThere;
  if (outOfSpace)
    *outOfSpace = error == ENOSPC || error == EDQUOT;
  if (error)
    return Status(StatusCode::Toolchain,
                  fmt::format("writing an entry of the cache '{}' failed: {}", rootPath.string(),
                              std::strerror(error)));
  return Published::Stored;
}

Status Store::remove(const std::string &name) const {
  if (::unlinkat(folder.get(), name.c_str(), 0) == 0 || errno == ENOENT)
    return Status::ok();
  return Status(
      StatusCode::Toolchain,
      fmt::format("removing '{}' failed: {}", (rootPath / name).string(), std::strerror(errno)));
}

void Store::quarantine(const std::string &name, uint64_t inode) const {
  struct stat info;
  if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      (inode != 0 && info.st_ino != inode))
    return;
  if (::mkdirat(folder.get(), kQuarantine, 0700) != 0 && errno != EEXIST)
    return;
  // The last one of a name is enough to look at; it may be a folder where a file was before.
  std::string target = fmt::format("{}/{}", kQuarantine, name);
  if (::renameat(folder.get(), name.c_str(), folder.get(), target.c_str()) == 0)
    return;
  (void)::unlinkat(folder.get(), target.c_str(), 0);
  (void)::unlinkat(folder.get(), target.c_str(), AT_REMOVEDIR);
  if (::renameat(folder.get(), name.c_str(), folder.get(), target.c_str()) != 0)
    (void)::unlinkat(folder.get(), name.c_str(), 0);
}

KeyLock Store::tryLock(std::string_view base) const {
  KeyLock lock;
  if (!isWritable())
    return lock;
  Descriptor file(::openat(folder.get(), kLockFile,
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!file.isOpen())
    return lock;
  // One byte of one file for each key: nothing piles up, and a lock that belongs to an open file
  // (not to the process) works between threads too.
  uint64_t offset = 0;
  std::from_chars(base.data(), base.data() + std::min<size_t>(base.size(), 15), offset, 16);
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(offset);
  range.l_len = 1;
  if (::fcntl(file.get(), F_OFD_SETLK, &range) == 0)
    lock.state = KeyLock::State::Held;
  else if (errno == EAGAIN || errno == EACCES)
    lock.state = KeyLock::State::Busy;
  lock.file = std::move(file);
  return lock;
}

} // namespace moert
