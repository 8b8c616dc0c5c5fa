//===- Compiler.h - from a block to a package -------------------------------===//
//
// Runs the stages of Pipelines.h one after the other and keeps what each of them made, so that a
// tool can show any of it.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_ENGINE_COMPILER_H
#define MOEC_COMPILER_ENGINE_COMPILER_H

#include "compiler/Engine/MoeBlock.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Records/Record.h"
#include "runtime/Package/PackageIO.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moec {

class CachedCompiler;

/// How the token counts of an interval are lowered where that is not a matter of schedules alone.
struct OwnLowering {
  TokenInterval interval;
  int64_t tokens = 0; ///< one of them, for which it is compiled
  FusionChoice fusions;
  std::string schedule; ///< as in KernelOptions
};

struct CompilerOptions {
  KernelOptions kernel; ///< target, token counts, combine
  FusionChoice fusions;
  Stage stopAfter = Stage::Cubin;
  unsigned jobs = 0; ///< kernels compiled at once; 0: one per core
  /// Variants that take the places of those that `kernel` and `fusions` make; no two intervals have
  /// a count in common.
  std::vector<OwnLowering> own;
  /// Called when a stage or one of its kernels begins or ends; never from two threads at once.
  std::function<void(llvm::StringRef what, size_t done, size_t total)> progress;
  /// Where compiled kernels come from; shared by all compilations of a process. Null: a compiler
  /// without a cache. A package is looked for by the text of the block, so a module that was
  /// changed after it was parsed must not use one.
  std::shared_ptr<CachedCompiler> cache;
};

/// How long something took.
struct StageTime {
  std::string name; ///< of the stage, or "  kernel NAME" for one of the kernels compiled in it
  double seconds = 0;
};

/// What the stages up to `CompilerOptions::stopAfter` made; the rest is empty.
struct Compilation {
  std::string moe, fused, kernel; ///< IR texts
  /// IR texts of CompilerOptions::own, in its order.
  struct Own {
    TokenInterval interval;
    std::string fused, kernel;
  };
  std::vector<Own> own;
  /// The kernels with their texts, the device headers and the IR; ready to write or to load after
  /// Stage::Cubin.
  moert::Package package;
  std::vector<StageTime> times;      ///< in order
  std::vector<std::string> warnings; ///< of NVRTC, with the kernel's name
  bool wasCached = false;            ///< the whole package, so that no stage ran
};

/// Path in a package of the IR that a stage left ("ir/moe.mlir", or of an own lowering
/// "ir/fused-768-1535.mlir").
std::string irFile(Stage stage);
std::string irFile(Stage stage, const TokenInterval &interval);

/// The compilations that these options stand for, without own lowerings: that of all other token
/// counts and one for each of `own`. A package is kept in the cache for each.
std::vector<CompilerOptions> eachLowering(const CompilerOptions &options);

/// Compiles, or takes what was compiled before from the cache: a whole package where every stage is
/// wanted, else single kernels. The block is left as it is. CacheMiss where the cache is strict and
/// lacks a kernel; Usage where a schedule of `options` is no schedule or does not fit its product;
/// Unsupported where a legal block has no lowering to the
/// target, Toolchain where NVRTC is missing or refuses a kernel (both named), Internal where a
/// stage breaks its contract; for IR problems the block's diagnostics say where.
moert::Result<Compilation> compile(const MoeBlock &block, const CompilerOptions &options);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_COMPILER_H
