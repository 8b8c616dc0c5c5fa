//===- File.cpp - Reading, and atomic writing, of files and folders -------===//

#include "runtime/Support/File.h"

#include <fmt/format.h>

#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace moert {

static Status systemError(std::string_view what, const fs::path &path, int error = errno) {
  return Status(StatusCode::Toolchain,
                fmt::format("{} '{}' failed: {}", what, path.string(), std::strerror(error)));
}

Result<std::string> readFile(const fs::path &path, uint64_t maxBytes) {
  return readFileAt(AT_FDCWD, path.string(), path, maxBytes);
}

Result<std::string> readFileAt(int folder, const std::string &relative, const fs::path &path,
                               uint64_t maxBytes) {
  // O_NONBLOCK keeps a FIFO in the place of a file from hanging the open.
  Descriptor file(::openat(folder, relative.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.isOpen())
    return Status(StatusCode::InvalidInput,
                  fmt::format("cannot open '{}': {}", path.string(), std::strerror(errno)));
  struct stat info;
  if (::fstat(file.get(), &info) != 0)
    return systemError("reading the size of", path);
  if (!S_ISREG(info.st_mode))
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects '{}' to be a regular file", path.string()));
  uint64_t size = static_cast<uint64_t>(info.st_size);
  if (size > maxBytes)
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects '{}' to hold at most {} bytes, but got {}", path.string(),
                              maxBytes, size));
  std::string content(size, '\0');
  size_t done = 0;
  while (done < content.size()) {
    ssize_t got = ::read(file.get(), content.data() + done, content.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError("reading", path);
    if (got == 0)
      return Status(StatusCode::InvalidInput,
                    fmt::format("'{}' became shorter while it was read", path.string()));
    done += static_cast<size_t>(got);
  }
  return content;
}

std::string uniqueName(std::string_view prefix) {
  uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits) {
    // A machine that has just been started, or an old one: who comes second gets another name.
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    bits = static_cast<uint64_t>(now.tv_sec) << 32 ^ static_cast<uint64_t>(now.tv_nsec) ^
           static_cast<uint64_t>(::getpid()) << 40;
  }
  return fmt::format("{}{:016x}", prefix, bits);
}

/// Creates a temporary sibling of `target`; `create` gets its path.
template <typename Create>
static bool createSibling(const fs::path &target, fs::path &sibling, Create create) {
  constexpr size_t kMostBytes = 200; // of 255, for a name as long as it may be
  std::string name, prefix = "." + target.filename().string().substr(0, kMostBytes) + ".tmp-";
  return createUnique(prefix, name, [&](const std::string &candidate) {
    sibling = target.parent_path() / candidate;
    return create(sibling.c_str());
  });
}

/// What `path` names in the end, which need not be there.
static Result<fs::path> followLinks(fs::path path) {
  constexpr int kMostLinks = 40; // as the kernel
  for (int link = 0; link < kMostLinks; ++link) {
    std::error_code error;
    if (!fs::is_symlink(fs::symlink_status(path, error)))
      return path;
    fs::path next = fs::read_symlink(path, error);
    if (error)
      return systemError("reading the link", path, error.value());
    path = path.parent_path() / next;
  }
  return systemError("following the link", path, ELOOP);
}

/// The path without a trailing slash, so that it has a file name and a parent.
static fs::path withoutTrailingSlash(const fs::path &path) {
  return path.has_filename() ? path : path.parent_path();
}

