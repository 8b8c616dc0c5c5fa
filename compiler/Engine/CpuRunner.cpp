//===- CpuRunner.cpp - running a block on the CPU ---------------------------===//

#include "compiler/Engine/CpuRunner.h"

#include "compiler/Engine/ReferenceRunner.h"
#include "compiler/Target/Cpu/CpuExecutor.h"

#include "mlir/Pass/PassManager.h"

#include <chrono>
#include <cstring>
#include <malloc.h>

namespace moec {

using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

Result<mlir::OwningOpRef<mlir::ModuleOp>> fuse(const MoeBlock &block, const FusionChoice &fusions) {
  mlir::OwningOpRef<mlir::ModuleOp> module = block.module().clone();
  mlir::PassManager manager(module->getContext(), mlir::ModuleOp::getOperationName());
  buildFusionStage(manager, fusions);
  if (failed(manager.run(*module)))
    return Status(StatusCode::Internal, "a fusion pass failed on valid IR");
  return module;
}

Result<std::unique_ptr<CpuRunner>> CpuRunner::create(const MoeBlock &block,
                                                     const FusionChoice &fusions,
                                                     unsigned threads) {
  std::unique_ptr<CpuRunner> runner(new CpuRunner(block));
  MOERT_ASSIGN_OR_RETURN(runner->fused, fuse(block, fusions));
  runner->function =
      runner->fused->lookupSymbol<mlir::func::FuncOp>(block.function().getSymNameAttr());
  cpu::CpuOptions options;
  options.threads = threads;
  MOERT_ASSIGN_OR_RETURN(runner->executor, cpu::CpuExecutor::compile(runner->function, options));
  return runner;
}

CpuRunner::CpuRunner(const MoeBlock &block) : block(block) {}
CpuRunner::~CpuRunner() = default;

Result<uint64_t> CpuRunner::planMemory(int64_t tokens) {
  MOERT_ASSIGN_OR_RETURN(RunMemory memory, runMemory(block, function, tokens));
  return memory.intermediateBytes + memory.outputBytes;
}

namespace {

/// While it lives, memory that malloc hands out is filled with 0xFF, which is NaN in every float
/// type: compiled code keeps its temporary tensors there. glibc fills with the complement of the
/// low byte and takes any non-zero value as "on".
class PoisonedHeap {
public:
  explicit PoisonedHeap(bool enabled) : enabled(enabled) {
    if (enabled)
      mallopt(M_PERTURB, 0x100);
  }
  ~PoisonedHeap() {
    if (enabled)
      mallopt(M_PERTURB, 0);
  }
  PoisonedHeap(const PoisonedHeap &) = delete;
  PoisonedHeap &operator=(const PoisonedHeap &) = delete;

private:
  bool enabled;
};

} // namespace

Result<Runner::Outcome> CpuRunner::run(std::span<const HostTensor> arguments, int64_t,
                                       bool poison) {
  MOERT_ASSIGN_OR_RETURN(cpu::RunShapes shapes, executor->plan(arguments));
  Outcome outcome;
  for (size_t i = 0; i < shapes.results.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(HostTensor output,
                           HostTensor::allocate(block.outputs()[i].dtype, shapes.results[i]));
    if (poison && output.byteSize() != 0)
      std::memset(output.mutableData(), 0xFF, output.byteSize());
    outcome.outputs.push_back(std::move(output));
  }
  PoisonedHeap poisoned(poison);
  auto begin = std::chrono::steady_clock::now();
  MOERT_RETURN_IF_ERROR(executor->runInto(arguments, outcome.outputs));
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begin;
  outcome.milliseconds = elapsed.count();
  return outcome;
}

} // namespace moec
