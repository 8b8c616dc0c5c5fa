//===- CpuRunner.h - running a block on the CPU -----------------------------===//

#ifndef MOEC_COMPILER_ENGINE_CPURUNNER_H
#define MOEC_COMPILER_ENGINE_CPURUNNER_H

#include "compiler/Engine/MoeBlock.h"
#include "compiler/Engine/Runner.h"
#include "compiler/Pipelines/Pipelines.h"

#include <memory>

namespace moec {

namespace cpu {
class CpuExecutor;
} // namespace cpu

/// A fused copy of a block, compiled for this machine. The block must outlive the runner.
class CpuRunner final : public Runner {
public:
  static moert::Result<std::unique_ptr<CpuRunner>>
  create(const MoeBlock &block, const FusionChoice &fusions, unsigned threads);
  ~CpuRunner() override;

  moert::Result<uint64_t> planMemory(int64_t tokens) override;
  moert::Result<Outcome> run(std::span<const moert::HostTensor> arguments, int64_t tokens,
                             bool poison) override;
  const cpu::CpuExecutor &compiled() const { return *executor; }

private:
  explicit CpuRunner(const MoeBlock &block);

  const MoeBlock &block;
  mlir::OwningOpRef<mlir::ModuleOp> fused;
  mlir::func::FuncOp function; ///< of `fused`
  std::unique_ptr<cpu::CpuExecutor> executor;
};

/// A copy of the block's module after the fusions. Internal where a pass fails on valid IR.
moert::Result<mlir::OwningOpRef<mlir::ModuleOp>> fuse(const MoeBlock &block,
                                                      const FusionChoice &fusions);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_CPURUNNER_H
