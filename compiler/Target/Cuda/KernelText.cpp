//===- KernelText.cpp - puts a generated translation unit together --------===//

#include "compiler/Target/Cuda/KernelText.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"

#include "mlir/Support/IndentedOstream.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace moec::cuda {

StringRef getCudaType(Type element) {
  if (element.isBF16())
    return "moe::bf16";
  if (element.isF16())
    return "moe::f16";
  return element.isF32() ? "float" : "int";
}

static std::string getPointerType(Value memref) {
  return getCudaType(cast<MemRefType>(memref.getType()).getElementType()).str() + " *";
}

void KernelText::addInput(StringRef name, Value memref) {
  parameters.push_back({"const " + getPointerType(memref), name.str(), memref, {}});
}

void KernelText::addOutput(StringRef name, Value memref) {
  parameters.push_back({getPointerType(memref), name.str(), memref, {}});
}

void KernelText::addCopyMap(StringRef name, const kernel::CopyMap &map) {
  parameters.push_back({"const __grid_constant__ moe::TensorMap ", name.str(), map.memref, map});
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

/// A 64-bit expression; T is at most 2^31 but products of it need not be.
static std::string print(AffineExpr expression) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return std::to_string(constant.getValue()) + "ll";
  if (isa<AffineDimExpr>(expression))
    return "moe::i64(tokens)";
  auto binary = cast<AffineBinaryOpExpr>(expression);
  std::string lhs = print(binary.getLHS()), rhs = print(binary.getRHS());
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    return "(" + lhs + " + " + rhs + ")";
  case AffineExprKind::Mul:
    return "(" + lhs + " * " + rhs + ")";
  case AffineExprKind::FloorDiv:
    return "(" + lhs + " / " + rhs + ")";
  case AffineExprKind::CeilDiv:
    return "moe::ceil_div(" + lhs + ", " + rhs + ")";
  default:
    return "(" + lhs + " % " + rhs + ")";
  }
}

std::string getCudaExtent(AffineMap extent) {
  AffineExpr first = extent.getResult(0);
  if (extent.getNumResults() == 1) {
    if (isa<AffineDimExpr>(first))
      return "tokens";
    if (auto constant = dyn_cast<AffineConstantExpr>(first))
      return std::to_string(constant.getValue());
    if (auto product = dyn_cast<AffineBinaryOpExpr>(first))
      if (product.getKind() == AffineExprKind::Mul && isa<AffineDimExpr>(product.getLHS()))
        if (auto factor = dyn_cast<AffineConstantExpr>(product.getRHS()))
          return "tokens * " + std::to_string(factor.getValue());
  }
  std::string text = print(first);
  for (AffineExpr next : extent.getResults().drop_front())
    text = "min(" + text + ", " + print(next) + ")";
  return "int(" + text + ")";
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

LogicalResult printKernelText(Operation *op, KernelText &text) {
  text.takesTokens = cast<kernel::KernelOpInterface>(op).takesTokens();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](kernel::GroupedMatmulOp matmul) { return printMatmul(matmul, text); })
      .Case<kernel::RouteOp, kernel::SortRoutesOp, kernel::CountRoutesOp, kernel::RouteSortOp,
            kernel::TileMapsOp, kernel::PadOffsetsOp, kernel::InvertRoutesOp>(
          [&](Operation *index) { return printIndexKernel(index, text); })
      .Case<kernel::GatherOp, kernel::PadOp, kernel::UnpadOp, kernel::ActivationOp,
            kernel::CombineOp, kernel::FillOp, kernel::CastOp>(
          [&](Operation *rows) { return printRowKernel(rows, text); })
      .Default([](Operation *unknown) { return unknown->emitOpError() << "has no CUDA form"; });
}

std::string printHeader(StringRef name, Operation *op, const KernelText &text) {
  std::string storage;
  llvm::raw_string_ostream os(storage);
  os << "// " << name << ": " << op->getName().getStringRef();
  if (kernel::TargetAttr target = kernel::getTarget(op))
    os << " for " << target.getArch();
  os << "\n//\n";
  for (const KernelText::Parameter &parameter : text.parameters)
    os << "//   " << parameter.name << " : " << parameter.value.getType() << "\n";
  for (NamedAttribute attribute : op->getAttrs()) {
    if (attribute.getName() == "operandSegmentSizes")
      continue;
    os << "//   " << attribute.getName().getValue();
    if (!isa<UnitAttr>(attribute.getValue()))
      os << " = " << attribute.getValue();
    os << "\n";
  }
  os << "\n";
  return storage;
}

std::string wrapItems(ArrayRef<std::string> items, size_t column, size_t indent) {
  constexpr size_t kMaxColumn = 100;
  std::string text;
  for (auto [i, item] : llvm::enumerate(items)) {
    size_t width = item.size() + 2; // with ", " or ") {"
    if (i != 0) {
      bool breaks = column + width > kMaxColumn;
      text += breaks ? ",\n" + std::string(indent, ' ') : ", ";
      if (breaks)
        column = indent;
    }
    text += item;
    column += width;
  }
  return text;
}

std::string printKernel(StringRef name, const KernelText &text) {
  std::string storage;
  llvm::raw_string_ostream stream(storage);
  raw_indented_ostream os(stream);
  for (const std::string &include : text.includes)
    os << "#include \"" << include << "\"\n";
  os << "\n" << text.declarations;
  if (!text.declarations.empty())
    os << "\n";
  os << "extern \"C\" __global__ void __launch_bounds__(" << text.launchBounds << ")\n"
     << name << "(";
  SmallVector<std::string> parameters;
  for (const KernelText::Parameter &parameter : text.parameters)
    parameters.push_back(parameter.type + parameter.name);
  if (text.takesTokens)
    parameters.push_back("int tokens");
  os << wrapItems(parameters, name.size() + 1, 4) << ") {\n";
  os.indent();
  os.printReindented(text.body);
  os.unindent();
  os << "}\n";
  return storage;
}

} // namespace moec::cuda
