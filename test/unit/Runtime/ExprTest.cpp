//===- ExprTest.cpp - Integer expressions in the token count --------------===//

#include "runtime/Package/Expr.h"
#include "runtime/Package/Json.h"

#include <gtest/gtest.h>

using namespace moert;

namespace {

const Expr kT = Expr::tokens();

int64_t valueAt(const Expr &expr, int64_t tokens) {
  Result<int64_t> value = expr.evaluate(tokens);
  EXPECT_TRUE(value.isOk()) << value.status().message();
  return value ? *value : INT64_MIN;
}

TEST(Expr, EvaluatesEveryOperation) {
  EXPECT_EQ(valueAt(kT + 3, 4), 7);
  EXPECT_EQ(valueAt(kT - 9, 4), -5);
  EXPECT_EQ(valueAt(kT * 8, 4), 32);
  EXPECT_EQ(valueAt(floorDiv(kT, 4), 7), 1);
  EXPECT_EQ(valueAt(ceilDiv(kT, 4), 7), 2);
  EXPECT_EQ(valueAt(ceilDiv(kT, 4), 8), 2);
  EXPECT_EQ(valueAt(mod(kT, 4), 7), 3);
  EXPECT_EQ(valueAt(min(kT, 5), 7), 5);
  EXPECT_EQ(valueAt(max(kT, 9), 7), 9);
  // The left operand is the first one, also where both are compound.
  EXPECT_EQ(valueAt((kT * 2) - (kT + 1), 10), 9);
  EXPECT_EQ(valueAt(ceilDiv(kT * 8 + 128 * 63, 64) * 64, 100), 8896);
}

TEST(Expr, RoundsNegativeNumbersAsTheirNamesSay) {
  Expr shifted = kT - 10;
  EXPECT_EQ(valueAt(floorDiv(shifted, 4), 3), -2);
  EXPECT_EQ(valueAt(ceilDiv(shifted, 4), 3), -1);
  EXPECT_EQ(valueAt(mod(shifted, 4), 3), 1);
  EXPECT_EQ(valueAt(floorDiv(shifted, 4), 2), -2);
  EXPECT_EQ(valueAt(ceilDiv(shifted, 4), 2), -2);
  EXPECT_EQ(valueAt(mod(shifted, 4), 2), 0);
  Expr least = kT + Expr(INT64_MIN);
  EXPECT_EQ(valueAt(floorDiv(least, 3), 0), INT64_MIN / 3 - 1);
  EXPECT_EQ(valueAt(ceilDiv(least, INT64_MAX), 0), -1);
}

TEST(Expr, DetectsOverflowAndBadDivisors) {
  struct {
    Expr expr;
    int64_t tokens;
    const char *message;
  } const cases[] = {
      {kT + INT64_MAX, 1, "'T + 9223372036854775807' has a value beyond 64 bits at T = 1"},
      {kT - INT64_MAX, -2, "a value beyond 64 bits"},
      {kT * (int64_t(1) << 62), 2, "a value beyond 64 bits"},
      {kT * kT * kT, int64_t(1) << 22, "a value beyond 64 bits"},
      {floorDiv(4, kT), 0, "'floordiv(4, T)' has a divisor below 1 at T = 0"},
      {ceilDiv(4, kT), -1, "a divisor below 1"},
      {mod(4, kT - 8), 8, "a divisor below 1"},
      {floorDiv(kT, 0), 1, "a divisor below 1"},
  };
  for (const auto &[expr, tokens, message] : cases) {
    Result<int64_t> value = expr.evaluate(tokens);
    ASSERT_FALSE(value.isOk()) << expr.str();
    EXPECT_EQ(value.status().code(), StatusCode::InvalidInput);
    EXPECT_NE(value.status().message().find(message), std::string::npos)
        << value.status().message();
  }
}

TEST(Expr, FoldsConstantsButNotFailures) {
  EXPECT_EQ(Expr(3) * 4 + 5, Expr(17));
  EXPECT_EQ(kT * 1 + 0, kT);
  EXPECT_EQ(valueAt(mod(kT, 1), 7), 0) << "what other operations leave alone is 0 here";
  EXPECT_EQ(Expr(1) * kT, kT);
  EXPECT_FALSE((Expr(INT64_MAX) + 1).isConstant());
  EXPECT_FALSE(floorDiv(Expr(1), Expr(0)).isConstant());
}

TEST(Expr, PrintsInfixWithTheParenthesesItNeeds) {
  EXPECT_EQ(ceilDiv(kT * 8, 64).str(), "ceildiv(T * 8, 64)");
  EXPECT_EQ(((kT + 1) * 8).str(), "(T + 1) * 8");
  EXPECT_EQ((kT - (kT - 1)).str(), "T - (T - 1)");
  EXPECT_EQ((kT * (kT * 2)).str(), "T * (T * 2)");
}

TEST(Expr, ProvesWhatGrowsWithT) {
  EXPECT_TRUE(Expr(0).isNonNegativeNonDecreasing());
  EXPECT_TRUE((kT * 8 + 7).isNonNegativeNonDecreasing());
  EXPECT_TRUE(max(kT - 5, 0).isNonNegativeNonDecreasing());
  EXPECT_TRUE(min(ceilDiv(kT * 8, 64), 132).isNonNegativeNonDecreasing());
  EXPECT_FALSE(Expr(-1).isNonNegativeNonDecreasing());
  EXPECT_FALSE((kT - 1).isNonNegativeNonDecreasing());
  EXPECT_FALSE((Expr(100) - kT).isNonNegativeNonDecreasing());
  EXPECT_FALSE(mod(kT, 8).isNonNegativeNonDecreasing());
  EXPECT_FALSE(floorDiv(100, kT).isNonNegativeNonDecreasing());
  EXPECT_FALSE((kT * -1).isNonNegativeNonDecreasing());
}

/// What the proof claims holds on random expressions.
TEST(Expr, ProofsHold) {
  uint64_t state = 12345;
  auto random = [&](unsigned bound) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<unsigned>((state >> 33) % bound);
  };
  unsigned proven = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<Expr> pool = {kT, Expr(int64_t(random(9)) - 2), Expr(random(70))};
    for (int i = 0; i < 4; ++i) {
      auto op = static_cast<Expr::Op>(2 + random(8));
      pool.push_back(Expr::binary(op, pool[random(pool.size())], pool[random(pool.size())]));
    }
    const Expr &expr = pool.back();
    if (!expr.isNonNegativeNonDecreasing())
      continue;
    ++proven;
    int64_t previous = 0;
    for (int64_t tokens = 0; tokens < 50; ++tokens) {
      Result<int64_t> value = expr.evaluate(tokens);
      if (!value)
        break;
      ASSERT_GE(*value, previous) << expr.str() << " at T = " << tokens;
      previous = *value;
    }
  }
  EXPECT_GT(proven, 500u);
}

