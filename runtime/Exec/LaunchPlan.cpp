//===- LaunchPlan.cpp - What a launch computes from T, without allocating -===//

#include "runtime/Exec/LaunchPlan.h"

#include <fmt/format.h>

#include <algorithm>

namespace moert {

/// No tensor and no workspace is larger; keeps sums of two sizes within 64 bits.
static constexpr uint64_t kMaxBytes = uint64_t(1) << 62;

/// Limits of every CUDA device.
static constexpr int64_t kMaxGridX = INT32_MAX;
static constexpr int64_t kMaxGridYZ = 65535;

Result<WorkspaceLayout> layoutWorkspace(const Variant &variant, int64_t tokens) {
  WorkspaceLayout layout;
  uint64_t end = 0;
  for (size_t i = 0; i < variant.buffers.size(); ++i) {
    const Buffer &buffer = variant.buffers[i];
    MOERT_ASSIGN_OR_RETURN(uint64_t bytes, byteSizeAt(buffer.dtype, buffer.shape, tokens));
    uint64_t offset = (end + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
    layout.offsets[i] = offset;
    end = offset + bytes;
    if (bytes > kMaxBytes || end > kMaxBytes)
      return Status(StatusCode::InvalidInput,
                    fmt::format("the workspace is beyond 62 bits at T = {}", tokens));
  }
  layout.bytes = end;
  return layout;
}

Result<WorkspaceNeed> WorkspaceNeed::of(const Manifest &manifest, int64_t maxTokens) {
  WorkspaceNeed need;
  uint64_t most = 0;
  for (const Variant &variant : manifest.variants) {
    need.below.push_back(most);
    if (variant.maxTokens < 0 || variant.maxTokens > maxTokens)
      break; // No greater T can be launched.
    MOERT_ASSIGN_OR_RETURN(WorkspaceLayout layout, layoutWorkspace(variant, variant.maxTokens));
    most = std::max(most, layout.bytes);
  }
  return need;
}

Result<uint64_t> WorkspaceNeed::at(const Manifest &manifest, int64_t tokens) const {
  uint32_t index = variantFor(manifest, tokens);
  MOERT_ASSIGN_OR_RETURN(WorkspaceLayout layout, layoutWorkspace(manifest.variants[index], tokens));
  return atLeast(index, layout.bytes);
}

static bool fitsI32(const std::vector<Expr> &shape, int64_t tokens) {
  for (const Expr &dim : shape) {
    Result<int64_t> extent = dim.evaluate(tokens);
    if (!extent || *extent > INT32_MAX)
      return false;
  }
  return true;
}

static bool fits(const Manifest &manifest, const Variant &variant, int64_t tokens) {
  for (const Argument &argument : manifest.arguments) {
    if (!fitsI32(argument.shape, tokens))
      return false;
    Result<uint64_t> bytes = byteSizeAt(argument.dtype, argument.shape, tokens);
    if (!bytes || *bytes > kMaxBytes)
      return false;
  }
  for (const Buffer &buffer : variant.buffers)
    if (!fitsI32(buffer.shape, tokens))
      return false;
  return layoutWorkspace(variant, tokens).isOk();
}

int64_t greatestTokens(const Manifest &manifest) {
  for (const Variant &variant : manifest.variants) {
    if (variant.minTokens > manifest.maxTokens)
      break;
    int64_t last = manifest.maxTokens;
    if (variant.maxTokens >= 0)
      last = std::min(last, variant.maxTokens);
    if (fits(manifest, variant, last)) {
      if (last == manifest.maxTokens)
        return last;
      continue;
    }
    // Shapes never shrink as T grows, so the T that fit are the first ones of the interval.
    int64_t good = variant.minTokens - 1, bad = last;
    while (bad - good > 1) {
      int64_t middle = good + (bad - good) / 2;
      (fits(manifest, variant, middle) ? good : bad) = middle;
    }
    return good;
  }
  return manifest.maxTokens;
}

Result<std::array<unsigned, 3>> gridAt(const Launch &launch, int64_t tokens) {
  std::array<unsigned, 3> grid = {};
  bool empty = false;
  for (size_t i = 0; i < 3; ++i) {
    MOERT_ASSIGN_OR_RETURN(int64_t blocks, launch.grid[i].evaluate(tokens));
    int64_t most = i == 0 ? kMaxGridX : kMaxGridYZ;
    if (blocks < 0 || blocks > most)
      return Status(StatusCode::InvalidInput,
                    fmt::format("expects 0 to {} blocks along {}, but '{}' is {} at T = {}", most,
                                "xyz"[i], launch.grid[i].str(), blocks, tokens));
    grid[i] = static_cast<unsigned>(blocks);
    empty |= blocks == 0;
  }
  for (size_t i = 0; i < 3 && !empty; ++i)
    if (grid[i] % launch.cluster[i] != 0)
      return Status(
          StatusCode::InvalidInput,
          fmt::format("expects the blocks along {} to be a multiple of the cluster's {}, but "
                      "'{}' is {} at T = {}",
                      "xyz"[i], launch.cluster[i], launch.grid[i].str(), grid[i], tokens));
  return grid;
}

} // namespace moert
