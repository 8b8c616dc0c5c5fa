// The check: what passes, what is found, what is reported.

#include "compiler/Reference/Check.h"
#include "test/unit/Reference/Fixture.h"

#include <cmath>

using namespace moec;
using namespace moec::test;

namespace {

const double kNan = std::nan("");
const double kInf = INFINITY;

HostTensor f64(std::vector<int64_t> shape, std::vector<double> values) {
  return tensorOf(DType::F64, std::move(shape), std::move(values));
}

/// A large matrix of order one and its rounding to `dtype`.
std::pair<HostTensor, HostTensor> roundedPair(DType dtype) {
  HostTensor expected = randomTensor(DType::F64, {64, 256}, 3);
  HostTensor actual = *HostTensor::allocate(dtype, {64, 256});
  for (int64_t i = 0; i < expected.numElements(); ++i)
    actual.set(i, expected.at(i));
  return {actual, expected};
}

TEST(Check, RoundingPasses) {
  for (DType dtype : {DType::BF16, DType::F16, DType::F32, DType::F8E4M3}) {
    auto [actual, expected] = roundedPair(dtype);
    Comparison result = compareTensors("y", actual, expected);
    EXPECT_TRUE(result.passed) << result.describe();
    EXPECT_GT(result.relativeError, 0.0);
    EXPECT_EQ(result.tolerance, defaultTolerance(dtype));
  }
}

TEST(Check, TolerancesAreThoseOfTheTypes) {
  EXPECT_EQ(defaultTolerance(DType::BF16), 1e-2);
  EXPECT_EQ(defaultTolerance(DType::F16), 2e-3);
  EXPECT_EQ(defaultTolerance(DType::F32), 1e-5);
  // An error of a little more than the tolerance of all elements is one.
  for (auto [dtype, error] :
       {std::pair(DType::BF16, 0.014), std::pair(DType::F16, 0.004), std::pair(DType::F32, 4e-5)}) {
    auto [actual, expected] = roundedPair(dtype);
    for (int64_t i = 0; i < expected.numElements(); ++i)
      actual.set(i, expected.at(i) * (1 + error));
    EXPECT_FALSE(compareTensors("y", actual, expected).passed) << error;
  }
}

TEST(Check, OneWrongElementIsFoundAndNamed) {
  auto [actual, expected] = roundedPair(DType::BF16);
  int64_t at = 17 * 256 + 200;
  actual.set(at, expected.at(at) + 0.05); // far below 1e-2 of the whole tensor's norm
  Comparison result = compareTensors("output", actual, expected);
  EXPECT_LT(result.relativeError, result.tolerance);
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.outsideBand, 1);
  EXPECT_EQ(result.worstRow, 17);
  EXPECT_EQ(result.worstColumn, 200);
  EXPECT_EQ(result.worstExpected, expected.at(at));
  EXPECT_NE(result.describe().find("output: MISMATCH"), std::string::npos);
  EXPECT_NE(result.describe().find("worst at [17, 200]"), std::string::npos) << result.describe();
}

TEST(Check, ManySmallErrorsAreFoundByTheNorm) {
  auto [actual, expected] = roundedPair(DType::BF16);
  for (int64_t i = 0; i < expected.numElements(); ++i)
    actual.set(i, expected.at(i) * 1.02);
  Comparison result = compareTensors("y", actual, expected);
  EXPECT_EQ(result.outsideBand, 0);
  EXPECT_FALSE(result.passed);
  EXPECT_NEAR(result.relativeError, 0.02, 1e-3);
}

TEST(Check, BandsScaleWithTheRow) {
  // Row 0 is large, row 1 small: an error that row 0 would not notice is found in row 1.
  HostTensor expected = f64({2, 2}, {1000, 1000, 1e-3, 1e-3});
  EXPECT_TRUE(
      compareTensors("y", tensorOf(DType::F32, {2, 2}, {1000.01, 1000, 1e-3, 1e-3}), expected, 1e-3)
          .passed);
  EXPECT_FALSE(
      compareTensors("y", tensorOf(DType::F32, {2, 2}, {1000, 1000, 1.1e-3, 1e-3}), expected, 1e-3)
          .passed);
}

