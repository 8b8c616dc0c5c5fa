//===- Bundle.cpp - One block for several architectures -------------------===//

#include "runtime/Package/Bundle.h"

#include "runtime/Package/Json.h"
#include "runtime/Support/File.h"

#include <fmt/format.h>

#include <algorithm>

namespace fs = std::filesystem;

namespace moert {

/// A list of names; anything larger is not one, and may be the manifest of a package.
static constexpr uint64_t kMaxBundleManifestBytes = 16u << 20;

/// Parts must be interchangeable for a host.
static Status checkParts(const std::vector<Package> &parts) {
  if (parts.empty() || parts.size() > kMaxBundleParts)
    return Status(StatusCode::Usage, fmt::format("expects 1 to {} architectures, but got {}",
                                                 kMaxBundleParts, parts.size()));
  const Manifest &first = parts.front().manifest;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Manifest &manifest = parts[i].manifest;
    MOERT_RETURN_IF_ERROR(Architecture::parse(manifest.targetArch).status());
    for (size_t j = 0; j < i; ++j)
      if (parts[j].manifest.targetArch == manifest.targetArch)
        return Status(StatusCode::Usage, fmt::format("expects each architecture once, but got {} "
                                                     "twice",
                                                     manifest.targetArch));
    bool same = manifest.block == first.block &&
                std::ranges::equal(manifest.arguments, first.arguments, [](auto &a, auto &b) {
                  return a.name == b.name && a.dtype == b.dtype && a.isOutput == b.isOutput &&
                         a.shape.size() == b.shape.size();
                });
    if (!same)
      return Status(StatusCode::Internal,
                    fmt::format("the parts for {} and {} are not the same block", first.targetArch,
                                manifest.targetArch));
  }
  return Status::ok();
}

Status writeBundle(const fs::path &path, std::vector<Package> parts) {
  std::string where = fmt::format("package '{}'", path.string());
  MOERT_RETURN_IF_ERROR(checkParts(parts).withContext(where));
  Json json = Json::object();
  json["format"] = std::string(kBundleMagic);
  json["version"] = kBundleFormatVersion;
  json["producer"] = parts.front().manifest.producer;
  json["block"] = parts.front().manifest.block;
  json["targets"] = Json::array();
  for (const Package &part : parts)
    json["targets"].push_back(part.manifest.targetArch);
  MOERT_RETURN_IF_ERROR(checkReplaceable(path));
  MOERT_ASSIGN_OR_RETURN(AtomicDirectory folder, AtomicDirectory::create(path));
  for (Package &part : parts) {
    MOERT_RETURN_IF_ERROR(sealPackage(part).withContext(where));
    MOERT_RETURN_IF_ERROR(
        writePackageFiles(folder, part.manifest.targetArch + "/", part).withContext(where));
  }
  MOERT_RETURN_IF_ERROR(folder.writeFile(kManifestFile, json.dump(2) + "\n").withContext(where));
  return folder.commit().withContext(where);
}

Result<std::vector<std::string>> readBundleTargets(const fs::path &path) {
  Result<PackageFolder> folder = PackageFolder::open(path);
  return folder ? readBundleTargets(*folder) : std::vector<std::string>();
}

Result<std::vector<std::string>> readBundleTargets(const PackageFolder &folder) {
  std::vector<std::string> targets;
  Result<std::string> text = folder.read(std::string(kManifestFile), kMaxBundleManifestBytes);
  // Whatever is wrong with it, the reader of packages says so.
  if (!text || text->find(kBundleMagic) == std::string::npos)
    return targets;
  Result<Json> document = parseJson(*text);
  if (!document || !document->is_object() || !document->contains("format") ||
      (*document)["format"] != kBundleMagic)
    return targets;
  Status error;
  JsonCursor root(*document, error);
  root.expectObject({"format", "version", "producer", "block", "targets"});
  if (int64_t version = root.field("version").integer(); version != kBundleFormatVersion)
    root.field("version").fail(
        fmt::format("expects bundle format {}, but got {}", kBundleFormatVersion, version));
  JsonCursor list = root.field("targets");
  size_t count = list.arraySize(kMaxBundleParts);
  for (size_t i = 0; i < count; ++i) {
    targets.push_back(list.element(i).text());
    // Also keeps the path of the part below the bundle.
    if (Result<Architecture> target = Architecture::parse(targets.back()); !target)
      list.element(i).fail(target.status().message());
  }
  if (count == 0)
    list.fail("expects an architecture");
  if (!error.isOk())
    return std::move(error).withContext(
        fmt::format("package '{}': {}", folder.path().string(), kManifestFile));
  return targets;
}

fs::path bundlePart(const fs::path &path, std::string_view target) { return path / target; }

} // namespace moert
