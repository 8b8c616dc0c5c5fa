//===- PackageIO.cpp - Packages on disk -----------------------------------===//

#include "runtime/Package/PackageIO.h"

#include "runtime/Support/File.h"
#include "runtime/Support/Hash.h"

#include <fmt/format.h>

#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace fs = std::filesystem;

namespace moert {

/// A manifest is text of some kilobytes; anything larger than this is not one.
static constexpr uint64_t kMaxManifestBytes = 16u << 20;

static FileRecord makeRecord(std::string file, std::string_view content) {
  return {std::move(file), checksum(content), content.size()};
}

Status sealPackage(Package &package) {
  Manifest &manifest = package.manifest;
  if (package.code.size() != manifest.kernels.size())
    return Status(StatusCode::Internal, fmt::format("expects the code of {} kernels, but got {}",
                                                    manifest.kernels.size(), package.code.size()));
  MOERT_RETURN_IF_ERROR(validate(manifest));
  for (size_t i = 0; i < manifest.kernels.size(); ++i) {
    Kernel &kernel = manifest.kernels[i];
    const KernelCode &code = package.code[i];
    auto record = [&](const char *extension, const std::string &content) {
      return content.empty()
                 ? FileRecord()
                 : makeRecord(fmt::format("kernels/{}.{}", kernel.name, extension), content);
    };
    kernel.source = record("cu", code.source);
    kernel.ptx = record("ptx", code.ptx);
    kernel.cubin = record("cubin", code.cubin);
  }
  manifest.files.clear();
  for (const PackageFile &file : package.files)
    manifest.files.push_back(makeRecord(file.path, file.content));
  return validateFiles(manifest);
}

bool isPackage(const fs::path &path) {
  std::error_code error;
  return fs::is_regular_file(path / kManifestFile, error);
}

Status checkReplaceable(const fs::path &path) {
  std::error_code error;
  if (fs::exists(path, error) && !isPackage(path) && !fs::is_empty(path, error))
    return Status(StatusCode::Usage,
                  fmt::format("refuses to replace '{}', which is no package", path.string()));
  return Status::ok();
}

Status writePackageFiles(AtomicDirectory &folder, const std::string &below,
                         const Package &package) {
  const Manifest &manifest = package.manifest;
  for (size_t i = 0; i < manifest.kernels.size(); ++i)
    for (const auto &[record, content] :
         {std::pair{&manifest.kernels[i].source, &package.code[i].source},
          std::pair{&manifest.kernels[i].ptx, &package.code[i].ptx},
          std::pair{&manifest.kernels[i].cubin, &package.code[i].cubin}})
      if (record->isPresent())
        MOERT_RETURN_IF_ERROR(folder.writeFile(below + record->file, *content));
  for (const PackageFile &file : package.files)
    MOERT_RETURN_IF_ERROR(folder.writeFile(below + file.path, file.content));
  return folder.writeFile(below + std::string(kManifestFile), writeManifest(manifest));
}

Status writePackage(const fs::path &path, Package package) {
  std::string where = fmt::format("package '{}'", path.string());
  MOERT_RETURN_IF_ERROR(sealPackage(package).withContext(where));
  MOERT_RETURN_IF_ERROR(checkReplaceable(path));
  MOERT_ASSIGN_OR_RETURN(AtomicDirectory folder, AtomicDirectory::create(path));
  MOERT_RETURN_IF_ERROR(writePackageFiles(folder, "", package).withContext(where));
  return folder.commit().withContext(where);
}

Result<PackageFolder> PackageFolder::openAt(int at, const std::string &name, fs::path where) {
  // No right to list it is needed.
  Descriptor folder(::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.isOpen() && (errno == ENOENT || errno == ENOTDIR))
    return Status(StatusCode::InvalidInput,
                  fmt::format("package '{}': expects a folder with a {}", where.string(),
                              kManifestFile));
  if (!folder.isOpen())
    return Status(StatusCode::InvalidInput,
                  fmt::format("package '{}': cannot open the folder: {}", where.string(),
                              std::strerror(errno)));
  return PackageFolder(std::move(where), std::move(folder));
}

Result<PackageFolder> PackageFolder::open(const fs::path &path) {
  return openAt(AT_FDCWD, path.string(), path);
}

Result<PackageFolder> PackageFolder::below(const std::string &relative) const {
  return openAt(folder.get(), relative, where / relative);
}

Result<std::string> PackageFolder::read(const std::string &relative, uint64_t maxBytes) const {
  return readFileAt(folder.get(), relative, where / relative, maxBytes);
}

bool PackageFolder::isReplaced() const {
  struct stat here, there;
  return ::fstat(folder.get(), &here) == 0 &&
         (::stat(where.c_str(), &there) != 0 || here.st_dev != there.st_dev ||
          here.st_ino != there.st_ino);
}

Result<Manifest> readManifest(const fs::path &path) {
  return readLatest(path, [](const PackageFolder &folder) { return readManifest(folder); });
}

Result<Manifest> readManifest(const PackageFolder &folder) {
  std::string where = fmt::format("package '{}'", folder.path().string());
  Result<std::string> text = folder.read(std::string(kManifestFile), kMaxManifestBytes);
  if (!text)
    return std::move(text).status().withContext(where);
  Result<Manifest> manifest = parseManifest(*text);
  if (!manifest)
    return std::move(manifest).status().withContext(fmt::format("{}: {}", where, kManifestFile));
  return manifest;
}

/// One file of the package, verified against its record; `field` is the record's JSON path.
static Result<std::string> readRecord(const PackageFolder &package, const FileRecord &record,
                                      const std::string &field) {
  auto mismatch = [&](const char *what, const std::string &expected, const std::string &got) {
    return Status(StatusCode::InvalidInput,
                  fmt::format("package '{}': {}: expects the {} {} of {}/{}, but got {}",
                              package.path().string(), record.file, what, expected, field, what,
                              got));
  };
  Result<std::string> content = package.read(record.file, record.bytes);
  if (!content)
    return std::move(content).status().withContext(
        fmt::format("package '{}': {}", package.path().string(), field));
  if (content->size() != record.bytes)
    return mismatch("bytes", std::to_string(record.bytes), std::to_string(content->size()));
  if (std::string got = checksum(*content); got != record.checksum)
    return mismatch("checksum", record.checksum, got);
  return content;
}

Result<Package> readPackage(const fs::path &path) {
  return readLatest(path, [](const PackageFolder &folder) { return readPackage(folder); });
}

Result<Package> readPackage(const PackageFolder &folder) {
  Package package;
  MOERT_ASSIGN_OR_RETURN(package.manifest, readManifest(folder));
  const Manifest &manifest = package.manifest;
  package.code.resize(manifest.kernels.size());
  for (size_t i = 0; i < manifest.kernels.size(); ++i)
    for (const auto &[key, record, content] :
         {std::tuple{"source", &manifest.kernels[i].source, &package.code[i].source},
          std::tuple{"ptx", &manifest.kernels[i].ptx, &package.code[i].ptx},
          std::tuple{"cubin", &manifest.kernels[i].cubin, &package.code[i].cubin}})
      if (record->isPresent()) {
        MOERT_ASSIGN_OR_RETURN(*content,
                               readRecord(folder, *record, fmt::format("/kernels/{}/{}", i, key)));
      }
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    const FileRecord &record = manifest.files[i];
    MOERT_ASSIGN_OR_RETURN(std::string content,
                           readRecord(folder, record, fmt::format("/files/{}", i)));
    package.files.push_back({record.file, std::move(content)});
  }
  return package;
}

} // namespace moert
