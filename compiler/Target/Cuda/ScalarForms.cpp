//===- ScalarForms.cpp - arith and math ops in CUDA -----------------------===//
//
// Constants are hexadecimal so that none is rounded. exp and division use the hardware's
// approximations (moe/common/math.cuh), whose error of about 2 ulp of f32 vanishes in a 16-bit
// result; everything else is what the device's math library computes. Maxima and minima follow
// IEEE 754-2019 where the op asks for it: the CUDA functions of that name drop a NaN.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/ScalarForms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace moec::cuda {

namespace {
/// An op of one form, whatever its attributes.
struct Form {
  StringRef op;
  StringRef text;
};
} // namespace

static constexpr Form kForms[] = {
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
static StringRef getForm(arith::CmpFPredicate predicate) {
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
static std::string printConstant(const llvm::APFloat &value) {
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

/// Whether `op` makes one value of a type that functors have: f32 or i1.
static bool hasScalarResult(Operation *op) {
  return op->getNumResults() == 1 &&
         (op->getResult(0).getType().isF32() || op->getResult(0).getType().isInteger(1));
}

std::string getScalarForm(Operation *op) {
  if (!hasScalarResult(op))
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      return printConstant(number.getValue());
    return cast<IntegerAttr>(constant.getValue()).getValue().isZero() ? "false" : "true";
  }
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return getForm(compare.getPredicate()).str();
  const auto *form =
      llvm::find_if(kForms, [&](const Form &f) { return f.op == op->getName().getStringRef(); });
  return form == std::end(kForms) ? std::string() : form->text.str();
}

} // namespace moec::cuda
