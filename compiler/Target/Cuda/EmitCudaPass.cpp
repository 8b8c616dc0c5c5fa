//===- EmitCudaPass.cpp - prints generated CUDA, for tests and curiosity --===//

#include "compiler/Target/Cuda/CudaEmitter.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace {

struct EmitCudaPass : public PassWrapper<EmitCudaPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(EmitCudaPass)

  EmitCudaPass() = default;
  EmitCudaPass(const EmitCudaPass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "emit-cuda"; }
  StringRef getDescription() const override {
    return "Print the CUDA sources of a moe_kernel block, or write them to files";
  }

  void runOnOperation() override {
    FailureOr<moec::CudaProgram> program = moec::emitCuda(getOperation());
    if (failed(program))
      return signalPassFailure();
    for (const moec::CudaKernel &kernel : program->kernels)
      if (kernel.name.starts_with(only) && failed(write(kernel)))
        return signalPassFailure();
    if (manifest)
      llvm::outs() << moert::writeManifest(program->manifest) << "\n";
    markAllAnalysesPreserved();
  }

  LogicalResult write(const moec::CudaKernel &kernel) {
    if (directory.empty()) {
      llvm::outs() << kernel.source << "\n";
      return success();
    }
    std::string path = directory + "/" + kernel.name + ".cu";
    llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
      os << kernel.source;
      return llvm::Error::success();
    });
    if (error)
      return getOperation().emitError()
             << "cannot write " << path << ": " << llvm::toString(std::move(error));
    return success();
  }

  Option<std::string> only{*this, "only", llvm::cl::init(""),
                           llvm::cl::desc("print kernels whose names begin so")};
  Option<std::string> directory{*this, "dir", llvm::cl::init(""),
                                llvm::cl::desc("write NAME.cu files into this folder instead")};
  Option<bool> manifest{*this, "manifest", llvm::cl::init(false),
                        llvm::cl::desc("print the launch plan too")};
};

} // namespace

void moec::registerEmitCudaPass() { PassRegistration<EmitCudaPass>(); }