TEST(Check, ZeroRowsMustBeZero) {
  HostTensor expected = f64({2, 2}, {1, 1, 0, 0});
  EXPECT_TRUE(compareTensors("y", tensorOf(DType::BF16, {2, 2}, {1, 1, 0, -0.0}), expected).passed);
  EXPECT_FALSE(
      compareTensors("y", tensorOf(DType::BF16, {2, 2}, {1, 1, 0, 1e-6}), expected).passed);
  EXPECT_FALSE(compareTensors("y", tensorOf(DType::F16, {2, 2}, {1, 1, 0, 1e-4}), expected).passed);
  HostTensor zeros = f64({1, 2}, {0, 0});
  EXPECT_TRUE(compareTensors("y", tensorOf(DType::BF16, {1, 2}, {0, 0}), zeros).passed);
  EXPECT_FALSE(compareTensors("y", tensorOf(DType::BF16, {1, 2}, {0, 1e-9}), zeros).passed);
}

TEST(Check, ValuesBelowTheTypeMayVanish) {
  HostTensor expected = f64({1, 2}, {1e-60, -1e-60});
  EXPECT_TRUE(compareTensors("y", tensorOf(DType::F32, {1, 2}, {0, 0}), expected).outsideBand == 0);
}

TEST(Check, NanMatchesOnlyNan) {
  HostTensor expected = f64({1, 3}, {1, kNan, 3});
  Comparison same = compareTensors("y", tensorOf(DType::BF16, {1, 3}, {1, kNan, 3}), expected);
  EXPECT_TRUE(same.passed) << same.describe();
  EXPECT_EQ(same.actualNan, 1);
  EXPECT_EQ(same.expectedNan, 1);
  for (std::vector<double> wrong : {std::vector<double>{1, 2, 3}, {kNan, kNan, 3}, {1, kInf, 3}}) {
    Comparison result = compareTensors("y", tensorOf(DType::BF16, {1, 3}, wrong), expected);
    EXPECT_FALSE(result.passed);
    EXPECT_EQ(result.outsideBand, 1);
  }
  EXPECT_NE(same.describe().find("NaN 1 (expected 1)"), std::string::npos) << same.describe();
}

TEST(Check, PoisonIsNeverMistakenForAResult) {
  HostTensor poison = tensorOf(DType::BF16, {2, 2}, {kNan, kNan, kNan, kNan});
  Comparison result = compareTensors("y", poison, f64({2, 2}, {0, 0, 0, 0}));
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.outsideBand, 4);
}

TEST(Check, InfinityMatchesItsSignAndWhatOverflows) {
  auto passes = [](DType dtype, double actual, double expected) {
    return compareTensors("y", tensorOf(dtype, {1, 1}, {actual}), f64({1, 1}, {expected})).passed;
  };
  EXPECT_TRUE(passes(DType::BF16, kInf, kInf));
  EXPECT_FALSE(passes(DType::BF16, -kInf, kInf));
  EXPECT_FALSE(passes(DType::BF16, kInf, 1.0));
  EXPECT_FALSE(passes(DType::BF16, 1.0, kInf));
  EXPECT_TRUE(passes(DType::F16, kInf, 1e6)) << "f16 cannot hold 1e6";
  EXPECT_TRUE(passes(DType::F16, 65504, 65519.9));
  EXPECT_FALSE(passes(DType::F16, kInf, 3e4));
  EXPECT_FALSE(passes(DType::BF16, kInf, 1e35)) << "bf16 can hold 1e35";
}

TEST(Check, IndicesMustBeEqual) {
  HostTensor expected = tensorOf(DType::I32, {2, 2}, {1, 2, 3, 4});
  EXPECT_TRUE(compareTensors("ids", expected, expected).passed);
  Comparison result = compareTensors("ids", tensorOf(DType::I32, {2, 2}, {1, 2, 3, 5}), expected);
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.worstRow, 1);
  EXPECT_EQ(result.worstColumn, 1);
}

TEST(Check, EmptyTensorsPass) {
  Comparison result = compareTensors("y", *HostTensor::allocate(DType::BF16, {0, 8}),
                                     *HostTensor::allocate(DType::F64, {0, 8}));
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(result.elements, 0);
}

class CheckResult : public ReferenceTest {
protected:
  const char *text = R"(
  func.func @f(%x: tensor<?x8xbf16>, %logits: tensor<?x4xf32>, %w: tensor<4x6x8xbf16>)
      -> (tensor<?x6xbf16> {moe.name = "output"}) {
    %weights, %ids = moe.route %logits top_k(2) score(softmax) order(score_then_select)
        : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %routes, %offsets = moe.permute %ids experts(4)
        : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)
    %y = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2) combine(%weights, %routes)
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<4x6x8xbf16>, tensor<?xi32>, tensor<?x2xf32>,
           tensor<?xi32>) -> tensor<?x6xbf16>
    return %y : tensor<?x6xbf16>
  })";

  std::vector<HostTensor> argumentsOf(int64_t tokens) {
    return {randomTensor(DType::BF16, {tokens, 8}, 1), randomTensor(DType::F32, {tokens, 4}, 2),
            randomTensor(DType::BF16, {4, 6, 8}, 3)};
  }
  HostTensor rightAnswer(mlir::func::FuncOp func, const std::vector<HostTensor> &arguments) {
    HostTensor exact = evaluate(func, arguments)->at(0);
    HostTensor rounded = *HostTensor::allocate(DType::BF16, {exact.dim(0), exact.dim(1)});
    for (int64_t i = 0; i < exact.numElements(); ++i)
      rounded.set(i, exact.at(i));
    return rounded;
  }
};

