//===- Splice.cpp - one package of several lowerings --------------------------===//

#include "compiler/Engine/Splice.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

#include <limits>

using moert::Kernel;
using moert::Launch;
using moert::Package;
using moert::Variant;

namespace moec {

/// The last token count of a variant, which may be unbounded.
static int64_t lastOf(const Variant &variant) {
  return variant.maxTokens < 0 ? std::numeric_limits<int64_t>::max() : variant.maxTokens;
}

/// A variant for those of its token counts that lie in [first, last]; nothing where none does.
static std::optional<Variant> cut(const Variant &variant, int64_t first, int64_t last) {
  first = std::max(first, variant.minTokens);
  last = std::min(last, lastOf(variant));
  if (first > last)
    return std::nullopt;
  Variant piece = variant;
  piece.minTokens = first;
  piece.maxTokens = last == std::numeric_limits<int64_t>::max() ? -1 : last;
  return piece;
}

/// The number that a kernel of the part has in the whole package.
static uint32_t takeKernel(Package &whole, Package &part, size_t index,
                           const TokenInterval &interval) {
  Kernel &kernel = part.manifest.kernels[index];
  for (size_t i = 0; i < whole.code.size(); ++i)
    if (whole.code[i].source == part.code[index].source) {
      Kernel &same = whole.manifest.kernels[i];
      same.dynamicSharedBytes = std::max(same.dynamicSharedBytes, kernel.dynamicSharedBytes);
      return uint32_t(i);
    }
  if (llvm::any_of(whole.manifest.kernels,
                   [&](const Kernel &other) { return other.name == kernel.name; }))
    kernel.name += fmt::format("_{}_{}", interval.first, interval.last);
  whole.manifest.kernels.push_back(std::move(kernel));
  whole.code.push_back(std::move(part.code[index]));
  return uint32_t(whole.code.size() - 1);
}

static void takeVariants(Package &whole, Package part, const TokenInterval &interval) {
  std::vector<Variant> variants;
  auto keep = [&](std::optional<Variant> piece) {
    if (piece)
      variants.push_back(*std::move(piece));
  };
  for (const Variant &variant : whole.manifest.variants) {
    keep(cut(variant, 0, interval.first - 1));
    keep(cut(variant, interval.last + 1, std::numeric_limits<int64_t>::max()));
  }
  std::vector<uint32_t> numbers;
  for (size_t i = 0; i < part.code.size(); ++i)
    numbers.push_back(takeKernel(whole, part, i, interval));
  for (Variant &variant : part.manifest.variants) {
    for (Launch &launch : variant.launches)
      launch.kernel = numbers[launch.kernel];
    keep(cut(variant, interval.first, interval.last));
  }
  llvm::sort(variants,
             [](const Variant &a, const Variant &b) { return a.minTokens < b.minTokens; });
  whole.manifest.variants = std::move(variants);
  whole.manifest.maxTokens = std::min(whole.manifest.maxTokens, part.manifest.maxTokens);
}

void splice(Compilation &whole, Compilation part, const TokenInterval &interval) {
  takeVariants(whole.package, std::move(part.package), interval);
  if (!whole.package.files.empty()) {
    whole.package.files.push_back({irFile(Stage::Fused, interval), part.fused});
    whole.package.files.push_back({irFile(Stage::Kernel, interval), part.kernel});
  }
  whole.own.push_back({interval, std::move(part.fused), std::move(part.kernel)});
  for (StageTime &time : part.times) {
    time.name += fmt::format(" (T={}-{})", interval.first, interval.last);
    whole.times.push_back(std::move(time));
  }
  llvm::append_range(whole.warnings, part.warnings);
  whole.wasCached &= part.wasCached;
}

} // namespace moec
