// Bodies in double precision: every op against the C library, every named activation against its
// formula, and errors for the rest.

#include "compiler/Reference/ScalarProgram.h"
#include "dialects/Moe/IR/MoeActivations.h"
#include "test/unit/Reference/Fixture.h"

#include <cmath>
#include <functional>

using namespace moec::test;
using moec::reference::ScalarProgram;

namespace {

const double kInf = INFINITY;
const double kNan = std::nan("");

class ScalarPrograms : public ReferenceTest {
protected:
  /// Translates the body of an activation of two values.
  mlir::FailureOr<ScalarProgram> translate(const std::string &body) {
    mlir::func::FuncOp func = parse(R"(
  func.func @f(%a: tensor<1x1xf32>, %b: tensor<1x1xf32>) -> tensor<1x1xf32> {
    %y = moe.activation %a, %b body {
      ^bb0(%x: f32, %y: f32):
)" + body + R"(
    } : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
    return %y : tensor<1x1xf32>
  })");
    if (!func)
      return mlir::failure();
    auto op = *func.getOps<moec::moe::ActivationOp>().begin();
    return ScalarProgram::translate(op.getBody());
  }

  double run(const std::string &body, double x, double y) {
    mlir::FailureOr<ScalarProgram> program = translate(body);
    if (mlir::failed(program)) {
      ADD_FAILURE() << body << "\n" << errors;
      return kNan;
    }
    std::vector<double> scratch;
    double arguments[] = {x, y};
    return program->run(arguments, scratch);
  }

