//===- BundleChoice.cpp - The part of a bundle for a device ---------------===//

#include "runtime/Exec/BundleChoice.h"

#include "runtime/Exec/KernelLoader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace moert {

/// How well a part serves a device; greater is better.
using Rank = std::tuple<bool, int, int, bool>;

/// Nothing where it does not run there.
static std::optional<Rank> rank(const Manifest &manifest, const cuda::DeviceProperties &device) {
  Result<Architecture> target = Architecture::parse(manifest.targetArch);
  if (!target)
    return std::nullopt;
  bool hasCubin = std::ranges::all_of(manifest.kernels,
                                      [](const Kernel &kernel) { return kernel.cubin.isPresent(); });
  bool hasPtx = std::ranges::all_of(manifest.kernels,
                                    [](const Kernel &kernel) { return kernel.ptx.isPresent(); });
  Result<CodeForm> form = chooseForm(*target, manifest.targetArch, device.ccMajor, device.ccMinor,
                                     hasCubin, hasPtx);
  if (!form)
    return std::nullopt;
  return Rank(*form == CodeForm::Cubin, target->major, target->minor, target->suffix != 0);
}

static Result<Package> readPart(const PackageFolder &bundle, const std::string &target) {
  MOERT_ASSIGN_OR_RETURN(PackageFolder part, bundle.below(target));
  return readPackage(part);
}

static Result<Package> readPackageFor(const PackageFolder &folder,
                                      const cuda::DeviceProperties &device) {
  const std::filesystem::path &path = folder.path();
  MOERT_ASSIGN_OR_RETURN(std::vector<std::string> targets, readBundleTargets(folder));
  if (targets.empty())
    return readPackage(folder);
  std::optional<Rank> best;
  std::string chosen;
  for (const std::string &target : targets) {
    MOERT_ASSIGN_OR_RETURN(PackageFolder part, folder.below(target));
    MOERT_ASSIGN_OR_RETURN(Manifest manifest, readManifest(part));
    if (manifest.targetArch != target)
      return Status(StatusCode::InvalidInput,
                    fmt::format("package '{}': expects the part {} to be for {}, but it is for {}",
                                path.string(), target, target, manifest.targetArch));
    std::optional<Rank> rank = moert::rank(manifest, device);
    if (rank && (!best || *best < *rank)) {
      best = rank;
      chosen = target;
    }
  }
  if (best)
    return readPart(folder, chosen);
  return Status(StatusCode::NoDevice,
                fmt::format("package '{}': expects a device that runs code for {}, but got compute "
                            "capability {}.{}",
                            path.string(), fmt::join(targets, " or "), device.ccMajor,
                            device.ccMinor));
}

Result<Package> readPackageFor(const std::filesystem::path &path,
                               const cuda::DeviceProperties &device) {
  return readLatest(path,
                    [&](const PackageFolder &folder) { return readPackageFor(folder, device); });
}

} // namespace moert
