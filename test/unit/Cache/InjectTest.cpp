//===- InjectTest.cpp - every system call of the cache fails once -------------===//
//
// This program has functions of its own under the names of the C library's, so that the n-th call
// of any of them can fail or do half of its work. For every n and every way to fail, a cache with a
// good and a damaged entry is opened, used and cleaned up; nothing may go wrong but the caching.
//
//===----------------------------------------------------------------------===//

#include "CacheTest.h"

#include "runtime/Cache/Archive.h"
#include "runtime/Cache/Eviction.h"

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include <sys/syscall.h>

using namespace moert;
using namespace moert::test;

namespace {
constexpr int kHalf = -1; ///< reads and writes do half of what they were asked for

std::atomic<int> countdown{0}; ///< calls until the fault; 0: none
std::atomic<int> failure{0};

/// Whether this call is the one.
bool isHit() {
  int left = countdown.load();
  return left > 0 && countdown.fetch_sub(1) == 1;
}

template <typename... Args>
long call(long number, Args... arguments) {
  if (isHit() && failure != kHalf) {
    errno = failure;
    return -1;
  }
  return ::syscall(number, arguments...);
}

template <typename... Args>
long transfer(long number, int fd, const void *bytes, size_t count, Args... arguments) {
  if (!isHit())
    return ::syscall(number, fd, bytes, count, arguments...);
  if (failure == kHalf)
    return ::syscall(number, fd, bytes, (count + 1) / 2, arguments...);
  errno = failure;
  return -1;
}
} // namespace

extern "C" {
int openat(int folder, const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return static_cast<int>(call(SYS_openat, folder, path, flags, mode));
}
ssize_t read(int fd, void *bytes, size_t count) { return transfer(SYS_read, fd, bytes, count); }
ssize_t write(int fd, const void *bytes, size_t count) {
  return transfer(SYS_write, fd, bytes, count);
}
ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
  return transfer(SYS_pread64, fd, bytes, count, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  return transfer(SYS_pwrite64, fd, bytes, count, offset);
}
int linkat(int from, const char *path, int to, const char *name, int flags) noexcept {
  return static_cast<int>(call(SYS_linkat, from, path, to, name, flags));
}
int unlinkat(int folder, const char *path, int flags) noexcept {
  return static_cast<int>(call(SYS_unlinkat, folder, path, flags));
}
int renameat(int from, const char *path, int to, const char *name) noexcept {
  return static_cast<int>(call(SYS_renameat, from, path, to, name));
}
int mkdirat(int folder, const char *path, mode_t mode) noexcept {
  return static_cast<int>(call(SYS_mkdirat, folder, path, mode));
}
int ftruncate(int fd, off_t size) noexcept {
  return static_cast<int>(call(SYS_ftruncate, fd, size));
}
int fstatat(int folder, const char *path, struct stat *info, int flags) noexcept {
  return static_cast<int>(call(SYS_newfstatat, folder, path, info, flags));
}
int fstat(int fd, struct stat *info) noexcept {
  return static_cast<int>(call(SYS_fstat, fd, info));
}
int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void *argument = va_arg(list, void *);
  va_end(list);
  return static_cast<int>(call(SYS_fcntl, fd, command, argument));
}
}

using InjectTest = CacheTest;

TEST_F(InjectTest, EveryCallFailsOnce) {
  CacheKey good = testKey(1), bad = testKey(2), missing = testKey(3);
  std::string goodBytes = encodeEntry(testEntry(good));
  std::vector<CacheKey> keys = {good, bad, missing};
  size_t faults = 0;
  for (int how : {EIO, ENOSPC, EACCES, EINTR, EOPNOTSUPP, kHalf})
    for (int n = 1;; ++n) {
      std::error_code ignored;
      fs::remove_all(root, ignored);
      ASSERT_TRUE(store().publish(good.fileName(), goodBytes));
      writeAll(fileOf(bad), goodBytes.substr(0, 500));

      failure = how;
      countdown = n;
      {
        std::shared_ptr<Cache> cache = this->cache();
        auto results =
            cache->findOrMake(keys, 1, [&](size_t i) -> Result<std::pair<CacheKey, Entry>> {
              return std::pair(keys[i], testEntry(keys[i]));
            });
        for (size_t i = 0; i < keys.size(); ++i) {
          ASSERT_TRUE(results[i]) << "call " << n << ", " << std::strerror(how);
          ASSERT_EQ(results[i]->entry->sections(), testEntry(keys[i]).sections());
        }
        if (cache->store())
          evict(*cache->store(), 6000, 0);
      }
      bool wasHit = countdown == 0;
      countdown = 0;

      // What is left are entries, whatever happened, and the next process has a cache again.
      for (const std::string &refused : verifyEntries(store(), nullptr).refused)
        EXPECT_TRUE(refused.starts_with(bad.fileName())) << "call " << n << ": " << refused;
      auto results =
          cache()->findOrMake(keys, 1, [&](size_t i) -> Result<std::pair<CacheKey, Entry>> {
            return std::pair(keys[i], testEntry(keys[i]));
          });
      for (const CacheKey &key : keys)
        EXPECT_TRUE(store().find(key).entry) << "call " << n;
      if (!wasHit)
        break; // fewer calls than that
      ++faults;
      ASSERT_LT(n, 1000);
    }
  EXPECT_GT(faults, 6u * 20u) << "the functions above are not the ones that were called";
}
