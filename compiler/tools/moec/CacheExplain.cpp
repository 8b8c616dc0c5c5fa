//===- CacheExplain.cpp - moec cache explain ----------------------------------===//

#include "compiler/tools/moec/CacheExplain.h"

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Cache/KernelKey.h"
#include "compiler/Device/EmbeddedHeaders.h"
#include "compiler/Engine/Subject.h"
#include "compiler/Engine/VariantKey.h"
#include "compiler/tools/moec/Options.h"
#include "runtime/Cache/Nearest.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

using namespace llvm;
using moert::CacheKey;
using moert::Status;

namespace moec::cli {

static void printParts(const CacheKey &key) {
  for (const auto &[part, value] : moert::keyParts(key.text))
    outs() << fmt::format("  {:<10} {}\n", part, value);
  if (!key.isExact())
    outs() << fmt::format("  {:<10} not found, so any version serves\n", moert::kToolchainPart);
}

/// Prints "hit" or "miss" and why; returns whether it is a hit.
static bool printResult(moert::Cache &cache, const std::string &what, const CacheKey &key) {
  bool found = cache.find(key) != nullptr;
  outs() << what << (found ? ": hit\n" : ": miss\n");
  if (found)
    return true;
  moert::NearestEntry nearest = moert::findNearest(cache.stores(), key);
  if (nearest.name.empty())
    outs() << "  " << moert::describe(nearest) << '\n';
  for (const moert::PartDifference &difference : nearest.differences)
    outs() << fmt::format("  {} differs: wanted {}, in the nearest entry {}\n", difference.part,
                          difference.wanted.empty() ? "none" : difference.wanted,
                          difference.stored.empty() ? "none" : difference.stored);
  return false;
}

/// A package and, as its kernels have keys of their own, which follow from their sources, these.
static Status explainPackage(const MoeBlock &block, CompilerOptions options,
                             const std::string &what, CachedCompiler &compiler) {
  moert::Cache &cache = *compiler.storage();
  std::string version = compiler.toolVersion();
  CacheKey key = variantKey(block.source(), options, version);
  bool hit = printResult(cache, what, key);
  printParts(key);

  options.stopAfter = Stage::Cuda;
  MOERT_ASSIGN_OR_RETURN(Compilation compilation, compile(block, options));
  size_t found = 0, total = compilation.package.code.size();
  for (size_t i = 0; i < total; ++i) {
    moert::CompileRequest request;
    request.name = compilation.package.manifest.kernels[i].name;
    request.source = compilation.package.code[i].source;
    request.arch = compilation.package.manifest.targetArch;
    request.headers = deviceHeaders();
    found += printResult(cache, "kernel " + request.name, kernelKey(request, version));
  }
  outs() << fmt::format("{} of {} kernels are cached: {}\n", found, total,
                        hit              ? "nothing will run, the package is there"
                        : found == total ? "the block will be lowered, and nothing compiled"
                                         : fmt::format("{} will be compiled", total - found));
  return Status::ok();
}

Status explainBlock(const std::string &path) {
  MOERT_RETURN_IF_ERROR(oneTargetArch().status());
  MOERT_ASSIGN_OR_RETURN(CompilerOptions options, compilerOptions());
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<CachedCompiler> compiler, kernelCache());
  MOERT_ASSIGN_OR_RETURN(Subject subject, loadIr(path, errs()));
  for (int64_t tokens : options.kernel.tokens)
    MOERT_RETURN_IF_ERROR(checkTokens(subject.inputs(), tokens));
  MOERT_RETURN_IF_ERROR(applyRecords(*subject.block, options));
  std::vector<CompilerOptions> lowerings = eachLowering(options);
  for (size_t i = 0; i < lowerings.size(); ++i) {
    std::string what = "package";
    if (i != 0)
      what += fmt::format(" of T={}-{}", options.own[i - 1].interval.first,
                          options.own[i - 1].interval.last);
    MOERT_RETURN_IF_ERROR(explainPackage(*subject.block, lowerings[i], what, *compiler));
  }
  return Status::ok();
}

} // namespace moec::cli
