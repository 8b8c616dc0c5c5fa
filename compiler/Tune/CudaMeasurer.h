//===- CudaMeasurer.h - candidates on a CUDA device -------------------------===//

#ifndef MOEC_COMPILER_TUNE_CUDAMEASURER_H
#define MOEC_COMPILER_TUNE_CUDAMEASURER_H

#include "compiler/Bench/CudaBench.h"
#include "compiler/Reference/Check.h"
#include "compiler/Tune/KernelBuilder.h"
#include "compiler/Tune/Measurer.h"

#include <map>
#include <optional>

namespace moec {

/// Weights are generated and uploaded once, inputs once for every token count and routing. All
/// candidates run on the same device memory, as `moec bench` measures them. Outputs are compared
/// with the reference evaluator on sampled tokens and, as a whole, with the default's.
///
/// A candidate that faults takes the CUDA context with it: everything is then given back, the
/// device opened anew and the inputs uploaded again.
class CudaMeasurer final : public Measurer {
public:
  struct Options {
    std::string target; ///< empty: that of the device
    unsigned jobs = 0;
    uint64_t seed = 0;
    size_t logitsArgument = 0;
    int64_t topK = 1;
    std::shared_ptr<CachedCompiler> cache; ///< where kernels come from; may be null
  };

  /// The block must outlive the measurer. NoDevice without a GPU.
  static moert::Result<std::unique_ptr<CudaMeasurer>> create(const MoeBlock &block,
                                                             Options options);

  const moert::cuda::DeviceProperties &device() const { return opened->properties(); }
  const std::string &target() const { return options.target; }

  /// Makes `tokens` and `routing`, in `sets` inputs, what is measured from the next `begin` on: the
  /// inputs and what the reference makes of them, on the host.
  moert::Status aimAt(int64_t tokens, const Routing &routing, size_t sets);
  /// Uploads these. `defaults` is what every other choice is compared with; its failure to build is
  /// the failure of this call.
  moert::Status begin(const Choice &defaults);

  void prepare(std::span<const Choice> choices) override;
  moert::Status check(const Choice &choice) override;
  moert::Result<double> measure(const Choice &choice, Purpose purpose) override;

private:
  /// A build, loaded when it first runs.
  struct Build {
    Choice choice;
    moert::Result<moert::Package> package;
    std::shared_ptr<const moert::LoadedPackage> loaded;
    std::optional<CudaBench::Walk> walk; ///< goes before the package
  };

  CudaMeasurer(const MoeBlock &block, Options options, KernelBuilder builder,
               std::shared_ptr<const moert::cuda::Device> device)
      : block(block), options(std::move(options)), builder(std::move(builder)),
        opened(std::move(device)) {}

  Build &find(const Choice &choice);
  moert::Status load(Build &build);
  moert::Status fillDevice();
  moert::Status compare(const std::vector<moert::HostTensor> &outputs);
  /// Makes a failed device usable again; returns the failure, or why nothing can go on.
  moert::Status recover(moert::Status failure);

  const MoeBlock &block;
  Options options;
  KernelBuilder builder;
  std::shared_ptr<const moert::cuda::Device> opened;
  std::unique_ptr<CudaBench> bench;
  int64_t tokens = 0;
  std::vector<std::vector<moert::HostTensor>> sets; ///< for a device that has to be filled again
  Choice defaults;
  std::vector<std::unique_ptr<Build>> builds;
  moert::NamedTensors weights;
  std::optional<Expectation> expectation;
  std::vector<moert::HostTensor> baseline; ///< the default's outputs; empty until they are checked
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_CUDAMEASURER_H
