//===- CpuPipeline.cpp - from moe to the LLVM dialect for the CPU ---------===//

#include "compiler/Target/Cpu/CpuPipeline.h"

#include "compiler/Conversion/MoeToLinalg/MoeToLinalg.h"
#include "compiler/Target/Cpu/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/OpenMPToLLVM/ConvertOpenMPToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/SCFToOpenMP/SCFToOpenMP.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

static void addLinalg(OpPassManager &pm, const moec::cpu::CpuPipelineOptions &options) {
  moec::ConvertMoeToLinalgPassOptions lowering;
  lowering.tileRows = options.tileRows;
  lowering.tileColumns = options.tileColumns;
  lowering.lanes = options.lanes;
  lowering.blockRows = options.blockRows;
  lowering.blockColumns = options.blockColumns;
  lowering.blockDepth = options.blockDepth;
  pm.addPass(moec::createConvertMoeToLinalgPass(lowering));
  // No CSE before bufferization: scratch tensors of one shape would become one tensor, and what is
  // written to it twice would have to be copied.
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(moec::cpu::createCpuParallelizeRowsPass());
  pm.addPass(moec::cpu::createCpuBindResultsPass());
}

static void addBufferization(OpPassManager &pm) {
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(createCSEPass());
  // Copies of a buffer onto itself fold away here.
  pm.addPass(createCanonicalizerPass());
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addNestedPass<func::FuncOp>(bufferization::createOptimizeAllocationLivenessPass());
}

static void addLoops(OpPassManager &pm, bool parallel) {
  pm.addNestedPass<func::FuncOp>(moec::cpu::createCpuRegisterTilesPass());
  pm.addNestedPass<func::FuncOp>(moec::cpu::createCpuScalarMathPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
  if (parallel) {
    pm.addPass(createConvertSCFToOpenMPPass());
    // Takes memref.alloca_scope away, whose body may not branch.
    pm.addPass(createCanonicalizerPass());
  }
}

static void addLlvm(OpPassManager &pm) {
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  pm.addPass(createSCFToControlFlowPass());
  // Conversions to and from bf16 become integer ops: exact for every value, on every machine.
  arith::ArithExpandOpsPassOptions expansion;
  expansion.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expansion));
  // What is left of log1p is in f64: libm's is right near 0, log(1 + x) is not.
  ConvertMathToLLVMPassOptions math;
  math.approximateLog1p = false;
  pm.addPass(createConvertMathToLLVMPass(math));
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void moec::cpu::buildCpuPipeline(OpPassManager &pm, const CpuPipelineOptions &options) {
  addLinalg(pm, options);
  addBufferization(pm);
  addLoops(pm, options.parallel);
  addLlvm(pm);
}

void moec::cpu::registerCpuPipeline() {
  registerCpuPasses();
  PassPipelineRegistration<CpuPipelineOptions>(
      "moe-to-cpu", "moe ops to the LLVM dialect for the CPU, ready for MLIR's ExecutionEngine",
      buildCpuPipeline);
}
