//===- moe-opt.cpp - runs moec's passes on IR files -----------------------===//

#include "compiler/Conversion/MoeToLinalg/MoeToLinalg.h"
#include "compiler/Conversion/MoeToMoeKernel/Passes.h"
#include "compiler/Target/Cpu/CpuPipeline.h"
#include "compiler/Target/Cuda/CudaEmitter.h"
#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/Transforms/Passes.h"
#include "dialects/Moe/Transforms/Pipeline.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, bufferization::BufferizationDialect, cf::ControlFlowDialect,
                  func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, moec::kernel::MoeKernelDialect, moec::moe::MoeDialect,
                  scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
  moec::cpu::registerCpuDialects(registry);
  registerTransformsPasses();
  moec::cpu::registerCpuPipeline();
  moec::moe::registerMoePasses();
  moec::moe::registerFusionPipeline();
  moec::registerMoeToLinalgPasses();
  moec::registerMoeToMoeKernelPasses();
  moec::registerEmitCudaPass();
  return asMainReturnCode(MlirOptMain(argc, argv, "moec pass driver\n", registry));
}
