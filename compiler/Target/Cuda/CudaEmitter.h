//===- CudaEmitter.h - moe_kernel to CUDA C++ and a launch plan -----------===//
//
// Prints, never decides: everything in the sources and in the manifest follows from the IR.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TARGET_CUDA_CUDAEMITTER_H
#define MOEC_COMPILER_TARGET_CUDA_CUDAEMITTER_H

#include "runtime/Package/Manifest.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace moec {

/// One translation unit with one entry point of the same name.
struct CudaKernel {
  std::string name;   ///< "moe_grouped_matmul_0": family and number, stable for one module
  std::string source; ///< includes deviceHeaders() (compiler/Device/EmbeddedHeaders.h) alone
};

/// What a block becomes: its kernels, each once, and the plan that launches them.
struct CudaProgram {
  std::string arch; ///< "sm_90a"
  std::vector<CudaKernel> kernels;
  /// Complete but for what the assembler reports: registers, spills, static shared memory and the
  /// file records of each kernel. Kernels are in the order of `kernels`.
  moert::Manifest manifest;
};

/// Emits the one block (all variants) of a module that `--convert-moe-to-kernel` made. Errors are
/// reported on the op at fault: an op that is no kernel, a scalar op without a CUDA form, a module
/// without target or with more than one block.
mlir::FailureOr<CudaProgram> emitCuda(mlir::ModuleOp module);

/// Registers the pass `--emit-cuda`, which prints an emitted program to the standard output.
void registerEmitCudaPass();

} // namespace moec

#endif // MOEC_COMPILER_TARGET_CUDA_CUDAEMITTER_H
