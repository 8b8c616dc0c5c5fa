// The named activations at ordinary and at extreme arguments, in f32 arithmetic.

#include "dialects/Moe/IR/MoeActivations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace moec::moe;

namespace {

const float kInf = INFINITY;
const float kNan = NAN;

class Activations : public ::testing::Test {
protected:
  Activations() { context.loadDialect<MoeDialect, func::FuncDialect>(); }

  /// Folds the body of `kind` on constants, which is IEEE arithmetic in f32.
  float apply(ActivationKind kind, std::vector<float> arguments) {
    OpBuilder builder(&context);
    Location loc = builder.getUnknownLoc();
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    builder.setInsertionPointToEnd(module->getBody());
    auto func = func::FuncOp::create(builder, loc, "f",
                                     builder.getFunctionType({}, {builder.getF32Type()}));
    builder.setInsertionPointToEnd(func.addEntryBlock());
    SmallVector<Value> values;
    for (float argument : arguments)
      values.push_back(arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(argument)));
    Value result = buildActivation(builder, loc, kind, values);
    func::ReturnOp::create(builder, loc, result);
    PassManager manager(&context);
    manager.addPass(createCanonicalizerPass());
    EXPECT_TRUE(succeeded(manager.run(*module)));
    Value returned = func.getBody().front().getTerminator()->getOperand(0);
    auto constant = returned.getDefiningOp<arith::ConstantOp>();
    if (!constant) {
      ADD_FAILURE() << "the body did not fold to a constant";
      return kNan;
    }
    return cast<FloatAttr>(constant.getValue()).getValue().convertToFloat();
  }

  MLIRContext context;
};

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }
double geluTanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

TEST_F(Activations, FollowTheirFormulas) {
  for (float x : {-8.0f, -3.0f, -1.0f, -0.25f, 0.0f, 1e-6f, 0.5f, 1.0f, 2.75f, 6.0f, 9.0f}) {
    double tolerance = 1e-6 * std::max(1.0f, std::abs(x));
    double relu = std::max(x, 0.0f);
    EXPECT_NEAR(apply(ActivationKind::Silu, {x}), silu(x), tolerance) << x;
    EXPECT_NEAR(apply(ActivationKind::Gelu, {x}), gelu(x), tolerance) << x;
    EXPECT_NEAR(apply(ActivationKind::GeluTanh, {x}), geluTanh(x), tolerance) << x;
    EXPECT_EQ(apply(ActivationKind::Relu, {x}), relu) << x;
    EXPECT_NEAR(apply(ActivationKind::Relu2, {x}), relu * relu, 100 * tolerance) << x;
    for (float up : {-9.0f, -2.0f, 0.0f, 1.5f, 7.5f}) {
      double bound = 10 * tolerance;
      EXPECT_NEAR(apply(ActivationKind::SiluGate, {x, up}), silu(x) * up, bound) << x << " " << up;
      EXPECT_NEAR(apply(ActivationKind::GeluGate, {x, up}), gelu(x) * up, bound) << x << " " << up;
      EXPECT_NEAR(apply(ActivationKind::GeluTanhGate, {x, up}), geluTanh(x) * up, bound);
      EXPECT_NEAR(apply(ActivationKind::ReluGate, {x, up}), relu * up, bound) << x << " " << up;
      double g = std::min(x, 7.0f), u = std::min(std::max(up, -7.0f), 7.0f);
      EXPECT_NEAR(apply(ActivationKind::GptOssSwiglu, {x, up}),
                  g / (1 + std::exp(-1.702 * g)) * (u + 1), bound)
          << x << " " << up;
    }
  }
}

TEST_F(Activations, ReachTheirLimits) {
  for (ActivationKind kind : {ActivationKind::Silu, ActivationKind::Gelu, ActivationKind::GeluTanh,
                              ActivationKind::Relu}) {
    for (float x : {-150.0f, -1e4f, -1e20f, -3.4e38f, -kInf})
      EXPECT_EQ(apply(kind, {x}), 0.0f) << stringifyActivationKind(kind).str() << " " << x;
    for (float x : {150.0f, 1e4f, 1e20f, 3.4e38f, kInf})
      EXPECT_EQ(apply(kind, {x}), x) << stringifyActivationKind(kind).str() << " " << x;
  }
  EXPECT_EQ(apply(ActivationKind::Relu2, {-kInf}), 0.0f);
  EXPECT_EQ(apply(ActivationKind::Relu2, {kInf}), kInf);
  for (ActivationKind kind : {ActivationKind::SiluGate, ActivationKind::GeluGate,
                              ActivationKind::GeluTanhGate, ActivationKind::ReluGate}) {
    EXPECT_EQ(apply(kind, {-kInf, 3.0f}), 0.0f) << stringifyActivationKind(kind).str();
    EXPECT_EQ(apply(kind, {kInf, -3.0f}), -kInf) << stringifyActivationKind(kind).str();
    EXPECT_EQ(apply(kind, {-1e30f, 1e30f}), 0.0f) << stringifyActivationKind(kind).str();
  }
  // Both inputs are clamped: 7 * sigmoid(11.914) * 8 at most.
  EXPECT_NEAR(apply(ActivationKind::GptOssSwiglu, {kInf, kInf}), 56 / (1 + std::exp(-11.914)),
              1e-4);
  EXPECT_EQ(apply(ActivationKind::GptOssSwiglu, {-kInf, kInf}), 0.0f);
}

TEST_F(Activations, KeepNaN) {
  for (unsigned i = 0; i <= getMaxEnumValForActivationKind(); ++i) {
    auto kind = static_cast<ActivationKind>(i);
    std::vector<float> arguments(moec::moe::isGated(kind) ? 2 : 1, 1.0f);
    for (float &argument : arguments) {
      argument = kNan;
      EXPECT_TRUE(std::isnan(apply(kind, arguments))) << stringifyActivationKind(kind).str();
      argument = 1.0f;
    }
  }
}

TEST_F(Activations, MapZeroToZero) {
  for (unsigned i = 0; i <= getMaxEnumValForActivationKind(); ++i) {
    auto kind = static_cast<ActivationKind>(i);
    EXPECT_EQ(apply(kind, std::vector<float>(moec::moe::isGated(kind) ? 2 : 1, 0.0f)), 0.0f)
        << stringifyActivationKind(kind).str();
  }
}

} // namespace