TEST(Expr, BoundsItsDepth) {
  Expr deep = kT;
  for (unsigned i = 0; i < Expr::kMaxDepth - 1; ++i)
    deep = kT + deep;
  EXPECT_FALSE(deep.isTooDeep());
  EXPECT_EQ(valueAt(deep, 2), 2 * int64_t(Expr::kMaxDepth));
  deep = kT + deep;
  EXPECT_TRUE(deep.isTooDeep());
  EXPECT_FALSE(deep.evaluate(1).isOk());
  // A left-leaning chain needs no deep stack and is bounded by its length.
  Expr chain = kT;
  for (unsigned i = 0; i < Expr::kMaxSteps / 2 - 1; ++i)
    chain = chain + kT;
  EXPECT_EQ(valueAt(chain, 1), Expr::kMaxSteps / 2);
  EXPECT_TRUE((chain + kT + kT).isTooDeep());
  // Doubling would exhaust the memory if it was not bounded.
  Expr doubling = kT;
  for (int i = 0; i < 200; ++i)
    doubling = doubling * doubling;
  EXPECT_TRUE(doubling.isTooDeep());
}

Result<Expr> readExpr(const std::string &text) {
  Result<Json> json = parseJson(text);
  if (!json)
    return std::move(json).status();
  Status error;
  Expr expr = JsonCursor(*json, error).expr();
  if (!error.isOk())
    return error;
  return expr;
}

TEST(Expr, RoundTripsThroughJson) {
  for (const Expr &expr : {Expr(-7), kT, ceilDiv(kT * 8 + 3, 64) * 64,
                           max(min(kT, 9) - mod(kT, 5), floorDiv(kT, 3))}) {
    Result<Expr> back = readExpr(toJson(expr).dump());
    ASSERT_TRUE(back.isOk()) << back.status().message();
    EXPECT_EQ(*back, expr);
  }
  EXPECT_EQ(toJson(ceilDiv(kT * 8, 64)).dump(), R"(["ceildiv",["mul","T",8],64])");
}

TEST(Expr, RefusesHostileJson) {
  for (const char *text :
       {"null", "true", "{}", "[]", "\"t\"", "\"TT\"", "1.5", "1e3", "18446744073709551615",
        "9223372036854775808", R"(["add", 1])", R"(["add", 1, 2, 3])", R"(["pow", 1, 2])",
        R"([1, 2, 3])", R"(["add", "T", null])", R"(["constant", 1, 2])", R"(["", 1, 2])"}) {
    Result<Expr> expr = readExpr(text);
    ASSERT_FALSE(expr.isOk()) << text;
    EXPECT_EQ(expr.status().code(), StatusCode::InvalidInput);
    EXPECT_EQ(expr.status().message().rfind("/", 0), 0u) << expr.status().message();
  }
  // Nested far beyond what the reader may recurse into.
  std::string nested;
  for (int i = 0; i < 100000; ++i)
    nested += R"(["add","T",)";
  nested += "1" + std::string(100000, ']');
  EXPECT_FALSE(readExpr(nested).isOk());
}

} // namespace
