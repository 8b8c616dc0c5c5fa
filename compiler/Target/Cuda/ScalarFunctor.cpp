//===- ScalarFunctor.cpp - scalar regions as CUDA functors ----------------===//
//
// Every op of a region becomes one line, every value one name.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/KernelText.h"
#include "compiler/Target/Cuda/ScalarForms.h"

#include "mlir/Support/IndentedOstream.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace moec::cuda {
namespace {

class FunctorPrinter {
public:
  explicit FunctorPrinter(raw_indented_ostream &os) : os(os) {}

  LogicalResult print(Region &region, StringRef name);

private:
  LogicalResult print(Operation *op);
  std::string substitute(StringRef form, Operation *op) const;
  StringRef get(Value value) const { return names.find(value)->second; }

  raw_indented_ostream &os;
  llvm::DenseMap<Value, std::string> names;
  unsigned count = 0; ///< values so far
};

std::string FunctorPrinter::substitute(StringRef form, Operation *op) const {
  std::string text;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '$')
      text += get(op->getOperand(form[++i] - '0'));
    else
      text += form[i];
  }
  return text;
}

LogicalResult FunctorPrinter::print(Operation *op) {
  std::string form = getScalarForm(op);
  if (form.empty())
    return op->emitOpError() << "has no CUDA form in an epilogue or activation";
  Value result = op->getResult(0);
  std::string name = "v" + std::to_string(count++);
  os << "const " << (result.getType().isF32() ? "float " : "bool ") << name << " = "
     << substitute(form, op) << ";\n";
  names[result] = name;
  return success();
}

LogicalResult FunctorPrinter::print(Region &region, StringRef name) {
  Block &block = region.front();
  bool gated = block.getNumArguments() == 2;
  StringRef arguments[] = {gated ? "gate" : "value", "up"};
  for (BlockArgument argument : block.getArguments())
    names[argument] = arguments[argument.getArgNumber()].str();
  os << "struct " << name << " {\n";
  os.indent();
  os << "static MOE_DEVICE float apply(float " << arguments[0] << (gated ? ", float up" : "")
     << ") {\n";
  os.indent();
  for (Operation &op : block.without_terminator())
    if (failed(print(&op)))
      return failure();
  os << "return " << get(block.getTerminator()->getOperand(0)) << ";\n";
  os.unindent() << "}\n";
  os.unindent() << "};\n";
  return success();
}

} // namespace

LogicalResult printFunctor(Region &region, StringRef name, KernelText &text) {
  llvm::raw_string_ostream stream(text.declarations);
  raw_indented_ostream os(stream);
  text.includes.insert(text.includes.begin(), "moe/common/math.cuh");
  return FunctorPrinter(os).print(region, name);
}

} // namespace moec::cuda
