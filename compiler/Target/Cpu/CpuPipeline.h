//===- CpuPipeline.h - from moe to the LLVM dialect for the CPU -----------===//

#ifndef MOEC_COMPILER_TARGET_CPU_CPUPIPELINE_H
#define MOEC_COMPILER_TARGET_CPU_CPUPIPELINE_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace moec::cpu {

/// Options of the pipeline `moe-to-cpu`. The defaults of the register tile suit AVX-512 (32
/// registers of 16 lanes).
struct CpuPipelineOptions : mlir::PassPipelineOptions<CpuPipelineOptions> {
  Option<bool> parallel{*this, "parallel",
                        llvm::cl::desc("run scf.forall with OpenMP; otherwise in one thread"),
                        llvm::cl::init(true)};
  Option<int64_t> tileRows{*this, "tile-rows", llvm::cl::desc("rows of a register tile"),
                           llvm::cl::init(3)};
  Option<int64_t> tileColumns{*this, "tile-columns", llvm::cl::desc("columns of a register tile"),
                              llvm::cl::init(8)};
  Option<int64_t> lanes{*this, "lanes", llvm::cl::desc("f32 lanes of a vector register"),
                        llvm::cl::init(16)};
  Option<int64_t> blockRows{*this, "block-rows", llvm::cl::desc("most rows of a block in cache"),
                            llvm::cl::init(48)};
  Option<int64_t> blockColumns{*this, "block-columns",
                               llvm::cl::desc("most columns of a block in cache"),
                               llvm::cl::init(128)};
  Option<int64_t> blockDepth{*this, "block-depth",
                             llvm::cl::desc("most reduction steps of a block in cache"),
                             llvm::cl::init(1024)};
};

/// moe ops on tensors, unfused or fused, to the LLVM dialect. Public functions take their results
/// as buffers after their arguments and get a C interface (`_mlir_ciface_<name>`).
void buildCpuPipeline(mlir::OpPassManager &pm, const CpuPipelineOptions &options);

/// Makes `moe-to-cpu` and the passes of this folder known to moe-opt.
void registerCpuPipeline();

/// The dialects that the pipeline goes through and the interfaces that its passes use.
void registerCpuDialects(mlir::DialectRegistry &registry);

} // namespace moec::cpu

#endif // MOEC_COMPILER_TARGET_CPU_CPUPIPELINE_H
