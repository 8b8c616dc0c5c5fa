//===- TextVariants.cpp - The variants of a block, compiled when wanted -----===//

#include "compiler/Embed/TextVariants.h"

#include "compiler/Device/EmbeddedHeaders.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

namespace moec {

using moert::CompileRequest;
using moert::PlannedVariant;
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
  for (Result<CachedCompiler::Kernel> &kernel : cache.compileAll(requests, jobs, progress)) {
    if (!kernel)
      return std::move(kernel).status();
    made.cachedKernels += kernel->wasCached ? 1 : 0;
    made.package.code.push_back(
        {"", std::move(kernel->compiled.ptx), std::move(kernel->compiled.cubin)});
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

/// Leaves no variant for the interval: those that lie in it go, others are cut at its ends.
void TextVariants::makeRoom(const TokenInterval &interval) {
  std::vector<PlannedVariant> keptPlans;
  std::vector<std::vector<std::string>> keptSources;
  auto keep = [&](size_t i, int64_t first, int64_t last) {
    keptPlans.push_back({first, last, planned[i].manifest});
    keptSources.push_back(sources[i]);
  };
  for (size_t i = 0; i < planned.size(); ++i) {
    int64_t first = planned[i].minTokens, last = planned[i].maxTokens;
    if ((last >= 0 && last < interval.first) || first > interval.last) {
      keep(i, first, last);
      continue;
    }
    if (first < interval.first)
      keep(i, first, interval.first - 1);
    if (last < 0 || last > interval.last)
      keep(i, interval.last + 1, last);
  }
  planned = std::move(keptPlans);
  sources = std::move(keptSources);
}

/// The variant that `options` make for the one token count that they have.
Status TextVariants::add(const MoeBlock &block, const CompilerOptions &options,
                         const TokenInterval &interval) {
  MOERT_ASSIGN_OR_RETURN(Compilation one, compile(block, options));
  auto behind = llvm::find_if(
      planned, [&](const PlannedVariant &variant) { return variant.minTokens > interval.first; });
  sources.insert(sources.begin() + (behind - planned.begin()), takeSources(one.package));
  planned.insert(behind, {interval.first, interval.last, std::move(one.package.manifest)});
  return Status::ok();
}

Result<std::unique_ptr<TextVariants>>
TextVariants::create(const MoeBlock &block, CompilerOptions options, BlockTuner tuner) {
  std::unique_ptr<TextVariants> variants(new TextVariants(options, std::move(tuner)));
  options.stopAfter = Stage::Cuda;
  options.kernel.tokens.clear();
  std::vector<CompilerOptions> lowerings = eachLowering(options);
  CompilerOptions &common = lowerings.front();
  MOERT_ASSIGN_OR_RETURN(Compilation whole, compile(block, common));
  for (const moert::Variant &variant : whole.package.manifest.variants) {
    // One count stands for the interval, the same in every process: schedules that were tuned are
    // found by it. The variant that is compiled for it alone serves every T.
    common.kernel.tokens = {variant.maxTokens < 0 ? variant.minTokens : variant.maxTokens};
    MOERT_RETURN_IF_ERROR(variants->add(block, common, {variant.minTokens, variant.maxTokens}));
  }
  for (size_t i = 0; i < options.own.size(); ++i) {
    variants->makeRoom(options.own[i].interval);
    MOERT_RETURN_IF_ERROR(variants->add(block, lowerings[1 + i], options.own[i].interval));
  }
  return variants;
}

Result<moert::MadeVariant> TextVariants::make(size_t index,
                                              const std::function<void(size_t)> &progress) {
  return compileKernels(planned[index].manifest, sources[index], *cache, jobs,
                        [&](size_t done, size_t) { progress(done); });
}

} // namespace moec