  /// The value of one op on (x) or (x, y).
  double runOp(const std::string &op, double x, double y) {
    return run("%r = " + op + " : f32\nmoe.yield %r : f32", x, y);
  }
};

void expectSame(double actual, double expected, const std::string &what) {
  if (std::isnan(expected))
    EXPECT_TRUE(std::isnan(actual)) << what << " gave " << actual;
  else
    EXPECT_DOUBLE_EQ(actual, expected) << what;
}

TEST_F(ScalarPrograms, EveryOpAgreesWithTheCLibrary) {
  using Binary = std::function<double(double, double)>;
  const std::pair<const char *, Binary> kOps[] = {
      {"arith.addf %x, %y", [](double a, double b) { return a + b; }},
      {"arith.subf %x, %y", [](double a, double b) { return a - b; }},
      {"arith.mulf %x, %y", [](double a, double b) { return a * b; }},
      {"arith.divf %x, %y", [](double a, double b) { return a / b; }},
      {"arith.remf %x, %y", [](double a, double b) { return std::fmod(a, b); }},
      {"arith.negf %x", [](double a, double) { return -a; }},
      {"arith.maxnumf %x, %y", [](double a, double b) { return std::fmax(a, b); }},
      {"arith.minnumf %x, %y", [](double a, double b) { return std::fmin(a, b); }},
      {"math.absf %x", [](double a, double) { return std::fabs(a); }},
      {"math.ceil %x", [](double a, double) { return std::ceil(a); }},
      {"math.floor %x", [](double a, double) { return std::floor(a); }},
      {"math.round %x", [](double a, double) { return std::round(a); }},
      {"math.roundeven %x", [](double a, double) { return std::nearbyint(a); }},
      {"math.trunc %x", [](double a, double) { return std::trunc(a); }},
      {"math.copysign %x, %y", [](double a, double b) { return std::copysign(a, b); }},
      {"math.sqrt %x", [](double a, double) { return std::sqrt(a); }},
      {"math.rsqrt %x", [](double a, double) { return 1 / std::sqrt(a); }},
      {"math.cbrt %x", [](double a, double) { return std::cbrt(a); }},
      {"math.exp %x", [](double a, double) { return std::exp(a); }},
      {"math.exp2 %x", [](double a, double) { return std::exp2(a); }},
      {"math.expm1 %x", [](double a, double) { return std::expm1(a); }},
      {"math.log %x", [](double a, double) { return std::log(a); }},
      {"math.log2 %x", [](double a, double) { return std::log2(a); }},
      {"math.log10 %x", [](double a, double) { return std::log10(a); }},
      {"math.log1p %x", [](double a, double) { return std::log1p(a); }},
      {"math.powf %x, %y", [](double a, double b) { return std::pow(a, b); }},
      {"math.fma %x, %y, %x", [](double a, double b) { return a * b + a; }},
      {"math.sin %x", [](double a, double) { return std::sin(a); }},
      {"math.cos %x", [](double a, double) { return std::cos(a); }},
      {"math.tan %x", [](double a, double) { return std::tan(a); }},
      {"math.asin %x", [](double a, double) { return std::asin(a); }},
      {"math.acos %x", [](double a, double) { return std::acos(a); }},
      {"math.atan %x", [](double a, double) { return std::atan(a); }},
      {"math.atan2 %x, %y", [](double a, double b) { return std::atan2(a, b); }},
      {"math.sinh %x", [](double a, double) { return std::sinh(a); }},
      {"math.cosh %x", [](double a, double) { return std::cosh(a); }},
      {"math.tanh %x", [](double a, double) { return std::tanh(a); }},
      {"math.asinh %x", [](double a, double) { return std::asinh(a); }},
      {"math.acosh %x", [](double a, double) { return std::acosh(a); }},
      {"math.atanh %x", [](double a, double) { return std::atanh(a); }},
      {"math.erf %x", [](double a, double) { return std::erf(a); }},
      {"math.erfc %x", [](double a, double) { return std::erfc(a); }},
  };
  for (const auto &[text, function] : kOps)
    for (double x : {-2.5, -0.3, 0.5, 1.75, 30.0, kNan})
      for (double y : {-1.5, 0.25, 3.0})
        expectSame(runOp(text, x, y), function(x, y), text);
}

TEST_F(ScalarPrograms, MaximumPropagatesNanAndOrdersZeros) {
  EXPECT_EQ(runOp("arith.maximumf %x, %y", 1, 2), 2.0);
  EXPECT_EQ(runOp("arith.minimumf %x, %y", 1, 2), 1.0);
  EXPECT_TRUE(std::isnan(runOp("arith.maximumf %x, %y", kNan, 2)));
  EXPECT_TRUE(std::isnan(runOp("arith.minimumf %x, %y", 2, kNan)));
  EXPECT_FALSE(std::signbit(runOp("arith.maximumf %x, %y", -0.0, 0.0)));
  EXPECT_TRUE(std::signbit(runOp("arith.minimumf %x, %y", 0.0, -0.0)));
}

TEST_F(ScalarPrograms, ClampIsMaximumThenMinimum) {
  auto clamp = [&](double x) { return runOp("math.clampf %x to [%y, %x]", x, 2); };
  EXPECT_EQ(clamp(5), 5.0);
  EXPECT_EQ(clamp(1), 1.0) << "the upper bound wins";
  EXPECT_TRUE(std::isnan(clamp(kNan)));
  auto within = [&](double x) {
    return run("%low = arith.constant -2.0 : f32\n%high = arith.constant 3.0 : f32\n"
               "%r = math.clampf %x to [%low, %high] : f32\nmoe.yield %r : f32",
               x, 0);
  };
  EXPECT_EQ(within(-7), -2.0);
  EXPECT_EQ(within(0.5), 0.5);
  EXPECT_EQ(within(kInf), 3.0);
  EXPECT_TRUE(std::isnan(within(kNan)));
}

TEST_F(ScalarPrograms, OnePlusErfDoesNotCancel) {
  constexpr char kBody[] = R"(
    %one = arith.constant 1.0 : f32
    %e = math.erf %x : f32
    %r = arith.addf %e, %one : f32
    moe.yield %r : f32)";
  for (double x : {-9.0, -5.5, -0.5, 0.0, 2.0})
    EXPECT_DOUBLE_EQ(run(kBody, x, 0), std::erfc(-x)) << x;
}

