//===- ScalarFunctor.cpp - scalar regions as CUDA functors ----------------===//
//
// Every op of a region becomes one line, every value one name, constants hexadecimal so that none
// is rounded. exp and division use the hardware's approximations (moe/common/math.cuh), whose
// error of about 2 ulp of f32 vanishes in a 16-bit result; everything else is what the device's
// math library computes. Maxima and minima follow IEEE 754-2019 where the op asks for it: the CUDA
// functions of that name drop a NaN.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/KernelText.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Support/IndentedOstream.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace moec::cuda {
namespace {

/// An op whose CUDA form is text around its operands: $0, $1, $2 stand for them.
struct Form {
  StringRef op;
  StringRef text;
};

constexpr Form kForms[] = {
    {"arith.addf", "$0 + $1"},
    {"arith.subf", "$0 - $1"},
    {"arith.mulf", "$0 * $1"},
    {"arith.divf", "moe::fast_div($0, $1)"},
    {"arith.remf", "fmodf($0, $1)"},
    {"arith.negf", "-$0"},
    {"arith.maximumf", "moe::maximum($0, $1)"},
    {"arith.minimumf", "moe::minimum($0, $1)"},
    {"arith.maxnumf", "fmaxf($0, $1)"},
    {"arith.minnumf", "fminf($0, $1)"},
    {"arith.select", "$0 ? $1 : $2"},
    {"arith.andi", "$0 & $1"},
    {"arith.ori", "$0 | $1"},
    {"arith.xori", "$0 ^ $1"},
    {"math.absf", "fabsf($0)"},
    {"math.acos", "acosf($0)"},
    {"math.acosh", "acoshf($0)"},
    {"math.asin", "asinf($0)"},
    {"math.asinh", "asinhf($0)"},
    {"math.atan", "atanf($0)"},
    {"math.atan2", "atan2f($0, $1)"},
    {"math.atanh", "atanhf($0)"},
    {"math.cbrt", "cbrtf($0)"},
    {"math.ceil", "ceilf($0)"},
    {"math.clampf", "moe::minimum(moe::maximum($0, $1), $2)"},
    {"math.copysign", "copysignf($0, $1)"},
    {"math.cos", "cosf($0)"},
    {"math.cosh", "coshf($0)"},
    {"math.erf", "moe::fast_erf($0)"},
    {"math.erfc", "erfcf($0)"},
    {"math.exp", "moe::fast_exp($0)"},
    {"math.exp2", "moe::fast_exp2($0)"},
    {"math.expm1", "expm1f($0)"},
    {"math.floor", "floorf($0)"},
    {"math.fma", "fmaf($0, $1, $2)"},
    {"math.isfinite", "isfinite($0)"},
    {"math.isinf", "isinf($0)"},
    {"math.isnan", "isnan($0)"},
    {"math.log", "logf($0)"},
    {"math.log10", "log10f($0)"},
    {"math.log1p", "log1pf($0)"},
    {"math.log2", "log2f($0)"},
    {"math.powf", "powf($0, $1)"},
    {"math.round", "roundf($0)"},
    {"math.roundeven", "rintf($0)"},
    {"math.rsqrt", "rsqrtf($0)"},
    {"math.sin", "sinf($0)"},
    {"math.sinh", "sinhf($0)"},
    {"math.sqrt", "sqrtf($0)"},
    {"math.tan", "tanf($0)"},
    {"math.tanh", "moe::fast_tanh($0)"},
    {"math.trunc", "truncf($0)"},
};

/// Ordered predicates are false, unordered ones true, where an operand is NaN.
StringRef getForm(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return "false";
  case P::OEQ:
    return "$0 == $1";
  case P::OGT:
    return "$0 > $1";
  case P::OGE:
    return "$0 >= $1";
  case P::OLT:
    return "$0 < $1";
  case P::OLE:
    return "$0 <= $1";
  case P::ONE:
    return "$0 < $1 || $0 > $1";
  case P::ORD:
    return "$0 == $0 && $1 == $1";
  case P::UEQ:
    return "!($0 < $1 || $0 > $1)";
  case P::UGT:
    return "!($0 <= $1)";
  case P::UGE:
    return "!($0 < $1)";
  case P::ULT:
    return "!($0 >= $1)";
  case P::ULE:
    return "!($0 > $1)";
  case P::UNE:
    return "$0 != $1";
  case P::UNO:
    return "$0 != $0 || $1 != $1";
  case P::AlwaysTrue:
    return "true";
  }
  return "";
}

/// An f32 constant, exactly.
std::string printConstant(const llvm::APFloat &value) {
  if (value.isNaN() || value.isInfinity()) {
    std::string bits = llvm::toString(value.bitcastToAPInt(), 16, /*Signed=*/false,
                                      /*formatAsCLiteral=*/true);
    return "__uint_as_float(" + bits + "u)";
  }
  char buffer[64];
  unsigned size = value.convertToHexString(buffer, /*HexDigits=*/0, /*UpperCase=*/false,
                                           llvm::APFloat::rmNearestTiesToEven);
  return std::string(buffer, size) + "f";
}

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
  if (op->getNumResults() != 1 ||
      !(op->getResult(0).getType().isF32() || op->getResult(0).getType().isInteger(1)))
    return op->emitOpError() << "has no CUDA form: expects one result of f32 or i1";
  Value result = op->getResult(0);
  std::string text;
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      text = printConstant(number.getValue());
    else
      text = cast<IntegerAttr>(constant.getValue()).getValue().isZero() ? "false" : "true";
  } else if (auto compare = dyn_cast<arith::CmpFOp>(op)) {
    text = substitute(getForm(compare.getPredicate()), op);
  } else {
    const auto *form =
        llvm::find_if(kForms, [&](const Form &f) { return f.op == op->getName().getStringRef(); });
    if (form == std::end(kForms))
      return op->emitOpError() << "has no CUDA form in an epilogue or activation";
    text = substitute(form->text, op);
  }
  std::string name = "v" + std::to_string(count++);
  os << "const " << (result.getType().isF32() ? "float " : "bool ") << name << " = " << text
     << ";\n";
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
