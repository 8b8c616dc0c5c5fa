//===- File.h - Reading, and atomic writing, of files and folders ---------===//
//
// Whatever this project writes appears complete or not at all: content goes to a temporary sibling,
// is flushed to the disk and renamed over the target. A crash leaves the old content in place. A
// temporary name is one that nobody has: it is created, never taken, so that it is safe to remove.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_FILE_H
#define MOEC_RUNTIME_SUPPORT_FILE_H

#include "runtime/Support/Descriptor.h"
#include "runtime/Support/Status.h"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace moert {

/// The whole content of a regular file. Fails with InvalidInput where it cannot be opened, is not a
/// regular file or holds more than `maxBytes`.
Result<std::string> readFile(const std::filesystem::path &path, uint64_t maxBytes = UINT64_MAX);
/// The same for the file `relative` below an open folder; messages call it `path`.
Result<std::string> readFileAt(int folder, const std::string &relative,
                               const std::filesystem::path &path, uint64_t maxBytes = UINT64_MAX);

/// `prefix` and 64 random bits. Process ids repeat in containers that share a folder.
std::string uniqueName(std::string_view prefix);

/// Offers unique names to `create` until it takes one, which is then `name`. As a system call does,
/// it returns whether it succeeded and sets errno: with EEXIST it gets another name.
template <typename Create>
bool createUnique(std::string_view prefix, std::string &name, Create create) {
  constexpr int kAttempts = 100; // two in a row are not by chance
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    name = uniqueName(prefix);
    if (create(name))
      return true;
    if (errno != EEXIST)
      break;
  }
  return false;
}

/// A file that is written piece by piece under a temporary name beside its target and appears under
/// the target's name on `commit`. Without a commit the destructor removes what was written. A link
/// in the target's place stays: what it names is replaced. What is neither a file nor a folder (a
/// device, a FIFO) is not replaced but written into.
class AtomicFile {
public:
  /// The parent folder of `target` must exist.
  static Result<AtomicFile> create(const std::filesystem::path &target);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  Status write(std::string_view content);
  /// Flushes, and puts the file in the target's place.
  Status commit();

private:
  AtomicFile(std::filesystem::path target, std::filesystem::path temporary, Descriptor file);
  const std::filesystem::path &written() const { return temporary.empty() ? target : temporary; }
  std::filesystem::path target;
  std::filesystem::path temporary; ///< empty where the target is written into, and once committed
  Descriptor file;
};

/// Writes `content` as an AtomicFile.
Status writeFileAtomically(const std::filesystem::path &path, std::string_view content);

/// A folder that is filled under a temporary name beside its target and appears under the target's
/// name on `commit`. Without a commit the destructor removes what was written.
class AtomicDirectory {
public:
  /// Creates the temporary sibling of `target`; the parent of `target` must exist.
  static Result<AtomicDirectory> create(const std::filesystem::path &target);

  AtomicDirectory(AtomicDirectory &&other) noexcept;
  AtomicDirectory &operator=(AtomicDirectory &&other) noexcept;
  AtomicDirectory(const AtomicDirectory &) = delete;
  AtomicDirectory &operator=(const AtomicDirectory &) = delete;
  ~AtomicDirectory();

  /// Where to write until the commit.
  const std::filesystem::path &path() const { return temporary; }

  /// Writes one file below the folder, creating the folders in between. `relative` must pass
  /// `checkRelativePath`.
  Status writeFile(std::string_view relative, std::string_view content);

  /// Flushes everything and puts the folder in the target's place. Where the target exists already,
  /// the two are exchanged in one step and the old one is removed, so that a reader sees one of
  /// them at every moment. Files opened from the old folder stay readable.
  Status commit();

private:
  AtomicDirectory(std::filesystem::path target, std::filesystem::path temporary);
  std::filesystem::path target;
  std::filesystem::path temporary; ///< empty once committed or moved from
};

/// Accepts a path that stays below the folder it is resolved in: relative, no empty, "." or ".."
/// component, no backslash, no NUL. Anything else is InvalidInput.
Status checkRelativePath(std::string_view path);

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_FILE_H