TEST_F(ScalarPrograms, ClassesOfNumbers) {
  for (auto [name, finite, infinite, nan] : {std::tuple{"isfinite", 1.0, 0.0, 0.0},
                                             {"isinf", 0.0, 1.0, 0.0},
                                             {"isnan", 0.0, 0.0, 1.0}}) {
    std::string body = std::string("%c = math.") + name +
                       " %x : f32\n%r = arith.uitofp %c : i1 to f32\nmoe.yield %r : f32";
    EXPECT_EQ(run(body, -2.5, 0), finite) << name;
    EXPECT_EQ(run(body, -kInf, 0), infinite) << name;
    EXPECT_EQ(run(body, kNan, 0), nan) << name;
  }
}

TEST_F(ScalarPrograms, EveryComparisonPredicate) {
  struct {
    const char *name;
    bool less, equal, greater, unordered;
  } predicates[] = {
      {"false", 0, 0, 0, 0}, {"oeq", 0, 1, 0, 0}, {"ogt", 0, 0, 1, 0}, {"oge", 0, 1, 1, 0},
      {"olt", 1, 0, 0, 0},   {"ole", 1, 1, 0, 0}, {"one", 1, 0, 1, 0}, {"ord", 1, 1, 1, 0},
      {"ueq", 0, 1, 0, 1},   {"ugt", 0, 0, 1, 1}, {"uge", 0, 1, 1, 1}, {"ult", 1, 0, 0, 1},
      {"ule", 1, 1, 0, 1},   {"une", 1, 0, 1, 1}, {"uno", 0, 0, 0, 1}, {"true", 1, 1, 1, 1},
  };
  for (auto &p : predicates) {
    std::string body = std::string("%c = arith.cmpf ") + p.name +
                       ", %x, %y : f32\n%r = arith.uitofp %c : i1 to f32\nmoe.yield %r : f32";
    EXPECT_EQ(run(body, 1, 2), p.less) << p.name;
    EXPECT_EQ(run(body, 2, 2), p.equal) << p.name;
    EXPECT_EQ(run(body, 3, 2), p.greater) << p.name;
    EXPECT_EQ(run(body, kNan, 2), p.unordered) << p.name;
  }
}

TEST_F(ScalarPrograms, BooleansAndSelect) {
  constexpr char kBody[] = R"(
    %zero = arith.constant 0.0 : f32
    %yes = arith.constant true
    %c = arith.cmpf ogt, %x, %zero : f32
    %d = arith.cmpf ogt, %y, %zero : f32
    %and = arith.andi %c, %d : i1
    %or = arith.ori %c, %d : i1
    %xor = arith.xori %or, %and : i1
    %any = arith.andi %xor, %yes : i1
    %r = arith.select %any, %x, %y : f32
    moe.yield %r : f32)"; // x where exactly one is positive, else y
  EXPECT_EQ(run(kBody, 1, 2), 2.0);
  EXPECT_EQ(run(kBody, 1, -2), 1.0);
  EXPECT_EQ(run(kBody, -1, 2), -1.0);
  EXPECT_EQ(run(kBody, -1, -2), -2.0);
}

TEST_F(ScalarPrograms, TruncationRoundsToItsType) {
  auto body = [](std::string type) {
    return "%n = arith.truncf %x : f32 to " + type + "\n%r = arith.extf %n : " + type +
           " to f32\nmoe.yield %r : f32";
  };
  EXPECT_EQ(run(body("bf16"), 1.0 + 0x1p-9, 0), 1.0);
  EXPECT_EQ(run(body("f16"), 1.0 + 0x1p-10, 0), 1.0 + 0x1p-10);
  EXPECT_EQ(run(body("f16"), 1.0 + 0x1p-12, 0), 1.0);
  EXPECT_EQ(run(body("f8E4M3FN"), 1.06, 0), 1.0);
}

