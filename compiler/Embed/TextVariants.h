//===- TextVariants.h - The variants of a block, compiled when wanted -------===//

#ifndef MOEC_COMPILER_EMBED_TEXTVARIANTS_H
#define MOEC_COMPILER_EMBED_TEXTVARIANTS_H

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Engine/Compiler.h"
#include "runtime/Serve/VariantSource.h"

namespace moec {

/// MLIR runs when this is created: every variant is lowered to CUDA C++, some milliseconds
/// altogether, so that arguments, variants and workspace are known before anything is compiled.
/// Making a variant then needs no IR: several threads may do it at once.
class TextVariants : public moert::VariantSource {
public:
  /// The variants that `options` give the block, without token counts; the failures are those of
  /// `compile`.
  static moert::Result<std::unique_ptr<TextVariants>> create(const MoeBlock &block,
                                                             CompilerOptions options);

  const std::vector<moert::PlannedVariant> &plan() const override { return planned; }
  moert::Result<moert::MadeVariant>
  make(size_t index, const std::function<void(size_t)> &progress) override;

private:
  explicit TextVariants(const CompilerOptions &options)
      : cache(options.cache), jobs(options.jobs) {}
  std::vector<moert::PlannedVariant> planned;
  std::vector<std::vector<std::string>> sources; ///< of the kernels of each variant
  std::shared_ptr<CachedCompiler> cache;
  unsigned jobs;
};

} // namespace moec

#endif // MOEC_COMPILER_EMBED_TEXTVARIANTS_H
