//===- LoadedPackage.h - A package ready to launch on a device ------------===//
//
// Loading does everything that may allocate, load code or fail slowly. After that, `launch`
// evaluates the expressions of the manifest on its stack and calls the driver: no allocation, no
// synchronisation, no read of device memory, so that it can be captured in a CUDA graph.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_EXEC_LOADEDPACKAGE_H
#define MOEC_RUNTIME_EXEC_LOADEDPACKAGE_H

#include "runtime/Cuda/Device.h"
#include "runtime/Package/PackageIO.h"

#include <memory>
#include <span>
#include <vector>

namespace moert {

/// Immutable and thread-safe: any number of threads may launch at once, each with a workspace and a
/// stream of its own. Must outlive the graphs that were captured from its launches.
class LoadedPackage {
public:
  /// Loads the kernels onto the device. NoDevice where the device cannot run the architecture of
  /// the package, Unsupported where it grants less shared memory than a kernel needs; InvalidInput
  /// where the code does not fit the manifest (a missing entry, other parameters).
  static Result<std::shared_ptr<const LoadedPackage>>
  load(std::shared_ptr<const cuda::Device> device, const Package &package);

  LoadedPackage(const LoadedPackage &) = delete;
  LoadedPackage &operator=(const LoadedPackage &) = delete;
  ~LoadedPackage();

  const Manifest &manifest() const;
  const std::shared_ptr<const cuda::Device> &device() const;

  /// The greatest T that can be launched.
  int64_t maxTokens() const;

  /// The size in bytes of argument `index` at T = `tokens`.
  Result<uint64_t> argumentBytes(size_t index, int64_t tokens) const;

  /// The workspace that `launch` needs at T = `tokens`: the bytes that the variant of T uses, or of
  /// a variant for fewer tokens where that is more. Hence it never shrinks as T grows, and a
  /// workspace for T serves every T' <= T. Usage failure where T is not in [0, maxTokens()].
  Result<uint64_t> workspaceBytes(int64_t tokens) const;

  /// Puts the block on `stream`. `tensors` holds one address for each argument of the manifest, in
  /// its order; tensors are compact and row-major, addresses multiples of kTensorAlignment, and may
  /// be null where the tensor has no element at this T. `workspace` is a multiple of
  /// kWorkspaceAlignment. Usage failure, before anything is launched, where the caller broke one of
  /// these rules, where a range overlaps an output or the workspace, or where memory is not
  /// reachable from this package's device. T = 0 is valid and launches what is left to do.
  Status launch(int64_t tokens, std::span<const cuda::DevicePtr> tensors, cuda::DevicePtr workspace,
                uint64_t workspaceBytes, cuda::StreamHandle stream) const;

private:
  struct State;
  explicit LoadedPackage(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace moert

#endif // MOEC_RUNTIME_EXEC_LOADEDPACKAGE_H
