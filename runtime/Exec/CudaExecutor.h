//===- CudaExecutor.h - Running a package with memory of its own ----------===//
//
// What `moec run`, `moec bench` and the tests need around a LoadedPackage: device tensors, a
// workspace and a stream for one token count, poison before a checked run, and guard bytes that
// tell whether a kernel wrote beyond its memory.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_EXEC_CUDAEXECUTOR_H
#define MOEC_RUNTIME_EXEC_CUDAEXECUTOR_H

#include "runtime/Cuda/Memory.h"
#include "runtime/Cuda/Stream.h"
#include "runtime/Exec/LoadedPackage.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace moert {

/// How `CudaExecutor::measure` times.
struct MeasureOptions {
  unsigned warmups = 5;
  unsigned repeats = 30;
  bool useGraph = true; ///< replay a captured graph, so that the host's launch cost does not count
  bool flushL2 = true;  ///< overwrite twice the L2 cache before each repeat
};

/// One token count, one set of tensors. Not thread-safe; several executors may share a package.
class CudaExecutor {
public:
  /// Allocates all tensors and the workspace for T = `tokens`, with guard bytes before and behind
  /// each. Budget failure where the device has too little memory.
  static Result<CudaExecutor> create(std::shared_ptr<const LoadedPackage> package, int64_t tokens);

  /// Makes this an executor for another T. Tensors whose size stays (weights) keep memory, address
  /// and content; all others are allocated anew. After a failure only another `resize` is valid.
  Status resize(int64_t tokens);

  const LoadedPackage &package() const { return *loaded; }
  int64_t tokens() const { return tokenCount; }
  const cuda::Stream &stream() const { return executionStream; }
  uint64_t argumentBytes(size_t index) const { return blocks[index].bytes; }
  uint64_t workspaceBytes() const { return blocks.back().bytes; }
  cuda::DevicePtr address(size_t index) const { return addresses[index]; }

  /// Copies one argument to the device; the size must be exact.
  Status upload(size_t index, std::span<const std::byte> host);
  /// Waits for the stream and copies one argument back; the size must be exact.
  Status download(size_t index, std::span<std::byte> host);
  /// Fills the outputs and the workspace with 0xFF, which is NaN in every float type.
  Status poison();
  /// Launches on the stream and does not wait.
  Status launch();
  /// Waits for the stream; reports the errors of kernels.
  Status synchronize();
  /// Launches a captured graph once and waits.
  Status runAsGraph();
  /// Mismatch where a byte before or behind a tensor or the workspace changed; names it.
  Status checkGuards();
  /// Milliseconds of each repeat.
  Result<std::vector<float>> measure(const MeasureOptions &options);

private:
  /// Guarded memory of one argument or, last, of the workspace.
  struct Block {
    cuda::DeviceMemory memory;
    uint64_t bytes = 0;
  };

  CudaExecutor(std::shared_ptr<const LoadedPackage> package, int64_t tokens, cuda::Stream stream)
      : loaded(std::move(package)), tokenCount(tokens), executionStream(std::move(stream)) {}

  Status checkSize(size_t index, uint64_t bytes) const;

  std::shared_ptr<const LoadedPackage> loaded;
  int64_t tokenCount;
  cuda::Stream executionStream;
  std::vector<Block> blocks;
  std::vector<cuda::DevicePtr> addresses; ///< parallel to blocks, behind the leading guard
};

} // namespace moert

#endif // MOEC_RUNTIME_EXEC_CUDAEXECUTOR_H
