//===- Runner.h - one way to run a block ------------------------------------===//
//
// What the CUDA device, the CPU and the reference evaluator have in common for a tool that runs a
// block and looks at its results.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_ENGINE_RUNNER_H
#define MOEC_COMPILER_ENGINE_RUNNER_H

#include "runtime/Tensor/HostTensor.h"

#include <span>
#include <vector>

namespace moec {

/// Runs a block for any number of tokens. Arguments that do not depend on the token count (weights)
/// may be kept between calls, so a caller passes the same tensor for the same content. Not
/// thread-safe.
class Runner {
public:
  virtual ~Runner() = default;

  struct Outcome {
    std::vector<moert::HostTensor> outputs; ///< in the order of the block's results
    double milliseconds = 0;                ///< of the run alone: no transfer, no compilation
  };

  /// Bytes of host memory that `run` allocates beside its arguments. Unsupported where `tokens` are
  /// more than the device's memory holds, with both numbers.
  virtual moert::Result<uint64_t> planMemory(int64_t tokens) = 0;

  /// Runs once. `arguments` are in the order of the block's arguments. With `poison`, outputs and
  /// temporary memory hold NaN when the run starts, and memory around them is watched where the
  /// device allows it.
  virtual moert::Result<Outcome> run(std::span<const moert::HostTensor> arguments, int64_t tokens,
                                     bool poison) = 0;
};

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_RUNNER_H
