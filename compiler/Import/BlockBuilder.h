//===- BlockBuilder.h - an MoE block as IR of the moe dialect ---------------===//

#ifndef MOEC_COMPILER_IMPORT_BLOCKBUILDER_H
#define MOEC_COMPILER_IMPORT_BLOCKBUILDER_H

#include "compiler/Import/HuggingFaceConfig.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace moec {

/// What the configuration leaves to the user.
struct ImportOptions {
  enum class DType { BF16, F16 };
  DType dtype = DType::BF16;
  std::string name = "moe_block"; ///< of the function
};

/// Builds the unfused block of `config`: one function with arguments `hidden` [T,H],
/// `router_logits` [T,E] f32, `gate_up` and `down` in the form's layout (gpt-oss: each followed by
/// its bias, `gate_up_bias` [E,2I] and `down_bias` [E,H]) and result `output` [T,H], T dynamic,
/// each bound by `moe.name`. The context needs the func and moe dialects loaded.
mlir::OwningOpRef<mlir::ModuleOp> buildBlock(mlir::MLIRContext &context, const BlockConfig &config,
                                             const ImportOptions &options);

/// The text of such a module as it is stored in files: a comment that says what it is, then the IR
/// with arguments called by their `moe.name`.
std::string printBlock(mlir::ModuleOp module, const BlockConfig &config);

} // namespace moec

#endif // MOEC_COMPILER_IMPORT_BLOCKBUILDER_H
