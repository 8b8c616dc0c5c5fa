//===- Expr.cpp - Integer expressions in the token count ------------------===//

#include "runtime/Package/Expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace moert {

std::string_view name(Expr::Op op) {
  switch (op) {
  case Expr::Op::Constant:
  case Expr::Op::Tokens:
    return "";
  case Expr::Op::Add:
    return "add";
  case Expr::Op::Sub:
    return "sub";
  case Expr::Op::Mul:
    return "mul";
  case Expr::Op::FloorDiv:
    return "floordiv";
  case Expr::Op::CeilDiv:
    return "ceildiv";
  case Expr::Op::Mod:
    return "mod";
  case Expr::Op::Min:
    return "min";
  case Expr::Op::Max:
    return "max";
  }
  return "";
}

/// The value of one operation; null and a reason where there is none.
static std::optional<int64_t> apply(Expr::Op op, int64_t a, int64_t b, const char *&reason) {
  int64_t value = 0;
  bool overflow = false;
  switch (op) {
  case Expr::Op::Constant:
  case Expr::Op::Tokens:
    break;
  case Expr::Op::Add:
    overflow = __builtin_add_overflow(a, b, &value);
    break;
  case Expr::Op::Sub:
    overflow = __builtin_sub_overflow(a, b, &value);
    break;
  case Expr::Op::Mul:
    overflow = __builtin_mul_overflow(a, b, &value);
    break;
  case Expr::Op::FloorDiv:
  case Expr::Op::CeilDiv:
  case Expr::Op::Mod: {
    if (b < 1) {
      reason = "a divisor below 1";
      return std::nullopt;
    }
    // b >= 1 leaves no overflow: |quotient| <= |a|, and a / b is not at a bound where it is
    // rounded.
    int64_t quotient = a / b, rest = a % b;
    if (op == Expr::Op::Mod)
      value = rest < 0 ? rest + b : rest;
    else if (op == Expr::Op::FloorDiv)
      value = quotient - (rest < 0 ? 1 : 0);
    else
      value = quotient + (rest > 0 ? 1 : 0);
    break;
  }
  case Expr::Op::Min:
    value = std::min(a, b);
    break;
  case Expr::Op::Max:
    value = std::max(a, b);
    break;
  }
  if (overflow) {
    reason = "a value beyond 64 bits";
    return std::nullopt;
  }
  return value;
}

Expr Expr::tokens() {
  Expr expr;
  expr.steps = {{Op::Tokens, 0}};
  return expr;
}

Expr Expr::binary(Op op, const Expr &lhs, const Expr &rhs) {
  // What is too deep stays it: folding must not drop the failure.
  if (lhs.isTooDeep() || rhs.isTooDeep())
    return lhs.isTooDeep() ? lhs : rhs;
  if (lhs.isConstant() && rhs.isConstant()) {
    const char *reason = nullptr;
    if (auto value = apply(op, lhs.steps[0].value, rhs.steps[0].value, reason))
      return Expr(*value);
  }
  bool rhsZero = rhs == Expr(0), rhsOne = rhs == Expr(1);
  if ((rhsZero && (op == Op::Add || op == Op::Sub)) ||
      (rhsOne && (op == Op::Mul || op == Op::FloorDiv || op == Op::CeilDiv)))
    return lhs;
  if ((op == Op::Add && lhs == Expr(0)) || (op == Op::Mul && lhs == Expr(1)))
    return rhs;

  Expr expr;
  expr.depth = std::max(lhs.depth, rhs.depth + 1);
  if (expr.isTooDeep() || lhs.steps.size() + rhs.steps.size() + 1 > kMaxSteps) {
    expr.depth = kMaxDepth + 1;
    return expr;
  }
  expr.steps = lhs.steps;
  expr.steps.insert(expr.steps.end(), rhs.steps.begin(), rhs.steps.end());
  expr.steps.push_back({op, 0});
  return expr;
}

