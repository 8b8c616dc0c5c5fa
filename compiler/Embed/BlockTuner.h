//===- BlockTuner.h - faster builds of a block, found while it runs ---------===//
//
// Measuring has no place in the host's process: a candidate may fault, which costs the CUDA
// context, or never end. So `moec tune` does it in a process of its own, and what it found comes
// back as a tuning record, which this and every later process builds from.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_EMBED_BLOCKTUNER_H
#define MOEC_COMPILER_EMBED_BLOCKTUNER_H

#include "compiler/Engine/Compiler.h"
#include "compiler/Engine/Tuned.h"
#include "runtime/Serve/VariantSource.h"

namespace moec {

class BlockTuner {
public:
  struct Options {
    std::string text, name;   ///< of the block
    CompilerOptions compiler; ///< of its variants, without the schedules of records
    TunedFor who;
    std::string routing;                  ///< as `--routing` takes it
    std::filesystem::path cacheDirectory; ///< of kernels and records; empty: none
    int deviceOrdinal = 0;
    std::vector<Record> used; ///< which the variants are built from
  };
  explicit BlockTuner(Options options) : options(std::move(options)) {}

  /// As VariantSource has them.
  moert::Status checkTuning(const moert::TuneRequest &request) const;
  moert::Result<std::optional<moert::TunedVariant>>
  tune(int64_t tokens, const moert::TuneRequest &request, std::stop_token stop);

private:
  moert::Result<std::optional<Record>> findRecord(const MoeBlock &block, int64_t tokens) const;
  std::vector<std::string> command(int64_t tokens, const moert::TuneRequest &request) const;
  moert::Result<std::optional<moert::TunedVariant>> build(const MoeBlock &block,
                                                          const Record &record);

  Options options;
};

/// The records that a block of these options may use; `cacheDirectory` may be empty.
Records openRecords(const std::filesystem::path &cacheDirectory);

} // namespace moec

#endif // MOEC_COMPILER_EMBED_BLOCKTUNER_H
