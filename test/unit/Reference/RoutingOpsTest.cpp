// route, permute, pad, unpad, combine against values worked out by hand.

#include "test/unit/Reference/Fixture.h"

#include <cmath>

using namespace moec::test;

namespace {

const double kNan = std::nan("");

constexpr char kRoute[] = R"(
  func.func @f(%logits: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
    %w, %e = moe.route %logits top_k(2) score(softmax) order(ORDER
        : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    return %w, %e : tensor<?x2xf32>, tensor<?x2xi32>
  })";

/// `order` closes its own parenthesis, so that more can follow it.
std::string routeText(std::string order) {
  std::string text = kRoute;
  return text.replace(text.find("ORDER"), 5, order);
}

/// Softmax weights of logits log(a): a over the sum.
HostTensor logs(std::vector<int64_t> shape, std::vector<double> values) {
  HostTensor tensor = *HostTensor::allocate(DType::F32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(static_cast<int64_t>(i), std::log(values[i]));
  return tensor;
}

class RoutingOps : public ReferenceTest {};

TEST_F(RoutingOps, ScoreThenSelect) {
  auto results =
      evaluateText(routeText("score_then_select)"), {logs({2, 4}, {1, 4, 2, 3, 6, 1, 1, 2})});
  ASSERT_EQ(results.size(), 2u);
  expectNear(valuesOf(results[0]), {0.4, 0.3, 0.6, 0.2}, 1e-6);
  EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{1, 3, 0, 3}));
}

TEST_F(RoutingOps, SelectThenScore) {
  auto results = evaluateText(routeText("select_then_score)"), {logs({1, 4}, {1, 4, 2, 3})});
  expectNear(valuesOf(results[0]), {4.0 / 7, 3.0 / 7}, 1e-6);
}

TEST_F(RoutingOps, Renormalize) {
  auto results =
      evaluateText(routeText("score_then_select) renormalize"), {logs({1, 4}, {1, 4, 2, 3})});
  expectNear(valuesOf(results[0]), {4.0 / 7, 3.0 / 7}, 1e-6);
}

TEST_F(RoutingOps, TiesGoToTheLowestExpert) {
  auto results = evaluateText(routeText("score_then_select)"),
                              {tensorOf(DType::F32, {2, 4}, {1, 2, 2, 2, 0.0, -0.0, 0, 0})});
  EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{1, 2, 0, 1}));
}

TEST_F(RoutingOps, NanLosesAgainstEveryNumber) {
  double inf = INFINITY;
  for (const char *order : {"score_then_select)", "select_then_score)"}) {
    auto results = evaluateText(
        routeText(order), {tensorOf(DType::F32, {3, 4},
                                    {kNan, 5, kNan, 5,       // the two numbers win
                                     kNan, kNan, kNan, -inf, // the number, then the lowest NaN
                                     kNan, kNan, kNan, kNan})});
    EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{1, 3, 3, 0, 0, 1})) << order;
    std::vector<double> weights = valuesOf(results[0]);
    EXPECT_EQ(weights[0], 0.5);
    EXPECT_EQ(weights[1], 0.5);
    EXPECT_EQ(weights[3], 0.0) << "a NaN logit has score 0";
    EXPECT_EQ(weights[4], 0.0) << "a zero denominator gives weight 0";
    EXPECT_EQ(weights[5], 0.0);
  }
}

TEST_F(RoutingOps, InfiniteLogitsTakeTheLimit) {
  double inf = INFINITY;
  for (const char *order : {"score_then_select)", "select_then_score)"}) {
    auto results = evaluateText(routeText(order), {tensorOf(DType::F32, {4, 4},
                                                            {inf, 1, inf, 2,      // share it
                                                             0, inf, 5, 7,        // takes all
                                                             -inf, 3, -inf, -inf, // likewise
                                                             -inf, -inf, -inf, -inf})});
    EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{0, 2, 1, 3, 1, 0, 0, 1})) << order;
    EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{0.5, 0.5, 1, 0, 1, 0, 0, 0})) << order;
  }
}

TEST_F(RoutingOps, LargeLogitsDoNotOverflow) {
  auto results = evaluateText(routeText("score_then_select)"),
                              {tensorOf(DType::F32, {1, 4}, {3e38, 3e38, -3e38, 0})});
  expectNear(valuesOf(results[0]), {0.5, 0.5});
}

TEST_F(RoutingOps, NoTokens) {
  auto results =
      evaluateText(routeText("score_then_select)"), {*HostTensor::allocate(DType::F32, {0, 4})});
  EXPECT_EQ(results[0].dim(0), 0);
  EXPECT_EQ(results[1].dim(1), 2);
}

constexpr char kPermute[] = R"(
  func.func @f(%ids: tensor<?x2xi32>, %x: tensor<?x2xbf16>)
      -> (tensor<?x2xbf16>, tensor<?xi32>, tensor<4xi32>) {
    %rows, %routes, %offsets = moe.permute %ids, %x experts(3)
        : (tensor<?x2xi32>, tensor<?x2xbf16>) -> (tensor<?x2xbf16>, tensor<?xi32>, tensor<4xi32>)
    return %rows, %routes, %offsets : tensor<?x2xbf16>, tensor<?xi32>, tensor<4xi32>
  })";

