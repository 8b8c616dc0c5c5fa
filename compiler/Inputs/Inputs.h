//===- Inputs.h - Generated and given inputs of a block
//-------------------------------------------===//
//
// Fills every argument that no file names, from a seed. What an argument gets depends on its role:
// values are scaled so that the outputs of a block are of order one, logits follow a routing
// distribution. This part knows no MLIR: a package's arguments are described as well as a
// function's (see FunctionInputs.h for the latter).
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_INPUTS_INPUTS_H
#define MOEC_COMPILER_INPUTS_INPUTS_H

#include "compiler/Inputs/Routing.h"
#include "runtime/Tensor/HostTensor.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moec {

/// A dimension whose size is the number of tokens (times `InputSpec::rowsPerToken`).
inline constexpr int64_t kTokensDim = -1;

/// What an argument is to the block, and with it the distribution of its generated values:
enum class InputRole {
  Data,           ///< float; approximately N(0, 1): a sum of four uniforms, |x| <= 3.47
  Weight,         ///< float; uniform with standard deviation 1 / sqrt(fanIn)
  Bias,           ///< float; approximately N(0, 1/16)
  RouterLogits,   ///< float [T, E]; by the routing distribution
  RoutingWeights, ///< float [T, k]; uniform in (1/2, 3/2) / k
  ExpertIds,      ///< i32 [T, k]; the k winners of the routing distribution
  Routes,         ///< i32 [R]; a permutation of [0, R)
  Offsets,        ///< i32 [E + 1]; group bounds of R rows of uniformly drawn experts
};

/// One argument. Negative dimensions are dynamic.
struct InputSpec {
  std::string name;
  moert::DType dtype = moert::DType::F32;
  std::vector<int64_t> shape;
  InputRole role = InputRole::Data;
  int64_t rowsPerToken = 1; ///< what a dynamic dimension (for Offsets: R) is a multiple of T by
  /// The leading dimension is known to be T * rowsPerToken: where it is static, it fixes T.
  bool hasTokenRows = false;
  int64_t fanIn = 1;        ///< of a Weight: the length of the sums it takes part in
  int64_t numExperts = 0;   ///< of ExpertIds
  int64_t topK = 0;         ///< of RouterLogits: experts that a token chooses; 0: not known
};

/// A spec whose role is read off name, element type and rank alone: floats of rank 3 are weights
/// `[E, N, K]` of fan-in K, floats of rank 2 whose name ends in "logits" are router logits, a row
/// per token.
InputSpec guessInputSpec(std::string name, moert::DType dtype, std::vector<int64_t> shape);

/// Whether values or shape of the argument are those of T tokens. All others are constants, the
/// same in every call.
bool dependsOnTokens(const InputSpec &spec);

struct InputOptions {
  int64_t tokens = 0;
  uint64_t seed = 0;
  Routing routing = {};
  unsigned threads = 0; ///< 0: one per core
};

/// Whether the inputs can follow the routing (see Routing.h), for callers who want to know before
/// they compile; `generateInput` fails in the same way.
moert::Status checkRouting(std::span<const InputSpec> specs, const Routing &routing);

/// Usage where a static row dimension is that of another number of tokens; InvalidInput where it is
/// that of none.
moert::Status checkTokens(std::span<const InputSpec> specs, int64_t tokens);

/// The static shape of `spec` for that many tokens. Unsupported where a dimension overflows.
moert::Result<std::vector<int64_t>> resolveShape(const InputSpec &spec, int64_t tokens);

/// Generates one argument. The bits depend on the seed, the routing, the argument's name and each
/// element's index, and on nothing else.
moert::Result<moert::HostTensor> generateInput(const InputSpec &spec, const InputOptions &options);

/// One tensor per spec, in their order: the given one where there is one of that name, a generated
/// one otherwise. A given tensor of another dtype or shape, or of a name that no spec has, is
/// InvalidInput; for `options.tokens` see `checkTokens`. Call `planMemory` first.
moert::Result<std::vector<moert::HostTensor>> bindInputs(std::span<const InputSpec> specs,
                                                         const moert::NamedTensors &given,
                                                         const InputOptions &options);

/// The inputs of `count` calls, one vector a call: what depends on T from the seeds from
/// `options.seed` on, one a call, everything else from `options.seed`, once for all. `constants`
/// are those of them that are known already; it receives the others. Unsupported where the system's
/// memory does not hold them.
moert::Result<std::vector<std::vector<moert::HostTensor>>>
bindInputSets(std::span<const InputSpec> specs, moert::NamedTensors &constants,
              const InputOptions &options, size_t count);

/// The number of tokens that a static row dimension or else the given tensors imply, or nothing
/// where none of these has a dynamic dimension either.
std::optional<int64_t> inferTokens(std::span<const InputSpec> specs, const moert::NamedTensors &given);

/// What a run needs in host memory.
struct MemoryPlan {
  uint64_t inputBytes = 0; ///< generated inputs (given ones are mapped from their file)
  uint64_t extraBytes = 0; ///< as told by the caller: outputs, intermediates
  uint64_t availableBytes = 0;
  uint64_t totalBytes() const { return inputBytes + extraBytes; }
};

/// Adds up what would be allocated, before anything is. Unsupported, with both numbers, where the
/// system does not have that much; `available` replaces the system's figure in tests.
moert::Result<MemoryPlan> planMemory(std::span<const InputSpec> specs,
                                     const moert::NamedTensors &given, int64_t tokens,
                                     uint64_t extraBytes,
                                     std::optional<uint64_t> available = std::nullopt);

/// Bytes that this process can still allocate without swapping: the kernel's MemAvailable, or what
/// the process's control groups leave, if that is less.
uint64_t availableMemory();

} // namespace moec

#endif // MOEC_COMPILER_INPUTS_INPUTS_H
