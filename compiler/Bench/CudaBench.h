//===- CudaBench.h - times of a package on a CUDA device --------------------===//
//
// How: weights once on the device, several sets of tokens and routings, one CUDA graph that
// launches the block on each set in turn, replayed. A replay streams the weights of every set's
// experts, more than the L2 cache holds, and leaves the host's launch cost out; the median replay
// divided by the number of sets is the time of a block.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_BENCH_CUDABENCH_H
#define MOEC_COMPILER_BENCH_CUDABENCH_H

#include "runtime/Cuda/Memory.h"
#include "runtime/Cuda/Stream.h"
#include "runtime/Exec/LoadedPackage.h"
#include "runtime/Tensor/HostTensor.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace moec {

class CachedCompiler;

struct TimingOptions {
  double warmupSeconds = 0.1;
  double measureSeconds = 0.4; ///< at least this long, and at least `minReplays`
  unsigned minReplays = 20;
  unsigned maxReplays = 2000;
};

/// Microseconds of a block over the replays of one measurement.
struct Timing {
  double median = 0, p10 = 0, p90 = 0;
  unsigned replays = 0;
};

/// Of the microseconds of at least one replay each.
Timing timingOf(std::vector<double> microseconds);

/// Device memory of one token count: shared weights, sets of the other arguments, one workspace
/// (one for each set where a launch is measured alone).
class CudaBench {
public:
  /// How many inputs and routings a measurement walks if nobody wants otherwise.
  static constexpr size_t kSets = 8;

  explicit CudaBench(std::shared_ptr<const moert::LoadedPackage> package)
      : package(std::move(package)) {}

  /// Unsupported, with both numbers, where the device's memory cannot hold so many sets.
  moert::Status checkRoom(int64_t tokens, size_t sets) const;

  /// Uploads inputs for T = `tokens`, those of one set in the order of the package's (as
  /// `bindInputSets` makes them). What does not depend on T is uploaded once in the life of this
  /// object.
  moert::Status prepare(int64_t tokens, std::span<const std::vector<moert::HostTensor>> inputs);

  /// Runs `subject` once on one set, from outputs and workspace full of NaN; returns its outputs in
  /// the order of the arguments.
  moert::Result<std::vector<moert::HostTensor>> run(const moert::LoadedPackage &subject,
                                                    size_t set);

  /// The outputs of one set in the order of the arguments, as launches left them.
  moert::Result<std::vector<moert::HostTensor>> outputs(size_t set) const;

  /// Runs `subject` once more on every set, as `run` does. Mismatch, with the place, where an
  /// output is not the bits that the launches before left: what one launch still had to read was
  /// another's already, or its memory was not what it wrote.
  moert::Status checkOutputsAgain(const moert::LoadedPackage &subject);

  /// A graph of a package's launches on all sets.
  struct Walk {
    moert::cuda::Graph graph;
    uint64_t memory; ///< that the launches hold, by the number of its allocation
  };
  /// Measures a package with the arguments of this one's: itself, a part of it, or another schedule
  /// of the same block. `kept`: its walk between two calls, made where there is none.
  moert::Result<Timing> measure(const moert::LoadedPackage &subject, const TimingOptions &options,
                                std::optional<Walk> *kept = nullptr);

  /// Measures `part`, a launch of `whole` without those before it: the whole plan runs once on each
  /// set and leaves in a workspace of the set's own what the launch reads, then only the launch is
  /// captured and replayed.
  moert::Result<Timing> measureAlone(const moert::LoadedPackage &whole,
                                     const moert::LoadedPackage &part,
                                     const TimingOptions &options);

private:
  /// Makes `count` workspaces of at least `bytes` each.
  moert::Status reserveWorkspaces(size_t count, uint64_t bytes);
  std::vector<moert::cuda::DevicePtr> addresses(size_t set) const;
  /// Puts `subject` on the stream, once for each set.
  moert::Status walk(const moert::LoadedPackage &subject, const moert::cuda::Stream &stream) const;
  /// Runs one walk and captures another.
  moert::Result<moert::cuda::Graph> captureWalk(const moert::LoadedPackage &subject,
                                                const moert::cuda::Stream &stream) const;
  /// Times a graph of one walk.
  moert::Result<Timing> replay(const moert::cuda::Graph &graph, const moert::cuda::Stream &stream,
                               const TimingOptions &options) const;
  moert::Result<uint64_t> deviceBytes(int64_t tokens, size_t sets) const;
  uint64_t heldBytes() const; ///< of device memory

  std::shared_ptr<const moert::LoadedPackage> package;
  int64_t tokens = 0;
  std::vector<moert::cuda::DeviceMemory> shared;            ///< per argument: weights, else empty
  std::vector<std::vector<moert::cuda::DeviceMemory>> sets; ///< per set, per argument: the rest
  std::vector<moert::cuda::DeviceMemory> workspaces;        ///< one, or one a set
  uint64_t allocations = 0;                                 ///< of memory that walks hold
};

/// The package with the launches of the variant for T = `tokens` cut down to the first `launches`.
/// The difference between two such parts is what one launch costs where it stands.
moert::Package firstLaunches(const moert::Package &package, int64_t tokens, size_t launches);

/// The package with launch `launch` alone in the variant for T = `tokens`.
moert::Package onlyLaunch(const moert::Package &package, int64_t tokens, size_t launch);

/// Bytes a second that a plain kernel reads from device memory on this device; the kernel comes
/// from `compiler`.
moert::Result<double> measureReadBandwidth(std::shared_ptr<const moert::cuda::Device> device,
                                           CachedCompiler &compiler);

} // namespace moec

#endif // MOEC_COMPILER_BENCH_CUDABENCH_H
