//===- CudaRunner.h - running a package on a CUDA device --------------------===//

#ifndef MOEC_COMPILER_ENGINE_CUDARUNNER_H
#define MOEC_COMPILER_ENGINE_CUDARUNNER_H

#include "compiler/Engine/Runner.h"

#include "runtime/Exec/CudaExecutor.h"

#include <memory>
#include <optional>

namespace moec {

/// Runs a loaded package with device memory of its own. Tensors of a size that does not depend on
/// the token count are uploaded once for as long as the caller passes the same ones.
class CudaRunner final : public Runner {
public:
  explicit CudaRunner(std::shared_ptr<const moert::LoadedPackage> package);

  moert::Result<uint64_t> planMemory(int64_t tokens) override;
  moert::Result<Outcome> run(std::span<const moert::HostTensor> arguments, int64_t tokens,
                             bool poison) override;

private:
  moert::Status prepare(int64_t tokens);
  moert::Status uploadInputs(std::span<const moert::HostTensor> arguments);

  std::shared_ptr<const moert::LoadedPackage> package;
  std::optional<moert::CudaExecutor> executor;
  /// The host tensor that each argument on the device came from; none where it must be uploaded.
  std::vector<std::optional<moert::HostTensor>> uploaded;
};

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_CUDARUNNER_H
