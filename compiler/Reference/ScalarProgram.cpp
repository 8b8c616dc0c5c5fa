//===- ScalarProgram.cpp - Epilogue and activation bodies in double precision
//-----------------------===//

#include "compiler/Reference/ScalarProgram.h"

#include "dialects/Moe/IR/MoeOps.h"
#include "runtime/Tensor/HostTensor.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace moec;
using namespace moec::reference;

using Function = ScalarProgram::Function;

/// The larger one; a NaN on either side wins (`arith.maximumf`), and +0 is larger than -0.
static double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<double>::quiet_NaN();
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

static double minimum(double a, double b) { return -maximum(-a, -b); }

/// Rounds to a narrower float type through the one host implementation of that rounding.
template <moert::DType Type>
static double roundTo(double a, double, double) {
  alignas(8) std::byte storage[8];
  moert::HostTensor cell = moert::HostTensor::wrap(Type, {1}, storage);
  cell.set(0, a);
  return cell.at(0);
}

static bool isUnordered(double a, double b) { return std::isnan(a) || std::isnan(b); }

static Function compareFunction(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return [](double, double, double) { return 0.0; };
  case P::OEQ:
    return [](double a, double b, double) { return double(a == b); };
  case P::OGT:
    return [](double a, double b, double) { return double(a > b); };
  case P::OGE:
    return [](double a, double b, double) { return double(a >= b); };
  case P::OLT:
    return [](double a, double b, double) { return double(a < b); };
  case P::OLE:
    return [](double a, double b, double) { return double(a <= b); };
  case P::ONE:
    return [](double a, double b, double) { return double(a < b || a > b); };
  case P::ORD:
    return [](double a, double b, double) { return double(!isUnordered(a, b)); };
  case P::UEQ:
    return [](double a, double b, double) { return double(isUnordered(a, b) || a == b); };
  case P::UGT:
    return [](double a, double b, double) { return double(!(a <= b)); };
  case P::UGE:
    return [](double a, double b, double) { return double(!(a < b)); };
  case P::ULT:
    return [](double a, double b, double) { return double(!(a >= b)); };
  case P::ULE:
    return [](double a, double b, double) { return double(!(a > b)); };
  case P::UNE:
    return [](double a, double b, double) { return double(!(a == b)); };
  case P::UNO:
    return [](double a, double b, double) { return double(isUnordered(a, b)); };
  case P::AlwaysTrue:
    return [](double, double, double) { return 1.0; };
  }
  return nullptr;
}

static Function truncateFunction(Type type) {
  return llvm::TypeSwitch<Type, Function>(type)
      .Case<BFloat16Type>([](auto) { return &roundTo<moert::DType::BF16>; })
      .Case<Float16Type>([](auto) { return &roundTo<moert::DType::F16>; })
      .Case<Float32Type>([](auto) { return &roundTo<moert::DType::F32>; })
      .Case<Float8E4M3FNType>([](auto) { return &roundTo<moert::DType::F8E4M3>; })
      .Case<Float8E5M2Type>([](auto) { return &roundTo<moert::DType::F8E5M2>; })
      .Default([](Type) { return nullptr; });
}

#define UNARY(Op, expr)                                                                            \
  .Case<Op>([](auto) -> Function { return [](double a, double, double) { return double(expr); }; })
#define BINARY(Op, expr)                                                                           \
  .Case<Op>(                                                                                       \
      [](auto) -> Function { return [](double a, double b, double) { return double(expr); }; })
#define TERNARY(Op, expr)                                                                          \
  .Case<Op>(                                                                                       \
      [](auto) -> Function { return [](double a, double b, double c) { return double(expr); }; })

