//===- PackageEntry.cpp - A package as an entry ---------------------------===//

#include "runtime/Cache/PackageEntry.h"

#include <fmt/format.h>

#include <array>

namespace moert {

/// The files of one kernel: where the manifest says they are, and where their content lies.
static auto filesOf(const Kernel &kernel, KernelCode &code) {
  return std::array{std::pair{&kernel.source, &code.source}, std::pair{&kernel.ptx, &code.ptx},
                    std::pair{&kernel.cubin, &code.cubin}};
}

Result<Entry> packageToEntry(Package package) {
  MOERT_RETURN_IF_ERROR(sealPackage(package));
  Entry entry;
  entry.add(std::string(kManifestFile), writeManifest(package.manifest));
  for (size_t i = 0; i < package.code.size(); ++i)
    for (auto [record, content] : filesOf(package.manifest.kernels[i], package.code[i]))
      if (record->isPresent())
        entry.add(record->file, std::move(*content));
  for (PackageFile &file : package.files)
    entry.add(file.path, std::move(file.content));
  return entry;
}

/// The content of a file that the manifest lists. The entry's own checksums were verified when it
/// was read, so only its presence and size are left to check.
static Status copyFile(const Entry &entry, const FileRecord &record, std::string &content) {
  std::optional<std::string_view> found = entry.find(record.file);
  if (!found || found->size() != record.bytes)
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects a section '{}' of {} bytes", record.file, record.bytes));
  content = *found;
  return Status::ok();
}

Result<Package> packageFromEntry(const Entry &entry) {
  std::optional<std::string_view> text = entry.find(kManifestFile);
  if (!text)
    return Status(StatusCode::InvalidInput, fmt::format("expects a section '{}'", kManifestFile));
  Package package;
  MOERT_ASSIGN_OR_RETURN(package.manifest, parseManifest(*text));
  package.code.resize(package.manifest.kernels.size());
  for (size_t i = 0; i < package.code.size(); ++i)
    for (auto [record, content] : filesOf(package.manifest.kernels[i], package.code[i]))
      if (record->isPresent())
        MOERT_RETURN_IF_ERROR(copyFile(entry, *record, *content));
  for (const FileRecord &record : package.manifest.files) {
    PackageFile file{record.file, {}};
    MOERT_RETURN_IF_ERROR(copyFile(entry, record, file.content));
    package.files.push_back(std::move(file));
  }
  return package;
}

} // namespace moert
