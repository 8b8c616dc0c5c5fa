//===- Pipeline.h - the fusions of the moe dialect in their order ---------===//

#ifndef MOEC_DIALECTS_MOE_TRANSFORMS_PIPELINE_H
#define MOEC_DIALECTS_MOE_TRANSFORMS_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace moec::moe {

/// Which fusions run; all by default. On the command line:
/// `--moe-fusion-pipeline="combine=false padding=false"`.
struct FusionOptions : mlir::PassPipelineOptions<FusionOptions> {
  Option<bool> gateUp{*this, "gate-up", llvm::cl::init(true),
                      llvm::cl::desc("Join two products of the same rows (moe-fuse-gate-up)")};
  Option<bool> padding{*this, "padding", llvm::cl::init(true),
                       llvm::cl::desc("Mask partial tiles, do not pad (moe-fuse-padding)")};
  Option<bool> activation{*this, "activation", llvm::cl::init(true),
                          llvm::cl::desc("Activate in the epilogue (moe-fuse-activation)")};
  Option<bool> permute{*this, "permute", llvm::cl::init(true),
                       llvm::cl::desc("Gather in the operand load (moe-fuse-permute)")};
  Option<bool> combine{*this, "combine", llvm::cl::init(true),
                       llvm::cl::desc("Combine in the epilogue (moe-fuse-combine)")};
};

/// Appends the chosen fusions to `manager`, with canonicalisation and CSE before and after. The
/// passes run on whatever op `manager` is anchored on and everything in it.
void buildFusionPipeline(mlir::OpPassManager &manager, const FusionOptions &options);

/// Registers the pipeline as `moe-fusion-pipeline`.
void registerFusionPipeline();

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_TRANSFORMS_PIPELINE_H
