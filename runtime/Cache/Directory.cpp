//===- Directory.cpp - The folder of a cache, opened with care ------------===//

#include "runtime/Cache/Directory.h"

#include "runtime/Support/Env.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace fs = std::filesystem;

namespace moert {

/// The generation of the layout; another one lives beside it and neither reads the other.
static constexpr const char *kGeneration = "v1";

fs::path defaultCacheDirectory() {
  if (std::optional<std::string> named = readEnv(EnvVar::CacheDir))
    return *named;
  std::optional<std::string> xdg = readEnv(EnvVar::XdgCacheHome);
  if (xdg && fs::path(*xdg).is_absolute())
    return fs::path(*xdg) / "moec";
  std::optional<std::string> home = readEnv(EnvVar::Home);
  if (home && fs::path(*home).is_absolute())
    return fs::path(*home) / ".cache" / "moec";
  return fmt::format("/tmp/moec-{}", ::geteuid());
}

static Status unusable(std::string what) { return Status(StatusCode::Toolchain, std::move(what)); }

Status makeCacheFolders(const fs::path &path) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error)))
    return Status::ok();
  if (path.has_parent_path() && path.parent_path() != path)
    MOERT_RETURN_IF_ERROR(makeCacheFolders(path.parent_path()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return unusable(
        fmt::format("creating the folder '{}' failed: {}", path.string(), std::strerror(errno)));
  return Status::ok();
}

/// Others must not be able to write into it or, through its parent, to put another in its place.
static Status checkSafety(int fd, const std::string &path, CacheAccess access) {
  struct stat info, parent;
  if (::fstat(fd, &info) != 0 || ::fstatat(fd, "..", &parent, 0) != 0)
    return unusable(fmt::format("examining '{}' failed: {}", path, std::strerror(errno)));
  uid_t self = ::geteuid();
  bool trusted = info.st_uid == self || (access == CacheAccess::ReadOnly && info.st_uid == 0);
  if (!trusted)
    return unusable(fmt::format("expects '{}' to belong to user {}, but it belongs to user {}",
                                path, self, info.st_uid));
  if (info.st_mode & (S_IWGRP | S_IWOTH))
    return unusable(fmt::format("expects '{}' to be writable for its owner alone, but its mode is "
                                "{:04o}",
                                path, info.st_mode & 07777));
  if ((parent.st_mode & S_IWOTH) && !(parent.st_mode & S_ISVTX))
    return unusable(fmt::format("expects the folder around '{}' not to be writable for everybody, "
                                "but its mode is {:04o}",
                                path, parent.st_mode & 07777));
  return Status::ok();
}

static Result<Descriptor> openFolder(int at, const char *name, const std::string &path,
                                     CacheAccess access) {
  // A layer is often a link that an image or a package manager made; the user named it.
  int follow = access == CacheAccess::ReadOnly ? 0 : O_NOFOLLOW;
  Descriptor folder(::openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow));
  if (!folder.isOpen()) {
    struct stat info;
    bool link =
        follow && ::fstatat(at, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
    if (link)
      return unusable(fmt::format("expects '{}' to be a folder, but it is a symbolic link", path));
    return unusable(fmt::format("opening the folder '{}' failed: {}", path, std::strerror(errno)));
  }
  MOERT_RETURN_IF_ERROR(checkSafety(folder.get(), path, access));
  return folder;
}

Result<Descriptor> openCacheDirectory(const fs::path &given, CacheAccess access) {
  fs::path root = given.has_filename() ? given : given.parent_path();
  if (root.empty())
    return unusable("expects the name of a folder, but got an empty one");
  std::error_code error;
  root = fs::absolute(root, error).lexically_normal();
  if (access == CacheAccess::ReadWrite)
    MOERT_RETURN_IF_ERROR(makeCacheFolders(root));
  MOERT_ASSIGN_OR_RETURN(Descriptor top, openFolder(AT_FDCWD, root.c_str(), root.string(), access));
  std::string path = (root / kGeneration).string();
  if (access == CacheAccess::ReadWrite && ::mkdirat(top.get(), kGeneration, 0700) != 0 &&
      errno != EEXIST)
    return unusable(fmt::format("creating the folder '{}' failed: {}", path, std::strerror(errno)));
  return openFolder(top.get(), kGeneration, path, access);
}

} // namespace moert
