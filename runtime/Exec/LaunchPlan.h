//===- LaunchPlan.h - What a launch computes from T, without allocating ---===//
//
// Pure functions of a validated manifest: workspace layout, the greatest T, grids. The executor
// keeps their results on its stack.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_EXEC_LAUNCHPLAN_H
#define MOEC_RUNTIME_EXEC_LAUNCHPLAN_H

#include "runtime/Package/Manifest.h"

#include <array>
#include <vector>

namespace moert {

/// Where the buffers of a variant lie in the workspace.
struct WorkspaceLayout {
  std::array<uint64_t, kMaxBuffers> offsets; ///< multiples of kWorkspaceAlignment
  uint64_t bytes = 0;                        ///< the end of the last buffer
};

/// The layout of the variant's buffers at T = `tokens`, in the order of the manifest.
Result<WorkspaceLayout> layoutWorkspace(const Variant &variant, int64_t tokens);

/// How much workspace a launch asks for, for every T.
class WorkspaceNeed {
public:
  WorkspaceNeed() = default;
  /// For T in [0, `maxTokens`]; `maxTokens` is at most `greatestTokens(manifest)`.
  static Result<WorkspaceNeed> of(const Manifest &manifest, int64_t maxTokens);

  /// The bytes that the variant of T uses, or a variant for fewer tokens where that is more: never
  /// shrinks as T grows. `manifest` is the one that this was made of.
  Result<uint64_t> at(const Manifest &manifest, int64_t tokens) const;
  /// The same, where the variant and its own layout are known already.
  uint64_t atLeast(uint32_t variant, uint64_t layoutBytes) const {
    return layoutBytes > below[variant] ? layoutBytes : below[variant];
  }

private:
  std::vector<uint64_t> below; ///< for each variant, the most that one for fewer tokens uses
};

/// The greatest T <= manifest.maxTokens for which every dimension of every argument and of every
/// buffer of T's variant fits an i32 and every size fits 62 bits; -1 where T = 0 does not.
int64_t greatestTokens(const Manifest &manifest);

/// The grid of a launch at T = `tokens`. Any zero means: skip. InvalidInput where a count is
/// negative, beyond the device's limits or no multiple of the cluster.
Result<std::array<unsigned, 3>> gridAt(const Launch &launch, int64_t tokens);

} // namespace moert

#endif // MOEC_RUNTIME_EXEC_LAUNCHPLAN_H
