//===- File.h - Reading, and atomic writing, of files and folders ---------===//
//
// Whatever this project writes appears complete or not at all: content goes to a temporary sibling,
// is flushed to the disk and renamed over the target. A crash leaves the old content in place.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_FILE_H
#define MOEC_RUNTIME_SUPPORT_FILE_H

#include "runtime/Support/Status.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace moert {

/// The whole content of a regular file. Fails with InvalidInput where it cannot be opened, is not a
/// regular file or holds more than `maxBytes`.
Result<std::string> readFile(const std::filesystem::path &path, uint64_t maxBytes = UINT64_MAX);

/// Writes `content` to `path` atomically; parent folders must exist.
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
