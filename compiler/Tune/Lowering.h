//===- Lowering.h - a way to lower a block, and its products ----------------===//

#ifndef MOEC_COMPILER_TUNE_LOWERING_H
#define MOEC_COMPILER_TUNE_LOWERING_H

#include "compiler/Engine/MoeBlock.h"
#include "compiler/Search/Shortlist.h"
#include "compiler/Tune/Choice.h"

namespace moec {

/// Fusions and a combine, the default schedules under them, and what may be searched.
struct Lowering {
  std::string name; ///< what sets it apart: "default", "combine accumulate", "separate permute"
  Choice defaults;
  std::vector<search::Task> tasks; ///< of the grouped matmuls
};

/// For whom a block is lowered.
struct LoweringOptions {
  std::string target = "sm_90a";
  int64_t tokens = 0;
  std::vector<int64_t> groups; ///< routed rows of each expert
  search::Machine machine;
};

/// The lowering with these fusions and this combine. Unsupported where a product has no schedule on
/// the target.
moert::Result<Lowering> makeLowering(const MoeBlock &block, std::string name,
                                     const FusionChoice &fusions, CombineMode combine,
                                     const LoweringOptions &options);

} // namespace moec

#endif // MOEC_COMPILER_TUNE_LOWERING_H
