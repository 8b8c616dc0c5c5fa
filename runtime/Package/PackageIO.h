//===- PackageIO.h - Packages on disk -------------------------------------===//
//
//   NAME.moepkg/manifest.json
//               kernels/KERNEL.{cu,ptx,cubin}
//               include/...      device headers that the sources include
//               ir/...           the IR after each stage
//
// Written under a temporary name and renamed; read with every size and checksum verified.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_PACKAGE_PACKAGEIO_H
#define MOEC_RUNTIME_PACKAGE_PACKAGEIO_H

#include "runtime/Package/Manifest.h"
#include "runtime/Support/File.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moert {

/// The usual extension of a package folder.
inline constexpr std::string_view kPackageExtension = ".moepkg";
inline constexpr std::string_view kManifestFile = "manifest.json";

/// The forms of one kernel; an empty text means that the form is absent.
struct KernelCode {
  std::string source, ptx, cubin;
};

/// A text file below include/ or ir/.
struct PackageFile {
  std::string path;
  std::string content;
};

/// A package in memory.
struct Package {
  Manifest manifest;
  std::vector<KernelCode> code;   ///< parallel to manifest.kernels
  std::vector<PackageFile> files; ///< parallel to manifest.files once read or written
};

/// Fills the file records of the manifest (names, sizes, checksums) from `code` and `files`.
Status sealPackage(Package &package);

/// Writes `package` as the folder `path`, replacing a package that is there already; a reader sees
/// the old or the new one, never a mixture. Refuses to replace a folder that is no package. Seals
/// the package first.
Status writePackage(const std::filesystem::path &path, Package package);

/// Usage where `path` is something that writing must not replace.
Status checkReplaceable(const std::filesystem::path &path);
/// Writes the files of a sealed package into `folder`, below the path prefix `below` ("" or "x/").
Status writePackageFiles(AtomicDirectory &folder, const std::string &below, const Package &package);

/// A package or bundle that is open for reading: everything is of the version that had the path at
/// that moment. One that is replaced is emptied soon afterwards.
class PackageFolder {
public:
  static Result<PackageFolder> open(const std::filesystem::path &path);

  const std::filesystem::path &path() const { return where; }
  /// A file below the folder.
  Result<std::string> read(const std::string &relative, uint64_t maxBytes) const;
  /// A folder below it.
  Result<PackageFolder> below(const std::string &relative) const;
  /// Whether the path names another folder by now.
  bool isReplaced() const;

private:
  PackageFolder(std::filesystem::path where, Descriptor folder)
      : where(std::move(where)), folder(std::move(folder)) {}
  static Result<PackageFolder> openAt(int at, const std::string &name, std::filesystem::path where);
  std::filesystem::path where;
  Descriptor folder;
};

/// What `read` makes of the open folder `path`. Where it fails and the folder was replaced
/// meanwhile, the new one is read.
template <typename Read>
auto readLatest(const std::filesystem::path &path, Read read)
    -> decltype(read(std::declval<const PackageFolder &>())) {
  constexpr int kAttempts = 10; // a writer needs longer for a package than a reader
  for (int attempt = 1;; ++attempt) {
    MOERT_ASSIGN_OR_RETURN(PackageFolder folder, PackageFolder::open(path));
    auto result = read(folder);
    if (result.isOk() || attempt == kAttempts || !folder.isReplaced())
      return result;
  }
}

/// Reads the package in the folder `path` and verifies it. Errors name the file and the field. Of a
/// package that is replaced meanwhile, the old version or the new one.
Result<Package> readPackage(const std::filesystem::path &path);
Result<Package> readPackage(const PackageFolder &folder);

/// Reads and validates manifest.json alone.
Result<Manifest> readManifest(const std::filesystem::path &path);
Result<Manifest> readManifest(const PackageFolder &folder);

/// Whether `path` looks like a package or a bundle: a folder with a manifest.json.
bool isPackage(const std::filesystem::path &path);

} // namespace moert

#endif // MOEC_RUNTIME_PACKAGE_PACKAGEIO_H
