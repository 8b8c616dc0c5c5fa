//===- TextVariants.cpp - The variants of a block, compiled when wanted -----===//

#include "compiler/Embed/TextVariants.h"

#include "compiler/Device/EmbeddedHeaders.h"
#include "compiler/Engine/Resources.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

namespace moec {

using moert::CompileRequest;
using moert::Result;
using moert::Status;
using moert::StatusCode;

/// Compiles the sources of a package's kernels, or takes them from the cache.
static Result<moert::MadeVariant> compileKernels(moert::Manifest manifest,
                                                 std::span<const std::string> sources,
                                                 CachedCompiler &cache, unsigned jobs,
                                                 const CachedCompiler::Progress &progress) {
  moert::MadeVariant made;
  std::vector<CompileRequest> requests;
  for (size_t i = 0; i < sources.size(); ++i) {
    CompileRequest request;
    request.name = manifest.kernels[i].name;
    request.source = sources[i];
    request.arch = manifest.targetArch;
    request.headers = deviceHeaders();
    requests.push_back(std::move(request));
  }
  std::vector<Result<CachedCompiler::Kernel>> compiled = cache.compileAll(requests, jobs, progress);
  for (size_t i = 0; i < compiled.size(); ++i) {
    if (!compiled[i])
      return std::move(compiled[i]).status();
    moert::CompiledKernel &kernel = compiled[i]->compiled;
    MOERT_RETURN_IF_ERROR(takeResources(kernel, manifest.kernels[i]));
    MOERT_RETURN_IF_ERROR(checkSpills(manifest.kernels[i]));
    made.cachedKernels += compiled[i]->wasCached ? 1 : 0;
    made.package.code.push_back({"", std::move(kernel.ptx), std::move(kernel.cubin)});
  }
  made.package.manifest = std::move(manifest);
  return made;
}

/// The sources of the kernels, which are not needed in the package.
static std::vector<std::string> takeSources(moert::Package &package) {
  std::vector<std::string> sources;
  for (moert::KernelCode &code : package.code)
    sources.push_back(std::move(code.source));
  return sources;
}

Result<moert::MadeVariant> compileVariant(const MoeBlock &block, CompilerOptions options) {
  options.stopAfter = Stage::Cuda;
  MOERT_ASSIGN_OR_RETURN(Compilation one, compile(block, options));
  std::vector<std::string> sources = takeSources(one.package);
  return compileKernels(std::move(one.package.manifest), sources, *options.cache, options.jobs,
                        nullptr);
}

Result<std::unique_ptr<TextVariants>>
TextVariants::create(const MoeBlock &block, CompilerOptions options, BlockTuner tuner) {
  std::unique_ptr<TextVariants> variants(new TextVariants(options, std::move(tuner)));
  options.stopAfter = Stage::Cuda;
  options.kernel.tokens.clear();
  MOERT_ASSIGN_OR_RETURN(Compilation whole, compile(block, options));
  std::vector<CompilerOptions> lowerings = eachLowering(options);
  for (const moert::Variant &variant : whole.package.manifest.variants) {
    auto own = llvm::find_if(options.own, [&](const OwnLowering &own) {
      return own.interval.contains(variant.minTokens);
    });
    bool isOwn = own != options.own.end();
    CompilerOptions &alone = lowerings[isOwn ? 1 + (own - options.own.begin()) : 0];
    // One count stands for the interval, the same in every process: schedules that were tuned are
    // found by it. The variant that is compiled for it alone serves every T.
    if (!isOwn)
      alone.kernel.tokens = {variant.maxTokens < 0 ? variant.minTokens : variant.maxTokens};
    MOERT_ASSIGN_OR_RETURN(Compilation one, compile(block, alone));
    variants->sources.push_back(takeSources(one.package));
    variants->planned.push_back(
        {variant.minTokens, variant.maxTokens, std::move(one.package.manifest)});
  }
  return variants;
}

Result<moert::MadeVariant> TextVariants::make(size_t index,
                                              const std::function<void(size_t)> &progress) {
  return compileKernels(planned[index].manifest, sources[index], *cache, jobs,
                        [&](size_t done, size_t) { progress(done); });
}

} // namespace moec
