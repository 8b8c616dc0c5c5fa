//===- ReferenceRunner.cpp - running a block in the reference evaluator -----===//

#include "compiler/Engine/ReferenceRunner.h"

#include "compiler/Reference/Evaluator.h"
#include "compiler/Target/Cpu/RunShapes.h"

#include <chrono>

namespace moec {

using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

Result<RunMemory> runMemory(const MoeBlock &block, mlir::func::FuncOp function, int64_t tokens) {
  std::vector<cpu::Shape> arguments;
  for (const InputSpec &spec : block.inputs()) {
    MOERT_ASSIGN_OR_RETURN(cpu::Shape shape, resolveShape(spec, tokens));
    arguments.push_back(std::move(shape));
  }
  MOERT_ASSIGN_OR_RETURN(cpu::RunShapes shapes, cpu::evaluateShapes(function, arguments));
  RunMemory memory;
  memory.intermediateBytes = shapes.intermediateBytes;
  for (size_t i = 0; i < shapes.results.size(); ++i) {
    // evaluateShapes has refused sizes beyond 63 bits.
    std::optional<int64_t> count =
        moert::countElements(shapes.results[i], block.outputs()[i].dtype);
    memory.outputBytes += count.value_or(0) * moert::byteSize(block.outputs()[i].dtype);
  }
  return memory;
}

/// The evaluator computes in f64 what the IR types as bf16 or f16, four times the size.
static constexpr uint64_t kWidening = 4;

Result<uint64_t> ReferenceRunner::planMemory(int64_t tokens) {
  MOERT_ASSIGN_OR_RETURN(RunMemory memory, runMemory(block, block.function(), tokens));
  return kWidening * (memory.intermediateBytes + memory.outputBytes);
}

Result<Runner::Outcome> ReferenceRunner::run(std::span<const HostTensor> arguments, int64_t, bool) {
  auto begin = std::chrono::steady_clock::now();
  if (failed(verifyEvaluable(block.function())))
    return Status(StatusCode::Unsupported, "expects a block that the reference evaluator knows");
  mlir::FailureOr<std::vector<HostTensor>> wide =
      evaluate(block.function(), arguments, EvaluationOptions{threads});
  if (failed(wide))
    return Status(StatusCode::InvalidInput, "expects inputs that the block can be evaluated on");
  Outcome outcome;
  for (size_t i = 0; i < wide->size(); ++i) {
    const HostTensor &source = (*wide)[i];
    MOERT_ASSIGN_OR_RETURN(HostTensor output,
                           HostTensor::allocate(block.outputs()[i].dtype,
                                                {source.shape().begin(), source.shape().end()}));
    for (int64_t j = 0; j < source.numElements(); ++j)
      output.set(j, source.at(j));
    outcome.outputs.push_back(std::move(output));
  }
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begin;
  outcome.milliseconds = elapsed.count();
  return outcome;
}

} // namespace moec
