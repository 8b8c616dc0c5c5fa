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

namespace moert {

/// Where the buffers of a variant lie in the workspace.
struct WorkspaceLayout {
  std::array<uint64_t, kMaxBuffers> offsets; ///< multiples of kWorkspaceAlignment
  uint64_t bytes = 0;                        ///< the end of the last buffer
};

/// The layout of the variant's buffers at T = `tokens`, in the order of the manifest.
Result<WorkspaceLayout> layoutWorkspace(const Variant &variant, int64_t tokens);

/// The greatest T <= manifest.maxTokens for which every dimension of every argument and of every
/// buffer of T's variant fits an i32 and every size fits 62 bits; -1 where T = 0 does not.
int64_t greatestTokens(const Manifest &manifest);

/// The grid of a launch at T = `tokens`. Any zero means: skip. InvalidInput where a count is
/// negative, beyond the device's limits or no multiple of the cluster.
Result<std::array<unsigned, 3>> gridAt(const Launch &launch, int64_t tokens);

} // namespace moert

#endif // MOEC_RUNTIME_EXEC_LAUNCHPLAN_H
