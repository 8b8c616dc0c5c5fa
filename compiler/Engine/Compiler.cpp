//===- Compiler.cpp - from a block to a package -----------------------------===//

#include "compiler/Engine/Compiler.h"

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Device/EmbeddedHeaders.h"
#include "compiler/Engine/Resources.h"
#include "compiler/Engine/Splice.h"
#include "compiler/Engine/VariantKey.h"
#include "compiler/Target/Cuda/CudaEmitter.h"

#include "mlir/Pass/PassManager.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

using namespace mlir;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

std::string irFile(Stage stage) { return ("ir/" + name(stage) + ".mlir").str(); }
std::string irFile(Stage stage, const TokenInterval &interval) {
  return fmt::format("ir/{}-{}-{}.mlir", name(stage).str(), interval.first, interval.last);
}

namespace {

/// One compilation under way.
class Compile {
public:
  Compile(const MoeBlock &block, const CompilerOptions &options)
      : block(block), options(options),
        cache(options.cache ? options.cache : std::make_shared<CachedCompiler>()),
        loadedBefore(cache->loadSeconds()) {}

  Result<Compilation> run();

private:
  using Clock = std::chrono::steady_clock;

  bool wants(Stage stage) const { return stage <= options.stopAfter; }
  void report(StringRef what, size_t done, size_t total) const {
    if (options.progress)
      options.progress(what, done, total);
  }
  Status lower(Stage stage, llvm::function_ref<void(OpPassManager &)> build, std::string &text);
  Status emit();
  Status assemble();
  void keepFiles();
  bool findPackage(const moert::CacheKey &key);
  void record(std::string what, Clock::time_point begin);

  const MoeBlock &block;
  const CompilerOptions &options;
  std::shared_ptr<CachedCompiler> cache;
  double loadedBefore; ///< seconds of loading NVRTC that are on record
  OwningOpRef<ModuleOp> module;
  std::optional<CudaProgram> program;
  Compilation result;
};

} // namespace

/// Notes what took from `begin` until now; loading NVRTC, which happens in the midst of something, apart.
void Compile::record(std::string what, Clock::time_point begin) {
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  double loading = cache->loadSeconds() - std::exchange(loadedBefore, cache->loadSeconds());
  if (loading > 0)
    result.times.push_back({"load nvrtc", loading});
  result.times.push_back({std::move(what), seconds - loading});
}

/// Runs the passes of one stage. A failure with the prefix of unsupported problems is one; any other
/// failure on verified IR is a defect of the stage.
Status Compile::lower(Stage stage, llvm::function_ref<void(OpPassManager &)> build,
                      std::string &text) {
  report(name(stage), 0, 1);
  auto begin = Clock::now();
  PassManager manager(module->getContext(), ModuleOp::getOperationName());
  build(manager);
  std::optional<std::string> unsupported, failed;
  {
    ScopedDiagnosticHandler handler(module->getContext(), [&](Diagnostic &diagnostic) {
      std::string message = diagnostic.str();
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        (isUnsupported(message) ? unsupported : failed) = message;
      return failure(); // the block's own handler prints it
    });
    if (mlir::failed(manager.run(*module)) && !unsupported && !failed)
      failed = "a pass failed without a message";
  }
  if (failed)
    return Status(StatusCode::Internal,
                  fmt::format("stage '{}': {}", name(stage).str(), *failed));
  if (unsupported)
    return Status(StatusCode::Unsupported, *unsupported);
  text = MoeBlock::printModule(*module);
  record(name(stage).str(), begin);
  return Status::ok();
}

Status Compile::emit() {
  report(name(Stage::Cuda), 0, 1);
  auto begin = Clock::now();
  std::string reason = "the module cannot be printed";
  ScopedDiagnosticHandler handler(module->getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      reason = diagnostic.str();
    return failure(); // the block's own handler prints it
  });
  FailureOr<CudaProgram> emitted = emitCuda(*module);
  if (failed(emitted))
    return Status(StatusCode::Internal, "stage 'cuda': " + reason);
  program.emplace(*std::move(emitted));
  result.package.manifest = program->manifest;
  result.package.manifest.producer = "moec " MOEC_VERSION;
  for (const CudaKernel &kernel : program->kernels)
    result.package.code.push_back({kernel.source, "", ""});
  record("cuda", begin);
  return Status::ok();
}

/// Lines of an NVRTC log that are warnings.
static void collectWarnings(const moert::CompiledKernel &kernel, std::vector<std::string> &warnings) {
  SmallVector<StringRef> lines;
  StringRef(kernel.log).split(lines, '\n');
  for (StringRef line : lines)
    if (line.contains(": warning "))
      warnings.push_back(kernel.name + ": " + line.str());
}

