//===- CudaMeasurer.cpp - candidates on a CUDA device -----------------------===//

#include "compiler/Tune/CudaMeasurer.h"

#include "compiler/Engine/Subject.h"
#include "compiler/Tune/Agreement.h"

#include <fmt/format.h>

#include <algorithm>

using moert::HostTensor;
using moert::LoadedPackage;
using moert::Package;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

Result<std::unique_ptr<CudaMeasurer>> CudaMeasurer::create(const MoeBlock &block, Options options) {
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
  if (options.target.empty() || options.target == kNativeTarget)
    options.target = nativeTarget(device->properties());
  MOERT_RETURN_IF_ERROR(checkTarget(options.target));
  KernelBuilder builder(block, options.target, options.jobs, options.cache);
  return std::unique_ptr<CudaMeasurer>(
      new CudaMeasurer(block, std::move(options), std::move(builder), std::move(device)));
}

/// Tokens on which the reference is evaluated: many, but no more than some gigabytes of weights for
/// experts that only they chose. The default's outputs, checked on these, are compared as a whole.
static int64_t sampleSize(const std::vector<InputSpec> &specs, int64_t topK) {
  constexpr int64_t kMost = 64, kLeast = 8;
  constexpr uint64_t kMostBytes = uint64_t{8} << 30;
  uint64_t all = 0, expert = 0;
  for (const InputSpec &spec : specs)
    if (spec.role == InputRole::Weight && !spec.shape.empty() && spec.shape[0] > 0) {
      uint64_t bytes = byteSize(spec.dtype);
      for (int64_t dim : spec.shape)
        bytes *= uint64_t(dim);
      all += bytes;
      expert += bytes / uint64_t(spec.shape[0]);
    }
  if (all <= kMostBytes)
    return kMost;
  return std::clamp(int64_t(kMostBytes / (expert * uint64_t(std::max<int64_t>(topK, 1)))), kLeast,
                    kMost);
}

Status CudaMeasurer::aimAt(int64_t count, const Routing &routing, size_t numSets) {
  builds.clear();
  baseline.clear();
  expectation.reset();
  sets.clear();
  tokens = count;
  MOERT_ASSIGN_OR_RETURN(sets,
                         bindInputSets(block.inputs(), weights,
                                       {tokens, options.seed, routing, options.jobs}, numSets));
  int64_t sample = sampleSize(block.inputs(), options.topK);
  mlir::FailureOr<Expectation> expected =
      expectResult(block.function(), sets.front(), {0.0, sample, options.seed, options.jobs});
  if (failed(expected))
    return Status(StatusCode::InvalidInput, "expects inputs that the block can be evaluated on");
  expectation = *std::move(expected);
  return Status::ok();
}

Status CudaMeasurer::begin(const Choice &choice) {
  if (!expectation)
    return Status(StatusCode::Internal, "expects inputs before a search begins");
  defaults = choice;
  return fillDevice();
}

/// Uploads what is not on the device.
Status CudaMeasurer::fillDevice() {
  Build &build = find(defaults);
  MOERT_RETURN_IF_ERROR(load(build));
  if (!bench)
    bench = std::make_unique<CudaBench>(build.loaded);
  return bench->prepare(tokens, sets);
}

CudaMeasurer::Build &CudaMeasurer::find(const Choice &choice) {
  for (std::unique_ptr<Build> &build : builds)
    if (build->choice == choice)
      return *build;
  prepare(std::span(&choice, 1));
  return *builds.back();
}

void CudaMeasurer::prepare(std::span<const Choice> choices) {
  std::vector<Choice> missing;
  for (const Choice &choice : choices)
    if (std::ranges::none_of(builds, [&](const auto &build) { return build->choice == choice; }))
      missing.push_back(choice);
  std::vector<Result<Package>> packages = builder.build(missing, tokens);
  for (size_t i = 0; i < missing.size(); ++i)
    builds.push_back(
        std::make_unique<Build>(Build{missing[i], std::move(packages[i]), nullptr, std::nullopt}));
}

/// Registers that do not fit make a schedule slow in a way that no other card repeats.
static Status checkSpills(const Package &package) {
  for (const moert::Kernel &kernel : package.manifest.kernels)
    if (kernel.spillBytes != 0)
      return Status(StatusCode::Unsupported,
                    fmt::format("{} spills {} bytes a thread", kernel.name, kernel.spillBytes));
  return Status::ok();
}

Status CudaMeasurer::load(Build &build) {
  if (build.loaded || !build.package)
    return build.package.status();
  if (build.choice != defaults)
    MOERT_RETURN_IF_ERROR(checkSpills(*build.package));
  MOERT_ASSIGN_OR_RETURN(build.loaded, LoadedPackage::load(opened, *build.package));
  return Status::ok();
}

/// Outputs of one run against the reference on sampled tokens and the default's as a whole.
Status CudaMeasurer::compare(const std::vector<HostTensor> &outputs) {
  mlir::FailureOr<CheckReport> report = checkResult(block.function(), *expectation, outputs);
  if (failed(report))
    return Status(StatusCode::Internal, "the outputs do not have the shapes of the block");
  for (const Comparison &output : report->outputs)
    if (!output.passed)
      return Status(StatusCode::Mismatch, "is wrong: " + output.describe());
  for (size_t i = 0; i < baseline.size(); ++i)
    if (Status status =
            checkAgreement(outputs[i], baseline[i], expectation->tolerance, options.jobs);
        !status.isOk())
      return std::move(status).withContext("is wrong: " + report->outputs[i].name);
  return Status::ok();
}

Status CudaMeasurer::check(const Choice &choice) {
  Build &build = find(choice);
  MOERT_RETURN_IF_ERROR(load(build));
  Result<std::vector<HostTensor>> outputs = bench->run(*build.loaded, 0);
  if (!outputs)
    return recover(outputs.status());
  MOERT_RETURN_IF_ERROR(compare(*outputs));
  if (choice == defaults && baseline.empty())
    baseline = *std::move(outputs);
  return Status::ok();
}

Result<double> CudaMeasurer::measure(const Choice &choice, Purpose) {
  Build &build = find(choice);
  MOERT_RETURN_IF_ERROR(load(build));
  TimingOptions timing;
  // Whoever asks takes turns, and those warm the card up.
  timing.warmupSeconds = 0;
  timing.measureSeconds = 0.015;
  timing.minReplays = 1;
  Result<Timing> measured = bench->measure(*build.loaded, timing, &build.walk);
  if (!measured)
    return recover(measured.status());
  return measured->median;
}

Status CudaMeasurer::recover(Status failure) {
  // Only errors of the driver leave the context unusable; it tells by failing any later call.
  if (bench->run(*find(defaults).loaded, 0))
    return failure;
  // Whatever holds the device keeps its broken context alive.
  for (std::unique_ptr<Build> &build : builds) {
    build->walk.reset();
    build->loaded.reset();
  }
  bench.reset();
  opened.reset();
  Result<std::shared_ptr<const moert::cuda::Device>> device = openDevice();
  if (!device)
    return std::move(device).status().withContext("after " + failure.message());
  opened = *std::move(device);
  if (Status status = fillDevice(); !status.isOk())
    return Status(StatusCode::NoDevice, fmt::format("the device does not come back after '{}': {}",
                                                    failure.message(), status.message()));
  return failure;
}

} // namespace moec