TEST_F(RoutingOps, PermuteGroupsStably) {
  auto results = evaluateText(kPermute, {tensorOf(DType::I32, {3, 2}, {2, 0, 0, 2, 2, 0}),
                                         tensorOf(DType::BF16, {3, 2}, {1, 2, 3, 4, 5, 6})});
  EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{1, 2, 5, 0, 3, 4}));
  EXPECT_EQ(valuesOf(results[2]), (std::vector<double>{0, 3, 3, 6})) << "expert 1 is empty";
  EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}));
}

TEST_F(RoutingOps, PermuteLeavesIdsOutOfRangeOut) {
  auto results = evaluateText(
      kPermute, {tensorOf(DType::I32, {3, 2}, {-1, 1, 3, 2147483647, 1, -2147483648.0}),
                 tensorOf(DType::BF16, {3, 2}, {1, 2, 3, 4, 5, 6})});
  EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{1, 4, -1, -1, -1, -1}));
  EXPECT_EQ(valuesOf(results[2]), (std::vector<double>{0, 0, 2, 2}));
  EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{1, 2, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_F(RoutingOps, PermuteWithoutRows) {
  auto results = evaluateText(R"(
  func.func @f(%ids: tensor<?x1xi32>) -> (tensor<?xi32>, tensor<3xi32>) {
    %routes, %offsets = moe.permute %ids experts(2)
        : (tensor<?x1xi32>) -> (tensor<?xi32>, tensor<3xi32>)
    return %routes, %offsets : tensor<?xi32>, tensor<3xi32>
  })",
                              {tensorOf(DType::I32, {3, 1}, {1, 0, 1})});
  EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{1, 0, 2}));
  EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{0, 1, 3}));
}

TEST_F(RoutingOps, PadAndUnpad) {
  constexpr char kText[] = R"(
  func.func @f(%rows: tensor<4x1xf32>, %offsets: tensor<4xi32>, %routes: tensor<4xi32>)
      -> (tensor<10x1xf32>, tensor<4xi32>, tensor<4x1xf32>) {
    %p, %po = moe.pad %rows, %offsets multiple(3)
        : (tensor<4x1xf32>, tensor<4xi32>) -> (tensor<10x1xf32>, tensor<4xi32>)
    %u = moe.unpad %p, %po, %offsets, %routes
        : (tensor<10x1xf32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) -> tensor<4x1xf32>
    return %p, %po, %u : tensor<10x1xf32>, tensor<4xi32>, tensor<4x1xf32>
  })";
  // Groups of 1, 0 and 2 rows; the last row is in no group and vanishes.
  auto results = evaluateText(kText, {tensorOf(DType::F32, {4, 1}, {7, 8, 9, 5}),
                                      tensorOf(DType::I32, {4}, {0, 1, 1, 3}),
                                      tensorOf(DType::I32, {4}, {0, 1, 2, -1})});
  EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{7, 0, 0, 8, 9, 0, 0, 0, 0, 0}));
  EXPECT_EQ(valuesOf(results[1]), (std::vector<double>{0, 3, 3, 6}));
  EXPECT_EQ(valuesOf(results[2]), (std::vector<double>{7, 8, 9, 0}));
}

TEST_F(RoutingOps, CombineSkipsSlotsInNoRow) {
  constexpr char kText[] = R"(
  func.func @f(%rows: tensor<?x2xbf16>, %weights: tensor<?x2xf32>, %routes: tensor<?xi32>)
      -> tensor<?x2xbf16> {
    %y = moe.combine %rows, %weights, %routes
        : (tensor<?x2xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xbf16>
    return %y : tensor<?x2xbf16>
  })";
  // Rows hold routes 3 (token 1, slot 1), 0 (token 0, slot 0), none, none.
  auto results = evaluateText(kText, {tensorOf(DType::BF16, {4, 2}, {1, 2, 3, 4, kNan, kNan, 1, 1}),
                                      tensorOf(DType::F32, {2, 2}, {0.5, 8, 16, 0.25}),
                                      tensorOf(DType::I32, {4}, {3, 0, -1, -1})});
  EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{1.5, 2, 0.25, 0.5}));
}

TEST_F(RoutingOps, SizesThatDisagreeAreErrors) {
  EXPECT_NE(errorsOf(kPermute, {*HostTensor::allocate(DType::I32, {3, 2}),
                                *HostTensor::allocate(DType::BF16, {2, 2})})
                .find("expects 3 tokens of x, but got 2"),
            std::string::npos)
      << errors;
  constexpr char kPad[] = R"(
  func.func @f(%rows: tensor<2x1xf32>, %offsets: tensor<3xi32>) -> tensor<3xi32> {
    %p, %po = moe.pad %rows, %offsets multiple(2)
        : (tensor<2x1xf32>, tensor<3xi32>) -> (tensor<4x1xf32>, tensor<3xi32>)
    return %po : tensor<3xi32>
  })";
  for (std::vector<double> offsets : {std::vector<double>{0, 2, 1}, {0, 1, 3}, {-1, 0, 1}})
    EXPECT_NE(errorsOf(kPad, {*HostTensor::allocate(DType::F32, {2, 1}),
                              tensorOf(DType::I32, {3}, offsets)})
                  .find("expects offsets that ascend from 0 to at most 2"),
              std::string::npos)
        << errors;
}

} // namespace
