//===- Directory.h - The folder of a cache, opened with care --------------===//
//
// Cached kernels are code. A folder that somebody else can write to, or that somebody else chose by
// a symbolic link, is not used. The folder is opened once and everything in it is reached through
// its descriptor, so that what was checked is what is used.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_DIRECTORY_H
#define MOEC_RUNTIME_CACHE_DIRECTORY_H

#include "runtime/Support/Descriptor.h"
#include "runtime/Support/Status.h"

#include <filesystem>

namespace moert {

enum class CacheAccess {
  ReadWrite, ///< created where it is missing; belongs to this user alone
  ReadOnly,  ///< a layer that somebody prepared: never written, never locked
};

/// Where the cache lies: MOEC_CACHE_DIR, else moec below XDG_CACHE_HOME, else ~/.cache/moec, else
/// /tmp/moec-UID. A relative XDG_CACHE_HOME is ignored, as its specification asks.
std::filesystem::path defaultCacheDirectory();

/// Makes the folder and those around it that are missing, for this user alone (mkdir -p, mode 0700).
/// Toolchain failure where one cannot be made.
Status makeCacheFolders(const std::filesystem::path &path);

/// Opens the folder with the entries of this version of the format, "v1" below `root`. Toolchain
/// failure where it cannot be created or where it is not safe: a symbolic link, another owner,
/// writable for others, or in a folder where others may exchange it. A read-only layer may belong
/// to root too.
Result<Descriptor> openCacheDirectory(const std::filesystem::path &root, CacheAccess access);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_DIRECTORY_H
