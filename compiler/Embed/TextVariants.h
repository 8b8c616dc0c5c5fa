//===- TextVariants.h - The variants of a block, compiled when wanted -------===//

#ifndef MOEC_COMPILER_EMBED_TEXTVARIANTS_H
#define MOEC_COMPILER_EMBED_TEXTVARIANTS_H

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Embed/BlockTuner.h"

namespace moec {

/// MLIR runs when this is created: every variant is lowered to CUDA C++, some milliseconds
/// altogether, so that arguments, variants and workspace are known before anything is compiled.
/// Making a variant then needs no IR: several threads may do it at once.
class TextVariants : public moert::VariantSource {
public:
  /// The variants that `options` give the block, without token counts; the failures are those of
  /// `compile`. `tuner` finds faster ones.
  static moert::Result<std::unique_ptr<TextVariants>>
  create(const MoeBlock &block, CompilerOptions options, BlockTuner tuner);

  const std::vector<moert::PlannedVariant> &plan() const override { return planned; }
  moert::Result<moert::MadeVariant> make(size_t index,
                                         const std::function<void(size_t)> &progress) override;
  moert::Status checkTuning(const moert::TuneRequest &request) const override {
    return tuner.checkTuning(request);
  }
  moert::Result<std::optional<moert::TunedVariant>>
  tune(int64_t tokens, const moert::TuneRequest &request, std::stop_token stop) override {
    return tuner.tune(tokens, request, std::move(stop));
  }

private:
  TextVariants(const CompilerOptions &options, BlockTuner tuner)
      : cache(options.cache), jobs(options.jobs), tuner(std::move(tuner)) {}
  std::vector<moert::PlannedVariant> planned;
  std::vector<std::vector<std::string>> sources; ///< of the kernels of each variant
  std::shared_ptr<CachedCompiler> cache;
  unsigned jobs;
  BlockTuner tuner;
};

/// The one variant of a block for token counts that `options` name.
moert::Result<moert::MadeVariant> compileVariant(const MoeBlock &block, CompilerOptions options);

} // namespace moec

#endif // MOEC_COMPILER_EMBED_TEXTVARIANTS_H
