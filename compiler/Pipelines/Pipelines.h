//===- Pipelines.h - the stages of a compilation and their passes -----------===//
//
// The one place that names and orders stages. Tools speak of stages by these names; the passes of a
// stage are put together here and nowhere else.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_PIPELINES_PIPELINES_H
#define MOEC_COMPILER_PIPELINES_PIPELINES_H

#include "runtime/Support/Status.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace moec {

/// What a compilation produces, in order.
enum class Stage {
  Moe,    ///< the block as given, verified
  Fused,  ///< after the fusions
  Kernel, ///< kernels, buffers and the launch plan
  Cuda,   ///< CUDA C++, a source for each kernel
  Ptx,    ///< PTX, a text for each kernel
  Cubin,  ///< machine code, and with it the package
};
inline constexpr std::array kStages = {Stage::Moe,  Stage::Fused, Stage::Kernel,
                                       Stage::Cuda, Stage::Ptx,   Stage::Cubin};

/// "moe", "fused", "kernel", "cuda", "ptx" or "cubin".
llvm::StringRef name(Stage stage);

/// Which fusions run.
struct FusionChoice {
  bool gateUp = true, padding = true, activation = true, permute = true, combine = true;
  bool operator==(const FusionChoice &) const = default;
};

/// The grammar of `parseFusions`, for help texts.
inline constexpr llvm::StringLiteral kFusionGrammar =
    "all, none or a list of gate-up,padding,activation,permute,combine";

/// Reads "all", "none" or names of fusions; Usage failure for any other word.
moert::Result<FusionChoice> parseFusions(llvm::ArrayRef<std::string> names);
/// The text that `parseFusions` reads back.
std::string toString(const FusionChoice &choice);

/// How the sum over a token's experts is formed on CUDA where it is fused into the last product.
enum class CombineMode {
  Ordered,    ///< rows are stored, a second kernel sums them in slot order; deterministic
  Accumulate, ///< rows are added into the output as they are computed; depends on timing
};

/// What the step from Stage::Fused to Stage::Kernel depends on.
struct KernelOptions {
  std::string target = "sm_90a";
  CombineMode combine = CombineMode::Ordered;
  /// Token counts whose variants are compiled, each of which then serves fewer tokens too; empty:
  /// all variants.
  std::vector<int64_t> tokens;
  /// Schedules of products in place of the default ones, as `--convert-moe-to-kernel` reads them.
  std::string schedule;
};

/// Appends the passes from Stage::Moe to Stage::Fused.
void buildFusionStage(mlir::OpPassManager &manager, const FusionChoice &choice);

/// Appends the passes from Stage::Fused to Stage::Kernel.
void buildKernelStage(mlir::OpPassManager &manager, const KernelOptions &options);

/// Unsupported where there are no schedules for that compute architecture.
moert::Status checkTarget(llvm::StringRef arch);

/// Whether a diagnostic of these passes says that a legal block has no kernel.
bool isUnsupported(llvm::StringRef diagnostic);

} // namespace moec

#endif // MOEC_COMPILER_PIPELINES_PIPELINES_H
