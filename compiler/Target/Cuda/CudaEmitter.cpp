//===- CudaEmitter.cpp - moe_kernel to CUDA C++ and a launch plan ---------===//

#include "compiler/Target/Cuda/CudaEmitter.h"
#include "compiler/Target/Cuda/KernelText.h"
#include "compiler/Target/Cuda/ManifestBuilder.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace moec {
namespace {

using kernel::MoeKernelDialect;

class Emitter {
public:
  Emitter(StringRef block, StringRef arch) : manifest(block, arch) { program.arch = arch.str(); }

  LogicalResult emit(func::FuncOp function);
  CudaProgram take() {
    program.manifest = manifest.take();
    return std::move(program);
  }

private:
  LogicalResult emit(kernel::KernelOpInterface op);

  CudaProgram program;
  cuda::ManifestBuilder manifest;
  llvm::StringMap<unsigned> kernels;  ///< text under a neutral name to index
  llvm::StringMap<unsigned> families; ///< kernels so far
};

LogicalResult Emitter::emit(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError() << "expects a body of one basic block";
  if (failed(manifest.beginVariant(function)))
    return failure();
  for (Operation &op : function.getBody().front()) {
    if (isa<func::ReturnOp>(op))
      continue;
    if (auto buffer = dyn_cast<kernel::BufferOp>(op))
      manifest.addBuffer(buffer);
    else if (auto kernel = dyn_cast<kernel::KernelOpInterface>(op)) {
      if (failed(emit(kernel)))
        return failure();
    } else
      return op.emitOpError() << "has no CUDA form";
  }
  return success();
}

LogicalResult Emitter::emit(kernel::KernelOpInterface op) {
  cuda::KernelText text;
  if (failed(cuda::printKernelText(op, text)))
    return failure();
  // Two launches share a kernel when their translation units differ in nothing but the name.
  auto [it, inserted] =
      kernels.try_emplace(cuda::printKernel("kernel", text), program.kernels.size());
  if (inserted) {
    StringRef family = op->getName().stripDialect();
    std::string name = "moe_" + family.str() + "_" + std::to_string(families[family]++);
    program.kernels.push_back(
        {name, cuda::printHeader(name, op, text) + cuda::printKernel(name, text)});
    manifest.addKernel(name, op, text);
  }
  manifest.addLaunch(it->second, op, text);
  return success();
}

} // namespace

FailureOr<CudaProgram> emitCuda(ModuleOp module) {
  kernel::TargetAttr target = kernel::getTarget(module);
  if (!target)
    return module.emitError() << "expects a module with '" << MoeKernelDialect::kTargetAttr
                              << "', as --convert-moe-to-kernel makes it";
  StringAttr block;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    auto name = function->getAttrOfType<StringAttr>(MoeKernelDialect::kBlockAttr);
    if (!name)
      return function.emitOpError()
             << "expects '" << MoeKernelDialect::kBlockAttr << "' on every function";
    if (block && block != name)
      return function.emitOpError() << "expects one block in a module, but got '"
                                    << block.getValue() << "' and '" << name.getValue() << '\'';
    block = name;
  }
  if (!block)
    return module.emitError() << "expects a module with a block, but it has no function";
  Emitter emitter(block.getValue(), target.getArch());
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (failed(emitter.emit(function)))
      return failure();
  CudaProgram program = emitter.take();
  // What the assembler will add stands in for itself while the plan is checked.
  moert::Manifest complete = program.manifest;
  for (moert::Kernel &kernel : complete.kernels)
    kernel.ptx.file = "kernels/" + kernel.name + ".ptx";
  if (moert::Status status = moert::validate(complete); !status.isOk())
    return module.emitError() << "expects a valid launch plan, but " << status.message();
  return program;
}

} // namespace moec