TEST_F(ScalarPrograms, NothingIsRoundedToF32) {
  EXPECT_EQ(runOp("arith.addf %x, %y", 1.0, 0x1p-40), 1.0 + 0x1p-40);
}

TEST_F(ScalarPrograms, UnknownOpsAreErrorsOnThem) {
  EXPECT_TRUE(mlir::failed(translate(R"(
    %i = arith.fptosi %x : f32 to i32
    %r = arith.sitofp %i : i32 to f32
    moe.yield %r : f32)")));
  EXPECT_NE(errors.find("'arith.fptosi' op is not known to the reference evaluator inside a body"),
            std::string::npos)
      << errors;
}

/// The formulas of the dialect's table, written independently.
double activation(moec::moe::ActivationKind kind, double x, double up) {
  using K = moec::moe::ActivationKind;
  auto silu = [](double v) { return v / (1 + std::exp(-v)); };
  auto gelu = [](double v) { return v / 2 * std::erfc(-v / std::sqrt(2.0)); };
  auto geluTanh = [](double v) {
    return v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
  };
  switch (kind) {
  case K::SiluGate:
    return silu(x) * up;
  case K::GeluGate:
    return gelu(x) * up;
  case K::GeluTanhGate:
    return geluTanh(x) * up;
  case K::ReluGate:
    return std::fmax(x, 0) * up;
  case K::GptOssSwiglu: {
    double g = std::fmin(x, 7), u = std::fmin(std::fmax(up, -7), 7);
    return g / (1 + std::exp(-1.702 * g)) * (u + 1);
  }
  case K::Silu:
    return silu(x);
  case K::Gelu:
    return gelu(x);
  case K::GeluTanh:
    return geluTanh(x);
  case K::Relu:
    return std::fmax(x, 0);
  case K::Relu2:
    return std::pow(std::fmax(x, 0), 2);
  }
  return kNan;
}

TEST_F(ScalarPrograms, NamedActivationsAreTheirFormulas) {
  for (uint32_t i = 0; auto kind = moec::moe::symbolizeActivationKind(i); ++i) {
    std::string name = moec::moe::stringifyActivationKind(*kind).str();
    bool gated = moec::moe::isGated(*kind);
    std::vector<double> x, up, expected;
    for (double a : {-60.0, -9.0, -3.0, -0.7, 0.0, 0.3, 1.0, 5.0, 7.5, 40.0})
      for (double b : {-8.0, -0.5, 0.0, 2.0, 9.0}) {
        a = static_cast<float>(a), b = static_cast<float>(b);
        x.push_back(a);
        up.push_back(b);
        expected.push_back(activation(*kind, a, b));
      }
    std::string two = gated ? ", %b" : "", type = "tensor<50x1xf32>";
    std::string text = "func.func @f(%a: " + type + ", %b: " + type + ") -> " + type +
                       " {\n %y = moe.activation %a" + two + " kind(" + name + ") : (" + type +
                       (gated ? ", " + type : "") + ") -> " + type + "\n return %y : " + type +
                       "\n}";
    auto results =
        evaluateText(text, {tensorOf(DType::F32, {50, 1}, x), tensorOf(DType::F32, {50, 1}, up)});
    ASSERT_EQ(results.size(), 1u) << name;
    // The bodies carry their constants as f32, hence the tolerance.
    expectNear(valuesOf(results[0]), expected, 3e-7);
  }
}

TEST_F(ScalarPrograms, ActivationsOfInfinityAndNan) {
  auto results = evaluateText(R"(
  func.func @f(%a: tensor<3x1xf32>) -> tensor<3x1xf32> {
    %y = moe.activation %a kind(silu) : (tensor<3x1xf32>) -> tensor<3x1xf32>
    return %y : tensor<3x1xf32>
  })",
                              {tensorOf(DType::F32, {3, 1}, {-kInf, kInf, kNan})});
  expectNear(valuesOf(results.at(0)), {0.0, kInf, kNan});
}

} // namespace