static Descriptor createFile(const char *path) {
  return Descriptor(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

static Status writeAll(const Descriptor &file, const fs::path &path, std::string_view content) {
  while (!content.empty()) {
    ssize_t put = ::write(file.get(), content.data(), content.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return systemError("writing", path);
    content.remove_prefix(static_cast<size_t>(put));
  }
  return Status::ok();
}

static Status flushAndClose(Descriptor &file, const fs::path &path) {
  if (::fsync(file.get()) != 0)
    return systemError("flushing", path);
  if (!file.close())
    return systemError("closing", path);
  return Status::ok();
}

static Status flushDirectory(const fs::path &path) {
  Descriptor dir(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.isOpen())
    return systemError("opening the folder", path);
  // Some network file systems have no fsync of folders and say EINVAL.
  if (::fsync(dir.get()) != 0 && errno != EINVAL)
    return systemError("flushing the folder", path);
  return Status::ok();
}

AtomicFile::AtomicFile(fs::path target, fs::path temporary, Descriptor file)
    : target(std::move(target)), temporary(std::move(temporary)), file(std::move(file)) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : target(std::move(other.target)), temporary(std::move(other.temporary)),
      file(std::move(other.file)) {
  other.temporary.clear();
}

AtomicFile::~AtomicFile() {
  if (!temporary.empty())
    ::unlink(temporary.c_str());
}

Result<AtomicFile> AtomicFile::create(const fs::path &path) {
  if (!path.has_filename())
    return Status(StatusCode::Usage,
                  fmt::format("expects a file name, but got '{}'", path.string()));
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (!file.isOpen())
      return systemError("opening", path);
    return AtomicFile(path, "", std::move(file));
  }
  MOERT_ASSIGN_OR_RETURN(fs::path target, followLinks(path));
  fs::path temporary;
  Descriptor file;
  if (!createSibling(target, temporary, [&](const char *sibling) {
        file = createFile(sibling);
        return file.isOpen();
      }))
    return systemError("creating", temporary);
  return AtomicFile(std::move(target), std::move(temporary), std::move(file));
}

Status AtomicFile::write(std::string_view content) { return writeAll(file, written(), content); }

Status AtomicFile::commit() {
  if (temporary.empty())
    return file.close() ? Status::ok() : systemError("closing", target);
  MOERT_RETURN_IF_ERROR(flushAndClose(file, temporary));
  if (::rename(temporary.c_str(), target.c_str()) != 0)
    return systemError("renaming to", target);
  temporary.clear();
  return flushDirectory(target.parent_path());
}

Status writeFileAtomically(const fs::path &path, std::string_view content) {
  MOERT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  MOERT_RETURN_IF_ERROR(file.write(content));
  return file.commit();
}

Status checkRelativePath(std::string_view path) {
  auto refuse = [&](std::string_view why) {
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects a path below the folder, but got '{}' ({})", path, why));
  };
  if (path.empty())
    return Status(StatusCode::InvalidInput,
                  "expects a path below the folder, but got an empty one");
  if (path.find('\0') != std::string_view::npos)
    return Status(StatusCode::InvalidInput, "expects a path without a NUL byte");
  if (path.find('\\') != std::string_view::npos)
    return refuse("backslash");
  if (path.front() == '/')
    return refuse("absolute");
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = path.find('/', begin);
    if (end == std::string_view::npos)
      end = path.size();
    std::string_view component = path.substr(begin, end - begin);
    if (component.empty())
      return refuse("empty component");
    if (component == "." || component == "..")
      return refuse("'.' or '..' component");
    begin = end + 1;
  }
  return Status::ok();
}

AtomicDirectory::AtomicDirectory(fs::path target, fs::path temporary)
    : target(std::move(target)), temporary(std::move(temporary)) {}

AtomicDirectory::AtomicDirectory(AtomicDirectory &&other) noexcept
    : target(std::move(other.target)), temporary(std::move(other.temporary)) {
  other.temporary.clear();
}

AtomicDirectory &AtomicDirectory::operator=(AtomicDirectory &&other) noexcept {
  std::swap(target, other.target);
  std::swap(temporary, other.temporary);
  return *this;
}

AtomicDirectory::~AtomicDirectory() {
  if (temporary.empty())
    return;
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
}

Result<AtomicDirectory> AtomicDirectory::create(const fs::path &path) {
  fs::path target = withoutTrailingSlash(path);
  if (!target.has_filename() || target.filename() == "." || target.filename() == "..")
    return Status(
        StatusCode::Usage,
        fmt::format("expects the name of a folder to write, but got '{}'", path.string()));
  fs::path temporary;
  if (!createSibling(target, temporary,
                     [](const char *sibling) { return ::mkdir(sibling, 0755) == 0; }))
    return systemError("creating the folder", temporary);
  return AtomicDirectory(std::move(target), std::move(temporary));
}

Status AtomicDirectory::writeFile(std::string_view relative, std::string_view content) {
  MOERT_RETURN_IF_ERROR(checkRelativePath(relative));
  fs::path file = temporary / fs::path(relative);
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error)
    return systemError("creating the folder", file.parent_path(), error.value());
  Descriptor created = createFile(file.c_str());
  if (!created.isOpen())
    return systemError("creating", file);
  MOERT_RETURN_IF_ERROR(writeAll(created, file, content));
  return flushAndClose(created, file);
}

Status AtomicDirectory::commit() {
  std::error_code error;
  for (fs::recursive_directory_iterator it(temporary, error), end; !error && it != end;
       it.increment(error))
    if (it->is_directory(error) && !error)
      MOERT_RETURN_IF_ERROR(flushDirectory(it->path()));
  if (error)
    return systemError("listing", temporary, error.value());
  MOERT_RETURN_IF_ERROR(flushDirectory(temporary));

  // rename() puts a folder in the place of nothing or of an empty folder. A filled one is exchanged
  // in one step, so that there is no moment without a package; file systems that cannot exchange
  // get the two-step form, whose gap is one rename long.
  if (::rename(temporary.c_str(), target.c_str()) == 0) {
    temporary.clear();
    return flushDirectory(target.parent_path());
  }
  if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
    return systemError("renaming to", target);
  if (!fs::is_directory(fs::symlink_status(target, error)))
    return Status(StatusCode::Usage,
                  fmt::format("expects '{}' to be a folder or absent", target.string()));
  if (::syscall(SYS_renameat2, AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(),
                RENAME_EXCHANGE) == 0) {
    // `temporary` now names the old content.
    fs::remove_all(temporary, error);
  } else {
    // An empty folder of ours, in whose place the old one is put.
    fs::path old;
    if (!createSibling(target, old,
                       [](const char *sibling) { return ::mkdir(sibling, 0700) == 0; }))
      return systemError("creating the folder", old);
    if (::rename(target.c_str(), old.c_str()) != 0) {
      Status status = systemError("moving away", target);
      ::rmdir(old.c_str());
      return status;
    }
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
      Status status = systemError("renaming to", target);
      (void)::rename(old.c_str(), target.c_str());
      return status;
    }
    fs::remove_all(old, error);
  }
  temporary.clear();
  return flushDirectory(target.parent_path());
}

} // namespace moert
