//===- Expr.h - Integer expressions in the token count --------------------===//
//
// Shapes, workspace sizes and grids of a package are expressions in T, the number of tokens, which
// is known only at launch. An expression is kept as a flat postfix program, so that evaluating it
// allocates nothing and cannot recurse.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_PACKAGE_EXPR_H
#define MOEC_RUNTIME_PACKAGE_EXPR_H

#include "runtime/Support/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moert {

/// An integer expression over constants and T, evaluated in 64 bits with every overflow detected.
/// `Expr::tokens() * 8` builds one; the JSON form is in ExprJson.h.
class Expr {
public:
  enum class Op : uint8_t { Constant, Tokens, Add, Sub, Mul, FloorDiv, CeilDiv, Mod, Min, Max };

  /// One step of the postfix program; `value` belongs to Op::Constant.
  struct Step {
    Op op;
    int64_t value = 0;
    bool operator==(const Step &) const = default;
  };

  /// How deep the evaluation stack may become; `binary` beyond it gives an expression whose
  /// `isTooDeep` holds and which does not evaluate.
  static constexpr unsigned kMaxDepth = 32;
  /// How many steps a program may have.
  static constexpr unsigned kMaxSteps = 256;

  /// The constant `value`.
  Expr(int64_t value = 0) : steps{{Op::Constant, value}} {}

  /// T.
  static Expr tokens();

  /// `op` applied to two operands. Constants are folded where that does not overflow; x + 0, x - 0,
  /// x * 1 and x / 1 are x.
  static Expr binary(Op op, const Expr &lhs, const Expr &rhs);

  /// The value at T = `tokens`. Fails with InvalidInput on overflow, on a divisor below 1 and on an
  /// expression that is too deep. Does not allocate where it succeeds.
  Result<int64_t> evaluate(int64_t tokens) const;

  bool isConstant() const {
    return !isTooDeep() && steps.size() == 1 && steps[0].op == Op::Constant;
  }
  bool isTooDeep() const { return depth > kMaxDepth || steps.size() > kMaxSteps; }

  /// Whether the form of the expression proves 0 <= e(T) and e(T) <= e(T+1) for all T >= 0, where
  /// nothing overflows. Sufficient, not necessary: 2 * T - T is not recognised.
  bool isNonNegativeNonDecreasing() const;

  /// Text such as "ceildiv(T * 8, 64)".
  std::string str() const;

  const std::vector<Step> &program() const { return steps; }
  bool operator==(const Expr &other) const { return steps == other.steps && depth == other.depth; }

private:
  std::vector<Step> steps;
  unsigned depth = 1;
};

inline Expr operator+(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::Add, a, b); }
inline Expr operator-(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::Sub, a, b); }
inline Expr operator*(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::Mul, a, b); }
/// The greatest integer not above a / b; b >= 1.
inline Expr floorDiv(const Expr &a, const Expr &b) {
  return Expr::binary(Expr::Op::FloorDiv, a, b);
}
/// The least integer not below a / b; b >= 1.
inline Expr ceilDiv(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::CeilDiv, a, b); }
/// a - b * floorDiv(a, b), in [0, b); b >= 1.
inline Expr mod(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::Mod, a, b); }
inline Expr min(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::Min, a, b); }
inline Expr max(const Expr &a, const Expr &b) { return Expr::binary(Expr::Op::Max, a, b); }

/// The JSON name of a binary operation ("add", "sub", "mul", "floordiv", "ceildiv", "mod", "min",
/// "max"); empty for Constant and Tokens.
std::string_view name(Expr::Op op);

} // namespace moert

#endif // MOEC_RUNTIME_PACKAGE_EXPR_H
