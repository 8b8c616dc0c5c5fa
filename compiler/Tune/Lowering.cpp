//===- Lowering.cpp - a way to lower a block, and its products --------------===//

#include "compiler/Tune/Lowering.h"

#include "compiler/Engine/Products.h"
#include "compiler/Schedule/Schedule.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

Result<Lowering> makeLowering(const MoeBlock &block, std::string name, const FusionChoice &fusions,
                              CombineMode combine, const LoweringOptions &options) {
  mlir::MLIRContext &context = block.context();
  context.loadDialect<kernel::MoeKernelDialect>();
  kernel::TargetAttr target = kernel::getKnownTarget(&context, options.target);
  if (!target)
    return Status(StatusCode::Unsupported, "expects one of the targets " +
                                               kernel::listKnownTargets() + ", but got '" +
                                               options.target + "'");
  MOERT_ASSIGN_OR_RETURN(schedule::BlockProblem problem, problemOf(block, fusions, combine));
  Lowering lowering;
  lowering.name = std::move(name);
  lowering.defaults.fusions = fusions;
  lowering.defaults.combine = combine;
  schedule::Bucket bucket;
  for (const schedule::Bucket &other : schedule::getBuckets(problem, target, {options.tokens}))
    if (options.tokens >= other.minTokens &&
        (other.maxTokens == -1 || options.tokens <= other.maxTokens))
      bucket = other;
  for (const schedule::MatmulProblem &matmul : problem.matmuls) {
    kernel::ScheduleAttr schedule = schedule::getMatmulSchedule(&context, matmul, bucket, target);
    lowering.defaults.schedules.push_back(search::toText(schedule));
    search::Task task;
    task.setting = {&context, schedule::getMatmulTraits(matmul), target};
    task.problem = matmul;
    task.groups = options.groups;
    task.tokens = options.tokens;
    task.machine = options.machine;
    lowering.tasks.push_back(std::move(task));
  }
  return lowering;
}

} // namespace moec
