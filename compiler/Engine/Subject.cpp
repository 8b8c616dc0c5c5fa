//===- Subject.cpp - what a tool runs: IR, or a compiled package -------------===//

#include "compiler/Engine/Subject.h"

#include "compiler/Engine/CpuRunner.h"
#include "compiler/Engine/CudaRunner.h"
#include "compiler/Engine/ReferenceRunner.h"
#include "compiler/Engine/Tuned.h"
#include "runtime/Exec/BundleChoice.h"
#include "runtime/Support/Env.h"
#include "runtime/Support/File.h"

#include "llvm/Support/MemoryBuffer.h"

#include <fmt/format.h>

#include <algorithm>

namespace moec {

using moert::Argument;
using moert::Result;
using moert::Status;
using moert::StatusCode;

/// Larger than any block; keeps a wrong file from filling memory.
static constexpr uint64_t kMaxIrBytes = 64 << 20;

/// A dimension of a manifest as InputSpec has it: T * n is dynamic.
struct SpecDim {
  int64_t size;
  int64_t rowsPerToken;
};

/// Nothing where the dimension is neither a constant nor T * n.
static std::optional<SpecDim> specDim(const moert::Expr &dim) {
  using Op = moert::Expr::Op;
  if (dim.isConstant())
    return SpecDim{dim.program()[0].value, 1};
  const std::vector<moert::Expr::Step> &steps = dim.program();
  if (steps.size() == 1 && steps[0].op == Op::Tokens)
    return SpecDim{kTokensDim, 1};
  if (steps.size() == 3 && steps[0].op == Op::Tokens && steps[1].op == Op::Constant &&
      steps[2].op == Op::Mul)
    return SpecDim{kTokensDim, steps[1].value};
  return std::nullopt;
}

std::vector<InputSpec> Subject::inputs() const {
  if (block)
    return block->inputs();
  std::vector<InputSpec> specs;
  for (const Argument &argument : package->manifest.arguments) {
    if (argument.isOutput)
      continue;
    std::vector<int64_t> shape;
    int64_t rowsPerToken = 1;
    for (const moert::Expr &expr : argument.shape) {
      SpecDim dim = specDim(expr).value_or(SpecDim{kTokensDim, 1});
      shape.push_back(dim.size);
      rowsPerToken = std::max(rowsPerToken, dim.rowsPerToken);
    }
    specs.push_back(guessInputSpec(argument.name, argument.dtype, std::move(shape)));
    specs.back().rowsPerToken = rowsPerToken;
  }
  return specs;
}

std::vector<OutputSpec> Subject::outputs() const {
  if (block)
    return block->outputs();
  std::vector<OutputSpec> specs;
  for (const Argument &argument : package->manifest.arguments)
    if (argument.isOutput)
      specs.push_back({argument.name, argument.dtype, {}, 1});
  return specs;
}

/// The arguments of a package are those of its block, inputs before outputs.
static Status checkManifest(const MoeBlock &block, const moert::Manifest &manifest) {
  std::vector<std::string> expected, got;
  for (const InputSpec &spec : block.inputs())
    expected.push_back(spec.name);
  for (const OutputSpec &spec : block.outputs())
    expected.push_back(spec.name);
  for (bool output : {false, true})
    for (const Argument &argument : manifest.arguments)
      if (argument.isOutput == output)
        got.push_back(argument.name);
  if (expected == got)
    return Status::ok();
  return Status(StatusCode::InvalidInput,
                fmt::format("expects the manifest's arguments to be those of {} ({}), but got {}",
                            irFile(Stage::Moe), fmt::join(expected, ", "), fmt::join(got, ", ")));
}

/// The package, or of a bundle the part for the GPU at hand; where there is none or another device is
/// to run it, the first part, as its IR is that of all.
static Result<moert::Package> readPackageHere(const std::string &path, DeviceKind kind) {
  MOERT_ASSIGN_OR_RETURN(std::vector<std::string> targets, moert::readBundleTargets(path));
  if (targets.empty())
    return moert::readPackage(path);
  if (kind == DeviceKind::Cuda)
    if (Result<std::shared_ptr<const moert::cuda::Device>> device = openDevice())
      return moert::readPackageFor(path, (*device)->properties());
  return moert::readPackage(moert::bundlePart(path, targets.front()));
}

static Result<Subject> loadPackageSubject(const std::string &path, DeviceKind device,
                                          llvm::raw_ostream &diagnostics) {
  Subject subject;
  subject.path = path;
  MOERT_ASSIGN_OR_RETURN(moert::Package package, readPackageHere(path, device));
  for (const moert::PackageFile &file : package.files)
    if (file.path == irFile(Stage::Moe)) {
      MOERT_ASSIGN_OR_RETURN(MoeBlock block,
                             MoeBlock::parse(file.content, path + "/" + file.path, diagnostics));
      if (Status status = checkManifest(block, package.manifest); !status.isOk())
        return std::move(status).withContext(path);
      subject.block.emplace(std::move(block));
    }
  subject.package.emplace(std::move(package));
  return subject;
}

Result<Subject> loadSubject(const std::string &path, DeviceKind device,
                            llvm::raw_ostream &diagnostics) {
  if (path != "-" && moert::isPackage(path))
    return loadPackageSubject(path, device, diagnostics);
  return loadIr(path, diagnostics);
}

Result<Subject> loadIr(const std::string &path, llvm::raw_ostream &diagnostics) {
  if (path != "-" && moert::isPackage(path))
    return Status(StatusCode::Usage, "expects IR, but '" + path + "' is a package");
  std::string text;
  if (path == "-") {
    llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> input = llvm::MemoryBuffer::getSTDIN();
    if (!input)
      return Status(StatusCode::InvalidInput,
                    "cannot read standard input: " + input.getError().message());
    text = (*input)->getBuffer().str();
  } else {
    MOERT_ASSIGN_OR_RETURN(text, moert::readFile(path, kMaxIrBytes));
  }
  Subject subject;
  subject.path = path;
  MOERT_ASSIGN_OR_RETURN(MoeBlock block,
                         MoeBlock::parse(text, path == "-" ? "<stdin>" : path, diagnostics));
  subject.block.emplace(std::move(block));
  return subject;
}

llvm::StringRef name(DeviceKind kind) {
  switch (kind) {
  case DeviceKind::Cuda:
    return "cuda";
  case DeviceKind::Cpu:
    return "cpu";
  case DeviceKind::Reference:
    return "reference";
  }
  return "unknown";
}

DeviceKind defaultDevice() {
  return moert::cuda::Device::count() > 0 ? DeviceKind::Cuda : DeviceKind::Cpu;
}

Result<std::shared_ptr<const moert::cuda::Device>> openDevice() {
  int ordinal = 0;
  if (std::optional<std::string> text = moert::readEnv(moert::EnvVar::Device))
    if (llvm::StringRef(*text).getAsInteger(10, ordinal) || ordinal < 0)
      return Status(StatusCode::Usage,
                    "expects MOEC_DEVICE to be an ordinal from 0 on, but got '" + *text + "'");
  return moert::cuda::Device::open(ordinal);
}

/// Takes what is known about the block on the device over into the options.
static void useRecords(const MoeBlock &block, const moert::cuda::DeviceProperties &device,
                       const RunnerOptions &options, CompilerOptions &compiler) {
  if (!options.records || !options.schedule.empty())
    return;
  if (!options.onOrigin && !options.records->mayHave(device.name))
    return;
  TunedFor who = tunedFor(device);
  who.routing = options.routing;
  who.areFusionsGiven = options.areFusionsGiven;
  TunedChoice choice = chooseTuned(block, compiler, *options.records, who);
  compiler.kernel.schedule = choice.schedule;
  compiler.fusions = choice.fusions;
  compiler.own = std::move(choice.own);
  for (const std::string &origin : choice.origins)
    if (options.onOrigin)
      options.onOrigin(origin);
}

Result<moert::Package> packageFor(const Subject &subject, const moert::cuda::Device &device,
                                  const RunnerOptions &options) {
  if (subject.package)
    return *subject.package;
  CompilerOptions compiler;
  compiler.kernel.target =
      options.target.empty() || options.target == kNativeTarget ? nativeTarget(device.properties())
                                                                : options.target;
  compiler.kernel.combine = options.combine;
  compiler.kernel.tokens = options.tokens;
  compiler.kernel.schedule = options.schedule;
  compiler.fusions = options.fusions;
  compiler.jobs = options.jobs;
  compiler.progress = options.progress;
  compiler.cache = options.cache;
  useRecords(*subject.block, device.properties(), options, compiler);
  MOERT_ASSIGN_OR_RETURN(Compilation compilation, compile(*subject.block, compiler));
  return std::move(compilation.package);
}

Result<std::unique_ptr<Runner>> makeRunner(const Subject &subject, const RunnerOptions &options) {
  if (options.device == DeviceKind::Cuda) {
    MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
    MOERT_ASSIGN_OR_RETURN(moert::Package package, packageFor(subject, *device, options));
    MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::LoadedPackage> loaded,
                           moert::LoadedPackage::load(device, package));
    return std::unique_ptr<Runner>(std::make_unique<CudaRunner>(std::move(loaded)));
  }
  if (!subject.block)
    return Status(StatusCode::Usage,
                  fmt::format("expects a package with its IR for --device {}, but {} holds none",
                              name(options.device).str(), subject.path));
  if (options.device == DeviceKind::Reference)
    return std::unique_ptr<Runner>(std::make_unique<ReferenceRunner>(*subject.block, options.jobs));
  MOERT_ASSIGN_OR_RETURN(std::unique_ptr<CpuRunner> runner,
                         CpuRunner::create(*subject.block, options.fusions, options.jobs));
  return std::unique_ptr<Runner>(std::move(runner));
}

} // namespace moec
