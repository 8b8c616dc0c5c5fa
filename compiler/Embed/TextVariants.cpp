//===- TextVariants.cpp - The variants of a block, compiled when wanted -----===//

#include "compiler/Embed/TextVariants.h"

#include "compiler/Device/EmbeddedHeaders.h"

#include <fmt/format.h>

namespace moec {

using moert::CompileRequest;
using moert::Result;
using moert::Status;
using moert::StatusCode;

Result<std::unique_ptr<TextVariants>> TextVariants::create(const MoeBlock &block,
                                                           CompilerOptions options) {
  std::unique_ptr<TextVariants> variants(new TextVariants(options));
  options.stopAfter = Stage::Cuda;
  options.kernel.tokens.clear();
  MOERT_ASSIGN_OR_RETURN(Compilation whole, compile(block, options));
  for (const moert::Variant &variant : whole.package.manifest.variants) {
    // One count stands for the interval, the same in every process: schedules that were tuned are
    // found by it. The variant that is compiled for it alone serves every T.
    options.kernel.tokens = {variant.maxTokens < 0 ? variant.minTokens : variant.maxTokens};
    MOERT_ASSIGN_OR_RETURN(Compilation one, compile(block, options));
    std::vector<std::string> sources;
    for (moert::KernelCode &code : one.package.code)
      sources.push_back(std::move(code.source));
    variants->planned.push_back(
        {variant.minTokens, variant.maxTokens, std::move(one.package.manifest)});
    variants->sources.push_back(std::move(sources));
  }
  return variants;
}

Result<moert::MadeVariant> TextVariants::make(size_t index,
                                              const std::function<void(size_t)> &progress) {
  moert::MadeVariant made;
  moert::Package &package = made.package;
  package.manifest = planned[index].manifest;
  std::vector<CompileRequest> requests;
  for (size_t i = 0; i < package.manifest.kernels.size(); ++i) {
    CompileRequest request;
    request.name = package.manifest.kernels[i].name;
    request.source = sources[index][i];
    request.arch = package.manifest.targetArch;
    request.headers = deviceHeaders();
    requests.push_back(std::move(request));
  }
  std::vector<Result<CachedCompiler::Kernel>> kernels =
      cache->compileAll(requests, jobs, [&](size_t done, size_t) { progress(done); });
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (!kernels[i])
      return std::move(kernels[i]).status();
    made.cachedKernels += kernels[i]->wasCached ? 1 : 0;
    package.code.push_back({"", std::move(kernels[i]->compiled.ptx),
                            std::move(kernels[i]->compiled.cubin)});
  }
  return made;
}

} // namespace moec
