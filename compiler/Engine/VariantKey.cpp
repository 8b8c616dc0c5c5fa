//===- VariantKey.cpp - what decides a package ------------------------------===//

#include "compiler/Engine/VariantKey.h"

#include "compiler/Cache/BuildId.h"
#include "compiler/Cache/KeyBuilder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace moec {

moert::CacheKey variantKey(llvm::StringRef block, const CompilerOptions &options,
                           llvm::StringRef nvrtc) {
  // An option that is added later does not compile here until somebody decides whether it belongs
  // to the key.
  const auto &[kernel, fusions, stopAfter, jobs, own, progress, cache] = options;
  const auto &[target, combine, tokens, schedule] = kernel;
  (void)stopAfter; // only whole packages are kept
  (void)jobs, (void)progress, (void)cache;
  (void)own; // packages of their own

  // Their order and repetitions choose nothing.
  std::vector<int64_t> counts = tokens;
  std::ranges::sort(counts);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());

  return KeyBuilder(moert::EntryKind::Package)
      .add("format", std::to_string(moert::kPackageFormatVersion))
      .add("compiler", buildId())
      .addDigest("block", block)
      .add("target", target)
      .add("tokens", counts.empty() ? "all" : fmt::format("{}", fmt::join(counts, ",")))
      .add("fuse", toString(fusions))
      .add("combine", combine == CombineMode::Ordered ? "ordered" : "accumulate")
      .add("schedule", schedule.empty() ? "default" : schedule)
      .build(nvrtc);
}

} // namespace moec
