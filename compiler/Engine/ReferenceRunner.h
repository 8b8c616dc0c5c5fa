//===- ReferenceRunner.h - running a block in the reference evaluator -------===//

#ifndef MOEC_COMPILER_ENGINE_REFERENCERUNNER_H
#define MOEC_COMPILER_ENGINE_REFERENCERUNNER_H

#include "compiler/Engine/MoeBlock.h"
#include "compiler/Engine/Runner.h"

namespace moec {

/// Evaluates the block in double precision and rounds its outputs once, to their types. The block
/// must outlive the runner.
class ReferenceRunner final : public Runner {
public:
  ReferenceRunner(const MoeBlock &block, unsigned threads) : block(block), threads(threads) {}

  moert::Result<uint64_t> planMemory(int64_t tokens) override;
  moert::Result<Outcome> run(std::span<const moert::HostTensor> arguments, int64_t tokens,
                             bool poison) override;

private:
  const MoeBlock &block;
  unsigned threads;
};

/// Bytes that the outputs of the block take, and those that tensors in between take at most at one
/// time as the IR types them.
struct RunMemory {
  uint64_t outputBytes = 0, intermediateBytes = 0;
};
moert::Result<RunMemory> runMemory(const MoeBlock &block, mlir::func::FuncOp function,
                                   int64_t tokens);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_REFERENCERUNNER_H
