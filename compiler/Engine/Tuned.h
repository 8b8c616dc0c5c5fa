//===- Tuned.h - measured schedules for a compilation -----------------------===//

#ifndef MOEC_COMPILER_ENGINE_TUNED_H
#define MOEC_COMPILER_ENGINE_TUNED_H

#include "compiler/Engine/Compiler.h"
#include "compiler/Records/Records.h"
#include "runtime/Cuda/Device.h"

namespace moec {

/// For whom records are looked up.
struct TunedFor {
  std::string device;           ///< its name
  int64_t multiprocessors = 0;  ///< 0: whatever a record says
  std::string driver;           ///< told where it is another one than the record's; may be empty
  std::string routing = "uniform";
  bool areFusionsGiven = false; ///< then no record may change them
};

/// For this device.
TunedFor tunedFor(const moert::cuda::DeviceProperties &device);

/// What the records say about a compilation.
struct TunedChoice {
  std::string schedule; ///< for KernelOptions::schedule; empty where all is left to the tables
  FusionChoice fusions;
  /// For CompilerOptions::own: what was measured with other fusions than these.
  std::vector<OwnLowering> own;
  /// Where the schedules of which token counts come from, a sentence each.
  std::vector<std::string> origins;
};

/// The key of what is known about a block; `fuse` is "any" or fusions as `--fuse` takes them.
moert::Result<RecordKey> recordKey(const MoeBlock &block, std::string fuse, CombineMode combine,
                                   const TunedFor &who, const std::string &target);

/// Schedules for the token counts of `options`, or where it names none for all that have records. A
/// record serves the counts around its own (intervalOf). Where fusions are free, those of a record
/// become the block's if every count has such a record, else the interval is lowered in its own way.
/// What no longer fits the block is left out and said.
TunedChoice chooseTuned(const MoeBlock &block, const CompilerOptions &options,
                        const Records &records, const TunedFor &who);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_TUNED_H