/// CUDA C++ to PTX and cubin: one NVRTC run makes both.
Status Compile::assemble() {
  size_t total = program->kernels.size();
  report("nvrtc", 0, total);
  std::vector<moert::CompileRequest> requests;
  for (const CudaKernel &kernel : program->kernels) {
    moert::CompileRequest request;
    request.name = kernel.name;
    request.source = kernel.source;
    request.arch = program->arch;
    request.headers = deviceHeaders();
    requests.push_back(std::move(request));
  }
  auto begin = Clock::now();
  std::vector<Result<CachedCompiler::Kernel>> compiled = cache->compileAll(
      requests, options.jobs, [&](size_t done, size_t total) { report("nvrtc", done, total); });
  record(wants(Stage::Cubin) ? "ptx and cubin" : "ptx", begin);
  for (size_t i = 0; i < total; ++i) {
    if (!compiled[i])
      return std::move(compiled[i]).status();
    const moert::CompiledKernel &kernel = compiled[i]->compiled;
    moert::Kernel &record = result.package.manifest.kernels[i];
    MOERT_RETURN_IF_ERROR(takeResources(kernel, record));
    MOERT_RETURN_IF_ERROR(checkSpills(record));
    result.package.code[i].ptx = kernel.ptx;
    if (wants(Stage::Cubin))
      result.package.code[i].cubin = kernel.cubin;
    std::string label = "  kernel " + kernel.name;
    result.times.push_back({compiled[i]->wasCached ? label + " (cached)" : label, kernel.seconds});
    collectWarnings(kernel, result.warnings);
  }
  return Status::ok();
}

void Compile::keepFiles() {
  std::vector<moert::PackageFile> &files = result.package.files;
  files.push_back({irFile(Stage::Moe), result.moe});
  files.push_back({irFile(Stage::Fused), result.fused});
  files.push_back({irFile(Stage::Kernel), result.kernel});
  for (const moert::SourceHeader &header : deviceHeaders())
    files.push_back({fmt::format("include/{}", header.name), std::string(header.text)});
}

/// The whole package from the cache, with the texts that the stages would have left.
bool Compile::findPackage(const moert::CacheKey &key) {
  std::optional<CachedCompiler::Package> found = cache->findPackage(key);
  if (!found)
    return false;
  result.package = std::move(found->package);
  result.warnings = std::move(found->warnings);
  for (auto [stage, text] : {std::pair{Stage::Moe, &result.moe},
                             std::pair{Stage::Fused, &result.fused},
                             std::pair{Stage::Kernel, &result.kernel}})
    for (const moert::PackageFile &file : result.package.files)
      if (file.path == irFile(stage))
        *text = file.content;
  result.wasCached = true;
  return true;
}

Result<Compilation> Compile::run() {
  if (wants(Stage::Kernel))
    MOERT_RETURN_IF_ERROR(checkTarget(options.kernel.target));
  // A text or a PTX alone is had faster from the stages than it is read.
  bool isKept = wants(Stage::Cubin) && cache->storage();
  if (isKept) {
    auto begin = Clock::now();
    bool found = findPackage(variantKey(block.source(), options, cache->toolVersion()));
    record(found ? "package (cached)" : "look into the cache", begin);
    if (found)
      return std::move(result);
  }
  module = block.module().clone();
  result.moe = block.print();
  if (wants(Stage::Fused))
    MOERT_RETURN_IF_ERROR(lower(
        Stage::Fused, [&](OpPassManager &pm) { buildFusionStage(pm, options.fusions); },
        result.fused));
  if (wants(Stage::Kernel)) {
    Status status = lower(
        Stage::Kernel, [&](OpPassManager &pm) { buildKernelStage(pm, options.kernel); },
        result.kernel);
    // With schedules written by hand, the hand is at fault.
    if (status.code() == StatusCode::Internal && !options.kernel.schedule.empty())
      return Status(StatusCode::Usage, "--schedule: " + status.message());
    MOERT_RETURN_IF_ERROR(std::move(status));
  }
  if (wants(Stage::Cuda))
    MOERT_RETURN_IF_ERROR(emit());
  if (wants(Stage::Ptx))
    MOERT_RETURN_IF_ERROR(assemble());
  if (wants(Stage::Cuda))
    keepFiles();
  if (isKept) // with the version of the NVRTC that compiled, which a note may have got wrong
    cache->keepPackage(variantKey(block.source(), options, cache->toolVersion()),
                       {result.package, result.warnings});
  return std::move(result);
}

std::vector<CompilerOptions> eachLowering(const CompilerOptions &options) {
  std::vector<CompilerOptions> all = {options};
  all.front().own.clear();
  // What an own lowering serves needs no variant beside it, unless nothing else was asked for.
  std::vector<int64_t> rest;
  llvm::copy_if(options.kernel.tokens, std::back_inserter(rest), [&](int64_t tokens) {
    return llvm::none_of(options.own,
                         [&](const OwnLowering &own) { return own.interval.contains(tokens); });
  });
  if (!rest.empty())
    all.front().kernel.tokens = std::move(rest);
  for (const OwnLowering &own : options.own) {
    CompilerOptions &one = all.emplace_back(all.front());
    one.kernel.tokens = {own.tokens};
    one.kernel.schedule = own.schedule;
    one.fusions = own.fusions;
  }
  return all;
}

Result<Compilation> compile(const MoeBlock &block, const CompilerOptions &options) {
  std::vector<CompilerOptions> lowerings = eachLowering(options);
  MOERT_ASSIGN_OR_RETURN(Compilation whole, Compile(block, lowerings.front()).run());
  for (size_t i = 0; i < options.own.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(Compilation part, Compile(block, lowerings[1 + i]).run());
    splice(whole, std::move(part), options.own[i].interval);
  }
  return whole;
}

} // namespace moec
