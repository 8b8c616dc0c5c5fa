//===- MoeActivations.cpp - the one definition of every activation --------===//

#include "dialects/Moe/IR/MoeActivations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include <limits>

using namespace mlir;
using namespace moec::moe;

namespace {
/// f32 arithmetic with short names, so that the formulas below read as formulas.
class Scalars {
public:
  Scalars(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value constant(double value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getF32FloatAttr(static_cast<float>(value)));
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(builder, loc, a, b); }
  Value neg(Value a) { return arith::NegFOp::create(builder, loc, a); }
  // The NaN-propagating forms: a NaN must stay visible in the result.
  Value max(Value a, Value b) { return arith::MaximumFOp::create(builder, loc, a, b); }
  Value min(Value a, Value b) { return arith::MinimumFOp::create(builder, loc, a, b); }
  Value exp(Value a) { return math::ExpOp::create(builder, loc, a); }
  Value erf(Value a) { return math::ErfOp::create(builder, loc, a); }
  Value tanh(Value a) { return math::TanhOp::create(builder, loc, a); }

private:
  OpBuilder &builder;
  Location loc;
};
} // namespace

/// x, with -inf replaced by the lowest finite number: the factors below are then 0 there, where
/// -inf * 0 and -inf / inf would be NaN.
static Value finiteBelow(Scalars &s, Value x) {
  return s.max(x, s.constant(std::numeric_limits<float>::lowest()));
}

/// x * sigmoid(-exponent), x finite below. The quotient form needs no case distinction: for very
/// negative x the denominator overflows to +inf and the quotient is -0, for large x it is 1.
static Value timesSigmoid(Scalars &s, Value x, Value exponent) {
  return s.div(x, s.add(s.exp(exponent), s.constant(1.0)));
}

/// x * sigmoid(alpha * x).
static Value swish(Scalars &s, Value x, double alpha) {
  Value bounded = finiteBelow(s, x);
  return timesSigmoid(s, bounded,
                      alpha == 1.0 ? s.neg(bounded) : s.mul(bounded, s.constant(-alpha)));
}

/// x * Phi(x), with Phi the normal distribution function.
static Value gelu(Scalars &s, Value x) {
  Value bounded = finiteBelow(s, x);
  Value scaled = s.mul(bounded, s.constant(0.70710678118654752440)); // sqrt(1/2)
  Value twicePhi = s.add(s.erf(scaled), s.constant(1.0));
  return s.mul(s.mul(bounded, s.constant(0.5)), twicePhi);
}

/// The tanh form of gelu (Hendrycks and Gimpel, 2016), x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi)
/// * (x + 0.044715 x^3), as x * sigmoid(2 u): the same, but without the cancellation at -1.
static Value geluTanh(Scalars &s, Value x) {
  Value bounded = finiteBelow(s, x);
  Value cubic = s.mul(s.mul(s.mul(bounded, bounded), bounded), s.constant(0.044715));
  Value exponent = s.mul(s.add(bounded, cubic), s.constant(-1.59576912160573071176));
  return timesSigmoid(s, bounded, exponent);
}

static Value relu(Scalars &s, Value x) { return s.max(x, s.constant(0.0)); }

/// gpt-oss: both inputs clamped to 7 (the gate from above only), alpha 1.702, up shifted by one.
static Value gptOssSwiglu(Scalars &s, Value gate, Value up) {
  Value boundedGate = s.min(gate, s.constant(7.0));
  Value boundedUp = s.min(s.max(up, s.constant(-7.0)), s.constant(7.0));
  return s.mul(swish(s, boundedGate, 1.702), s.add(boundedUp, s.constant(1.0)));
}

bool moec::moe::isGated(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::SiluGate:
  case ActivationKind::GeluGate:
  case ActivationKind::GeluTanhGate:
  case ActivationKind::ReluGate:
  case ActivationKind::GptOssSwiglu:
    return true;
  case ActivationKind::Silu:
  case ActivationKind::Gelu:
  case ActivationKind::GeluTanh:
  case ActivationKind::Relu:
  case ActivationKind::Relu2:
    return false;
  }
  llvm_unreachable("all activation kinds are handled above");
}

Value moec::moe::buildActivation(OpBuilder &builder, Location loc, ActivationKind kind,
                                 ValueRange args) {
  Scalars s(builder, loc);
  Value x = args.front();
  switch (kind) {
  case ActivationKind::SiluGate:
    return s.mul(swish(s, x, 1.0), args[1]);
  case ActivationKind::GeluGate:
    return s.mul(gelu(s, x), args[1]);
  case ActivationKind::GeluTanhGate:
    return s.mul(geluTanh(s, x), args[1]);
  case ActivationKind::ReluGate:
    return s.mul(relu(s, x), args[1]);
  case ActivationKind::GptOssSwiglu:
    return gptOssSwiglu(s, x, args[1]);
  case ActivationKind::Silu:
    return swish(s, x, 1.0);
  case ActivationKind::Gelu:
    return gelu(s, x);
  case ActivationKind::GeluTanh:
    return geluTanh(s, x);
  case ActivationKind::Relu:
    return relu(s, x);
  case ActivationKind::Relu2: {
    Value positive = relu(s, x);
    return s.mul(positive, positive);
  }
  }
  llvm_unreachable("all activation kinds are handled above");
}

void moec::moe::buildActivationBody(ActivationKind kind, Region &region, Location loc) {
  OpBuilder builder(loc->getContext());
  SmallVector<Type> types(isGated(kind) ? 2 : 1, builder.getF32Type());
  Block *block =
      builder.createBlock(&region, region.end(), types, SmallVector<Location>(types.size(), loc));
  YieldOp::create(builder, loc, buildActivation(builder, loc, kind, block->getArguments()));
}

void moec::moe::buildActivationBody(ActivationOp op, Region &region) {
  if (std::optional<ActivationKind> kind = op.getKind())
    return buildActivationBody(*kind, region, op.getLoc());
  IRMapping mapping;
  op.getBody().cloneInto(&region, mapping);
}

Value moec::moe::inlineScalarBody(OpBuilder &builder, Region &body, ValueRange args) {
  Block &block = body.front();
  IRMapping mapping;
  mapping.map(block.getArguments(), args);
  for (Operation &op : block.without_terminator())
    builder.clone(op, mapping);
  return mapping.lookup(cast<YieldOp>(block.getTerminator()).getValue());
}

Value moec::moe::inlineActivation(OpBuilder &builder, ActivationOp op, ValueRange args) {
  if (std::optional<ActivationKind> kind = op.getKind())
    return buildActivation(builder, op.getLoc(), *kind, args);
  return inlineScalarBody(builder, op.getBody(), args);
}
