//===- Pipeline.cpp - the fusions of the moe dialect in their order -------===//

#include "dialects/Moe/Transforms/Pipeline.h"
#include "dialects/Moe/Transforms/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace moec::moe;

void moec::moe::buildFusionPipeline(OpPassManager &manager, const FusionOptions &options) {
  // CSE first: equal pads or products of one rows tensor are then one value.
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // Gate and up before the activation that joins them; padding before the two fusions that need
  // the matmul next to the permute and the combine.
  if (options.gateUp)
    manager.addPass(createFuseGateUpPass());
  if (options.padding)
    manager.addPass(createFusePaddingPass());
  if (options.activation)
    manager.addPass(createFuseActivationPass());
  if (options.permute)
    manager.addPass(createFusePermutePass());
  if (options.combine)
    manager.addPass(createFuseCombinePass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void moec::moe::registerFusionPipeline() {
  PassPipelineRegistration<FusionOptions>(
      "moe-fusion-pipeline", "Fuses a moe block: gate-up, padding, activation, permute, combine",
      buildFusionPipeline);
}
