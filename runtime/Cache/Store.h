//===- Store.h - The entries of one folder --------------------------------===//
//
// One file an entry. A file appears complete and only where there was none of its name, and is
// never changed afterwards, so readers need no lock. What cannot be read as the entry that its name
// promises is moved aside and counts as absent.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_STORE_H
#define MOEC_RUNTIME_CACHE_STORE_H

#include "runtime/Cache/CacheKey.h"
#include "runtime/Cache/Directory.h"
#include "runtime/Cache/Entry.h"

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>

namespace moert {

/// A file of the store.
struct StoredFile {
  std::string name;
  uint64_t bytes = 0;
  timespec used = {}; ///< when it was last used, to the hour
};

/// What a look into the store gave.
struct Lookup {
  std::shared_ptr<const Entry> entry; ///< null where there is none
  std::string name;                   ///< of the file; empty where there was none
  std::string damage;                 ///< what was wrong with it; empty where nothing was
};

enum class Published {
  Stored,
  AlreadyThere, ///< somebody else was faster; theirs stays
};

/// A lock on one key. Only saves work that two processes would do at the same time: nothing breaks
/// where the file system has no locks or a process dies, as the kernel then releases it.
class KeyLock {
public:
  enum class State {
    Held,
    Busy,        ///< another process or thread is at it
    Unavailable, ///< no locks here
  };
  State state = State::Unavailable;

private:
  friend class Store;
  Descriptor file; ///< the lock belongs to this open file, and goes with it
};

/// Thread-safe: the object itself does not change.
class Store {
public:
  static Result<Store> open(const std::filesystem::path &root, CacheAccess access);

  const std::filesystem::path &root() const { return rootPath; }
  bool isWritable() const { return access == CacheAccess::ReadWrite; }

  Lookup find(const CacheKey &key) const;
  /// The entry in the file of that name, without a key to compare with.
  Lookup read(const std::string &name) const;
  /// The text of an entry's key alone; nothing where it cannot be read.
  std::optional<std::string> readKey(const std::string &name) const;
  /// The names of entries that begin with `prefix`, the last used first.
  std::vector<StoredFile> list(std::string_view prefix = {}) const;

  /// Toolchain failure where the file system refuses; `outOfSpace` then says whether for lack of
  /// space.
  Result<Published> publish(const std::string &name, std::string_view bytes,
                            bool *outOfSpace = nullptr) const;
  Status remove(const std::string &name) const;
  /// Moves a file aside, unless it is no longer the one with that inode (0: whichever it is).
  void quarantine(const std::string &name, uint64_t inode) const;
  KeyLock tryLock(std::string_view base) const;

  /// Folders of the files that are no entries, for cleaning up.
  static constexpr const char *kQuarantine = "quarantine";
  static constexpr const char *kTemporaryPrefix = ".tmp-";
  static constexpr const char *kLockFile = "lock";
  static constexpr const char *kStatisticsFile = "statistics";
  int directory() const { return folder.get(); }

private:
  Store(Descriptor folder, std::filesystem::path root, CacheAccess access)
      : folder(std::move(folder)), rootPath(std::move(root)), access(access) {}
  Lookup readFile(const std::string &name, const CacheKey *key) const;
  void touch(int file, const timespec &used) const;

  Descriptor folder;
  std::filesystem::path rootPath;
  CacheAccess access;
};

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_STORE_H