TEST_F(CheckResult, ChecksAllTokensOfSmallRuns) {
  mlir::func::FuncOp func = parse(text);
  for (int64_t tokens : {0, 1, 64}) {
    std::vector<HostTensor> arguments = argumentsOf(tokens);
    auto report = checkResult(func, arguments, {rightAnswer(func, arguments)});
    ASSERT_TRUE(mlir::succeeded(report)) << errors;
    EXPECT_TRUE(report->passed()) << report->describe();
    EXPECT_TRUE(report->sampledTokens.empty());
    EXPECT_EQ(report->tokens, tokens);
    EXPECT_NE(report->describe().find("output: ok"), std::string::npos) << report->describe();
  }
}

TEST_F(CheckResult, SamplesLargeRunsAndNamesTheToken) {
  mlir::func::FuncOp func = parse(text);
  std::vector<HostTensor> arguments = argumentsOf(300);
  HostTensor output = rightAnswer(func, arguments);
  CheckOptions options;
  options.maxTokens = 20;
  options.sampleSeed = 77;
  auto report = checkResult(func, arguments, {output}, options);
  ASSERT_TRUE(mlir::succeeded(report)) << errors;
  EXPECT_TRUE(report->passed()) << report->describe();
  ASSERT_EQ(report->sampledTokens.size(), 20u);
  EXPECT_NE(report->describe().find("checked 20 of 300 tokens, drawn with seed 77"),
            std::string::npos)
      << report->describe();

  int64_t token = report->sampledTokens[11];
  output.set(token * 6 + 4, 9.0);
  report = checkResult(func, arguments, {output}, options);
  EXPECT_FALSE(report->passed());
  EXPECT_EQ(report->outputs[0].worstRow, token);
  EXPECT_EQ(report->outputs[0].worstColumn, 4);
}

TEST_F(CheckResult, TheCoarsestTypeOfTheBlockDecidesAndRowsByExpertAreNotSampled) {
  mlir::func::FuncOp func = parse(R"(
  func.func @f(%ids: tensor<?x2xi32>, %x: tensor<?x8xbf16>, %l: tensor<?x4xf32>)
      -> (tensor<?x8xbf16>, tensor<?x2xf32>) {
    %rows, %routes, %offsets = moe.permute %ids, %x experts(4)
        : (tensor<?x2xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    %weights, %chosen = moe.route %l top_k(2) score(softmax) order(score_then_select)
        : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    return %rows, %weights : tensor<?x8xbf16>, tensor<?x2xf32>
  })");
  CheckOptions options;
  options.maxTokens = 4;
  std::vector<HostTensor> arguments = {tensorOf(DType::I32, {10, 2}, std::vector<double>(20, 1)),
                                       randomTensor(DType::BF16, {10, 8}, 1),
                                       randomTensor(DType::F32, {10, 4}, 2)};
  auto expectation = expectResult(func, arguments, options);
  ASSERT_TRUE(mlir::succeeded(expectation)) << errors;
  EXPECT_EQ(expectation->tolerance, defaultTolerance(DType::BF16));
  EXPECT_TRUE(expectation->sampledTokens.empty());
  EXPECT_EQ(expectation->outputs[0].dim(0), 20);
  options.tolerance = 0.5;
  EXPECT_EQ(expectResult(func, arguments, options)->tolerance, 0.5);
}

TEST_F(CheckResult, WrongShapesAndCountsAreErrors) {
  mlir::func::FuncOp func = parse(text);
  std::vector<HostTensor> arguments = argumentsOf(3);
  EXPECT_TRUE(mlir::failed(checkResult(func, arguments, {})));
  EXPECT_TRUE(
      mlir::failed(checkResult(func, arguments, {*HostTensor::allocate(DType::BF16, {2, 6})})));
  EXPECT_NE(errors.find("expects output 'output' to be bf16[3, 6], but got bf16[2, 6]"),
            std::string::npos)
      << errors;
  arguments = argumentsOf(100);
  EXPECT_TRUE(
      mlir::failed(checkResult(func, arguments, {*HostTensor::allocate(DType::BF16, {99, 6})})));
}

} // namespace
