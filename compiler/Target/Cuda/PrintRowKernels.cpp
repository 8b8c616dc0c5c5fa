//===- PrintRowKernels.cpp - callers of the row kernels -------------------===//
//
// compiler/Device/moe/kernels/README.md lists the calls and their policies.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/KernelText.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace moec::cuda {
namespace {

StringRef getElement(Value memref) {
  return getCudaType(cast<MemRefType>(memref.getType()).getElementType());
}

int64_t getColumns(Value memref) { return cast<MemRefType>(memref.getType()).getDimSize(1); }

std::string getRows(Value memref) { return getCudaExtent(kernel::getLeadingExtent(memref)); }

/// `using Copy = moe::CopyConfig<...>` over the rows of `output`.
void declareCopy(Value output, kernel::LaunchAttr launch, KernelText &text) {
  text.includes.push_back("moe/kernels/copy_rows.cuh");
  llvm::raw_string_ostream(text.declarations)
      << "using Copy = moe::CopyConfig<" << getElement(output) << ", " << getColumns(output) << ", "
      << launch.getThreads() << ", " << launch.getPerThread() << ">;\n";
  text.launchBounds = "Copy::kThreads, Copy::kMinBlocks";
}

LogicalResult print(kernel::GatherOp op, KernelText &text) {
  declareCopy(op.getRows(), op.getSchedule(), text);
  text.addInput("x", op.getX());
  text.addInput("routes", op.getRoutes());
  text.addOutput("rows", op.getRows());
  llvm::raw_string_ostream(text.body)
      << "moe::copy_rows<Copy>(x, rows, moe::GatherSource<" << op.getTopK() << ">{routes, "
      << getRows(op.getX()) << "}, " << getRows(op.getRows()) << ");\n";
  return success();
}

template <class OpT>
LogicalResult printRegroup(OpT op, StringRef source, KernelText &text) {
  declareCopy(op.getOutput(), op.getSchedule(), text);
  text.addInput("input", op.getInput());
  text.addInput("offsets", op.getOffsets());
  text.addInput("padded_offsets", op.getPaddedOffsets());
  text.addOutput("output", op.getOutput());
  llvm::raw_string_ostream(text.body)
      << "moe::copy_rows<Copy>(input, output, moe::" << source << "<" << op.getNumExperts()
      << ">{offsets, padded_offsets},\n                     " << getRows(op.getOutput()) << ");\n";
  return success();
}

LogicalResult print(kernel::PadOp op, KernelText &text) {
  return printRegroup(op, "PadSource", text);
}

LogicalResult print(kernel::UnpadOp op, KernelText &text) {
  return printRegroup(op, "UnpadSource", text);
}

StringRef getGateLayout(kernel::ActivationOp op) {
  if (op.getInputs().size() == 2)
    return "kSeparate";
  if (!op.getGateLayout())
    return "kPlain";
  return op.getGateLayout()->getPacking() == moe::GatePacking::Halves ? "kHalves" : "kInterleaved";
}

LogicalResult print(kernel::ActivationOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/activation.cuh");
  if (failed(printFunctor(op.getBody(), "Function", text)))
    return failure();
  bool upFirst = op.getGateLayout() && op.getGateLayout()->getOrder() == moe::GateOrder::UpFirst;
  llvm::raw_string_ostream(text.declarations)
      << "using Activation = moe::ActivationConfig<" << getElement(op.getOutput()) << ", "
      << getColumns(op.getOutput()) << ", moe::GateLayout::" << getGateLayout(op) << ", "
      << (upFirst ? "false" : "true") << ", " << op.getThreads() << ", "
      << op.getSchedule().getPerThread() << ">;\n";
  text.launchBounds = "Activation::kThreads, Activation::kMinBlocks";
  bool separate = op.getInputs().size() == 2;
  text.addInput(separate ? "gate" : "input", op.getInputs()[0]);
  if (separate)
    text.addInput("up", op.getInputs()[1]);
  text.addOutput("output", op.getOutput());
  llvm::raw_string_ostream(text.body)
      << "moe::activation<Activation, Function>(" << (separate ? "gate, up" : "input, nullptr")
      << ", output, " << getRows(op.getOutput()) << ");\n";
  return success();
}

LogicalResult print(kernel::CombineOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/combine.cuh");
  bool weighted = static_cast<bool>(op.getWeights());
  llvm::raw_string_ostream(text.declarations)
      << "using Combine = moe::CombineConfig<" << getElement(op.getOutput()) << ", "
      << getColumns(op.getOutput()) << ", " << op.getTopK() << ", " << (weighted ? "true" : "false")
      << ", " << op.getThreads() << ", " << op.getSchedule().getPerThread()
      << (op.getEarlyPositions() ? ", true" : ", false") << ", " << op.getDiscards() << ">;\n";
  text.launchBounds = "Combine::kThreads, Combine::kMinBlocks";
  text.addInput("rows", op.getRows());
  text.addInput("positions", op.getPositions());
  if (weighted)
    text.addInput("weights", op.getWeights());
  text.addOutput("output", op.getOutput());
  llvm::raw_string_ostream(text.body)
      << "moe::combine<Combine>(rows, positions, " << (weighted ? "weights" : "nullptr")
      << ", output, " << getRows(op.getOutput()) << ");\n";
  return success();
}

LogicalResult print(kernel::FillOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/accumulate.cuh");
  text.launchBounds = std::to_string(op.getThreads());
  text.addOutput("buffer", op.getOutput());
  text.parameters.back().type = "moe::u32 *";
  llvm::raw_string_ostream(text.body)
      << "moe::fill_words<" << op.getThreads() << ", " << op.getSchedule().getPerThread()
      << ">(buffer, " << static_cast<uint32_t>(op.getBits()) << "u, moe::i64("
      << getRows(op.getOutput()) << ") * " << op.getRowWords() << ");\n";
  return success();
}

LogicalResult print(kernel::CastOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/accumulate.cuh");
  text.launchBounds = std::to_string(op.getThreads());
  text.addInput("accumulator", op.getInput());
  text.addOutput("output", op.getOutput());
  llvm::raw_string_ostream(text.body)
      << "moe::cast_rows<" << getElement(op.getOutput()) << ", " << getColumns(op.getOutput())
      << ", " << op.getThreads() << ">(accumulator, output, " << getRows(op.getOutput()) << ");\n";
  return success();
}

} // namespace

LogicalResult printRowKernel(Operation *op, KernelText &text) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<kernel::GatherOp, kernel::PadOp, kernel::UnpadOp, kernel::ActivationOp,
            kernel::CombineOp, kernel::FillOp, kernel::CastOp>(
          [&](auto kernel) { return print(kernel, text); });
}

} // namespace moec::cuda
