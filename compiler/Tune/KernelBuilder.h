//===- KernelBuilder.h - packages of many choices ---------------------------===//
//
// Builds of one block differ in a kernel or two. Lowering is quick and done one by one; kernels are
// compiled all at once, each text once for the life of the builder, and those that the cache holds
// not at all.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_KERNELBUILDER_H
#define MOEC_COMPILER_TUNE_KERNELBUILDER_H

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Engine/MoeBlock.h"
#include "compiler/Tune/Choice.h"
#include "runtime/Package/PackageIO.h"

#include <map>
#include <optional>
#include <span>

namespace moec {

class KernelBuilder {
public:
  /// The block must outlive the builder. Without `cache` everything is compiled.
  KernelBuilder(const MoeBlock &block, std::string target, unsigned jobs,
                std::shared_ptr<CachedCompiler> cache)
      : block(&block), target(std::move(target)), jobs(jobs),
        cache(cache ? std::move(cache) : std::make_shared<CachedCompiler>()) {}

  /// Builds the variants for T = `tokens`; results in the order of the choices. A choice without a
  /// lowering, or with a kernel that does not compile, is a failure with the reason.
  std::vector<moert::Result<moert::Package>> build(std::span<const Choice> choices, int64_t tokens);

private:
  moert::Result<moert::Package> lower(const Choice &choice, int64_t tokens) const;
  void compileMissing(std::span<const moert::Result<moert::Package>> packages);
  moert::Status complete(moert::Package &package) const;

  const MoeBlock *block;
  std::string target;
  unsigned jobs;
  std::shared_ptr<CachedCompiler> cache;
  std::map<std::string, moert::Result<CachedCompiler::Kernel>> kernels; ///< by source text
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_KERNELBUILDER_H