Result<int64_t> Expr::evaluate(int64_t tokens) const {
  if (isTooDeep())
    return Status(StatusCode::InvalidInput, "an expression is too deep to evaluate");
  std::array<int64_t, kMaxDepth> stack;
  unsigned top = 0;
  for (const Step &step : steps) {
    switch (step.op) {
    case Op::Constant:
      stack[top++] = step.value;
      break;
    case Op::Tokens:
      stack[top++] = tokens;
      break;
    default: {
      const char *reason = nullptr;
      auto value = apply(step.op, stack[top - 2], stack[top - 1], reason);
      if (!value)
        return Status(StatusCode::InvalidInput,
                      fmt::format("'{}' has {} at T = {}", str(), reason, tokens));
      --top;
      stack[top - 1] = *value;
    }
    }
  }
  return stack[0];
}

namespace {
/// What is known of a subexpression for all T >= 0.
struct Fact {
  bool nonDecreasing, nonIncreasing, nonNegative;
};
} // namespace

/// The rule of one operation; `constantDivisor` tells whether the right operand is a constant >= 1.
static Fact combine(Expr::Op op, Fact a, Fact b, bool constantDivisor) {
  switch (op) {
  case Expr::Op::Add:
    return {a.nonDecreasing && b.nonDecreasing, a.nonIncreasing && b.nonIncreasing,
            a.nonNegative && b.nonNegative};
  case Expr::Op::Sub:
    return {a.nonDecreasing && b.nonIncreasing, a.nonIncreasing && b.nonDecreasing, false};
  case Expr::Op::Mul: {
    bool positive = a.nonNegative && b.nonNegative;
    return {positive && a.nonDecreasing && b.nonDecreasing,
            positive && a.nonIncreasing && b.nonIncreasing, positive};
  }
  case Expr::Op::FloorDiv:
  case Expr::Op::CeilDiv:
    return {constantDivisor && a.nonDecreasing, constantDivisor && a.nonIncreasing, a.nonNegative};
  case Expr::Op::Mod: {
    bool constant = a.nonDecreasing && a.nonIncreasing && constantDivisor;
    return {constant, constant, true};
  }
  case Expr::Op::Min:
    return {a.nonDecreasing && b.nonDecreasing, a.nonIncreasing && b.nonIncreasing,
            a.nonNegative && b.nonNegative};
  case Expr::Op::Max:
    return {a.nonDecreasing && b.nonDecreasing, a.nonIncreasing && b.nonIncreasing,
            a.nonNegative || b.nonNegative};
  case Expr::Op::Constant:
  case Expr::Op::Tokens:
    break;
  }
  return {false, false, false};
}

bool Expr::isNonNegativeNonDecreasing() const {
  if (isTooDeep())
    return false;
  std::array<Fact, kMaxDepth> stack;
  unsigned top = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step &step = steps[i];
    if (step.op == Op::Constant) {
      stack[top++] = {true, true, step.value >= 0};
    } else if (step.op == Op::Tokens) {
      stack[top++] = {true, false, true};
    } else {
      bool constantDivisor = steps[i - 1].op == Op::Constant && steps[i - 1].value >= 1;
      stack[top - 2] = combine(step.op, stack[top - 2], stack[top - 1], constantDivisor);
      --top;
    }
  }
  return stack[0].nonDecreasing && stack[0].nonNegative;
}

std::string Expr::str() const {
  if (isTooDeep())
    return "<too deep>";
  // Precedences: 0 sum, 1 product, 2 atom.
  struct Text {
    std::string text;
    int precedence;
  };
  auto wrap = [](const Text &operand, int least) {
    return operand.precedence < least ? "(" + operand.text + ")" : operand.text;
  };
  std::vector<Text> stack;
  for (const Step &step : steps) {
    if (step.op == Op::Constant) {
      stack.push_back({std::to_string(step.value), step.value < 0 ? 0 : 2});
      continue;
    }
    if (step.op == Op::Tokens) {
      stack.push_back({"T", 2});
      continue;
    }
    Text rhs = std::move(stack.back());
    stack.pop_back();
    Text &lhs = stack.back();
    if (step.op == Op::Add)
      lhs = {wrap(lhs, 0) + " + " + wrap(rhs, 1), 0};
    else if (step.op == Op::Sub)
      lhs = {wrap(lhs, 0) + " - " + wrap(rhs, 1), 0};
    else if (step.op == Op::Mul)
      lhs = {wrap(lhs, 1) + " * " + wrap(rhs, 2), 1};
    else
      lhs = {fmt::format("{}({}, {})", name(step.op), lhs.text, rhs.text), 2};
  }
  return stack[0].text;
}

} // namespace moert