/// What the op computes from its operands a, b, c; null for an op that is not known.
static Function functionOf(Operation *op) {
  // Only i1 arithmetic is known: 0 and 1 leave no room for wrap-around.
  if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op) &&
      !op->getResult(0).getType().isInteger(1))
    return nullptr;
  return llvm::TypeSwitch<Operation *, Function>(op)
      // clang-format off
      BINARY(arith::AddFOp, a + b)
      BINARY(arith::SubFOp, a - b)
      BINARY(arith::MulFOp, a * b)
      BINARY(arith::DivFOp, a / b)
      BINARY(arith::RemFOp, std::fmod(a, b))
      UNARY(arith::NegFOp, -a)
      BINARY(arith::MaximumFOp, maximum(a, b))
      BINARY(arith::MinimumFOp, minimum(a, b))
      BINARY(arith::MaxNumFOp, std::fmax(a, b))
      BINARY(arith::MinNumFOp, std::fmin(a, b))
      UNARY(arith::ExtFOp, a)
      TERNARY(arith::SelectOp, a != 0.0 ? b : c)
      BINARY(arith::AndIOp, a != 0.0 && b != 0.0)
      BINARY(arith::OrIOp, a != 0.0 || b != 0.0)
      BINARY(arith::XOrIOp, (a != 0.0) != (b != 0.0))
      UNARY(arith::UIToFPOp, a)
      UNARY(math::AbsFOp, std::fabs(a))
      UNARY(math::CeilOp, std::ceil(a))
      UNARY(math::FloorOp, std::floor(a))
      UNARY(math::RoundOp, std::round(a))
      UNARY(math::RoundEvenOp, std::nearbyint(a))
      UNARY(math::TruncOp, std::trunc(a))
      BINARY(math::CopySignOp, std::copysign(a, b))
      TERNARY(math::ClampFOp, minimum(maximum(a, b), c))
      UNARY(math::IsNaNOp, std::isnan(a))
      UNARY(math::IsInfOp, std::isinf(a))
      UNARY(math::IsFiniteOp, std::isfinite(a))
      UNARY(math::SqrtOp, std::sqrt(a))
      UNARY(math::RsqrtOp, 1.0 / std::sqrt(a))
      UNARY(math::CbrtOp, std::cbrt(a))
      UNARY(math::ExpOp, std::exp(a))
      UNARY(math::Exp2Op, std::exp2(a))
      UNARY(math::ExpM1Op, std::expm1(a))
      UNARY(math::LogOp, std::log(a))
      UNARY(math::Log2Op, std::log2(a))
      UNARY(math::Log10Op, std::log10(a))
      UNARY(math::Log1pOp, std::log1p(a))
      BINARY(math::PowFOp, std::pow(a, b))
      TERNARY(math::FmaOp, a * b + c)
      UNARY(math::SinOp, std::sin(a))
      UNARY(math::CosOp, std::cos(a))
      UNARY(math::TanOp, std::tan(a))
      UNARY(math::AsinOp, std::asin(a))
      UNARY(math::AcosOp, std::acos(a))
      UNARY(math::AtanOp, std::atan(a))
      BINARY(math::Atan2Op, std::atan2(a, b))
      UNARY(math::SinhOp, std::sinh(a))
      UNARY(math::CoshOp, std::cosh(a))
      UNARY(math::TanhOp, std::tanh(a))
      UNARY(math::AsinhOp, std::asinh(a))
      UNARY(math::AcoshOp, std::acosh(a))
      UNARY(math::AtanhOp, std::atanh(a))
      UNARY(math::ErfOp, std::erf(a))
      UNARY(math::ErfcOp, std::erfc(a))
                                                                  // clang-format on
                                                                  .Case<arith::TruncFOp>(
                                                                      [](arith::TruncFOp trunc) {
                                                                        return truncateFunction(
                                                                            trunc.getType());
                                                                      })
                                                                  .Case<arith::CmpFOp>(
                                                                      [](arith::CmpFOp cmp) {
                                                                        return compareFunction(
                                                                            cmp.getPredicate());
                                                                      })
                                                                  .Default([](Operation *) {
                                                                    return nullptr;
                                                                  });
}

/// The erf of `1 + erf(x)`, as gelu has it; null where `op` is something else.
static math::ErfOp findShiftedErf(Operation &op) {
  auto add = dyn_cast<arith::AddFOp>(op);
  return add && matchPattern(add.getRhs(), m_OneFloat()) ? add.getLhs().getDefiningOp<math::ErfOp>()
                                                         : math::ErfOp();
}

FailureOr<ScalarProgram> ScalarProgram::translate(Region &body) {
  ScalarProgram program;
  llvm::DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value, double constant = 0.0) {
    numbers[value] = static_cast<unsigned>(program.constants.size());
    program.constants.push_back(constant);
  };
  Block &block = body.front();
  program.numArguments = block.getNumArguments();
  for (BlockArgument argument : block.getArguments())
    number(argument);
  for (Operation &op : block) {
    if (auto yield = dyn_cast<moe::YieldOp>(op)) {
      program.yielded = numbers.lookup(yield.getValue());
      return program;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (auto real = dyn_cast<FloatAttr>(constant.getValue())) {
        number(constant, real.getValueAsDouble());
        continue;
      }
      if (auto boolean = dyn_cast<BoolAttr>(constant.getValue())) {
        number(constant, boolean.getValue() ? 1.0 : 0.0);
        continue;
      }
    }
    Function function = functionOf(&op);
    if (!function)
      return op.emitOpError("is not known to the reference evaluator inside a body");
    Step step{function, {0, 0, 0}};
    for (auto [i, operand] : llvm::enumerate(op.getOperands()))
      step.operands[i] = numbers.lookup(operand);
    // Near -1 doubles run out of digits as well.
    if (math::ErfOp erf = findShiftedErf(op))
      step = {[](double a, double, double) { return std::erfc(-a); },
              {numbers.lookup(erf.getOperand()), 0, 0}};
    number(op.getResult(0));
    program.targets.push_back(numbers.lookup(op.getResult(0)));
    program.steps.push_back(step);
  }
  return body.getParentOp()->emitOpError("expects its body to end in moe.yield");
}

double ScalarProgram::run(std::span<const double> arguments, std::vector<double> &scratch) const {
  scratch.assign(constants.begin(), constants.end());
  std::copy(arguments.begin(), arguments.end(), scratch.begin());
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step &step = steps[i];
    scratch[targets[i]] = step.function(scratch[step.operands[0]], scratch[step.operands[1]],
                                        scratch[step.operands[2]]);
  }
  return scratch[yielded];
}
