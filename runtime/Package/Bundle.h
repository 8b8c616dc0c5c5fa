//===- Bundle.h - One block for several architectures ---------------------===//
//
//   NAME.moepkg/manifest.json     names the parts
//               sm_90a/           a package, complete in itself
//               sm_80/            another
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_PACKAGE_BUNDLE_H
#define MOEC_RUNTIME_PACKAGE_BUNDLE_H

#include "runtime/Package/PackageIO.h"

namespace moert {

/// The "format" field of a bundle's manifest.
inline constexpr std::string_view kBundleMagic = "moec-bundle";
/// A reader accepts its own version only.
inline constexpr int64_t kBundleFormatVersion = 1;
/// A bundle has no more parts.
inline constexpr size_t kMaxBundleParts = 32;

/// Writes `parts` as the bundle `path`, as atomically as `writePackage`. Usage where two parts are
/// for the same architecture, Internal where they differ in block or arguments.
Status writeBundle(const std::filesystem::path &path, std::vector<Package> parts);

/// The architectures of the parts of a bundle, in its order; nothing for a package. InvalidInput
/// where the manifest is that of a broken bundle.
Result<std::vector<std::string>> readBundleTargets(const std::filesystem::path &path);
Result<std::vector<std::string>> readBundleTargets(const PackageFolder &folder);

/// The folder of one part, which `readPackage` reads.
std::filesystem::path bundlePart(const std::filesystem::path &path, std::string_view target);

} // namespace moert

#endif // MOEC_RUNTIME_PACKAGE_BUNDLE_H
