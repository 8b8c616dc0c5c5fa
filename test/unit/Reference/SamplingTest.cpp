// Which functions can be sampled, what a sample is, and that a sample gives the full answer's rows.

#include "compiler/Reference/Sampling.h"
#include "test/unit/Reference/Fixture.h"

#include <set>

using namespace moec;
using namespace moec::test;

namespace {

class Sampling : public ReferenceTest {};

constexpr char kBlock[] = R"(
  func.func @f(%x: tensor<?x8xbf16>, %logits: tensor<?x4xf32>, %w: tensor<4x6x8xbf16>)
      -> tensor<?x6xbf16> {
    %weights, %ids = moe.route %logits top_k(2) score(softmax) order(score_then_select)
        : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %rows, %routes, %offsets = moe.permute %ids, %x experts(4)
        : (tensor<?x2xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    %d = moe.grouped_matmul %rows, %offsets, %w
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<4x6x8xbf16>) -> tensor<?x6xbf16>
    %y = moe.combine %d, %weights, %routes
        : (tensor<?x6xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x6xbf16>
    return %y : tensor<?x6xbf16>
  })";

TEST(SampleTokens, IsAnAscendingSubsetWithTheEnds) {
  for (int64_t tokens : {0, 1, 2, 3, 10, 1000})
    for (int64_t count : {0, 1, 2, 3, 9, 64}) {
      std::vector<int64_t> sample = sampleTokens(tokens, count, 4);
      ASSERT_EQ(static_cast<int64_t>(sample.size()), std::min(tokens, count));
      EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
      EXPECT_EQ(std::set<int64_t>(sample.begin(), sample.end()).size(), sample.size());
      for (int64_t token : sample)
        EXPECT_TRUE(token >= 0 && token < tokens);
      if (count >= 2 && tokens >= 2) {
        EXPECT_EQ(sample.front(), 0);
        EXPECT_EQ(sample.back(), tokens - 1);
      }
    }
  EXPECT_EQ(sampleTokens(1000, 64, 4), sampleTokens(1000, 64, 4));
  EXPECT_NE(sampleTokens(1000, 64, 4), sampleTokens(1000, 64, 5));
}

TEST(SampleTokens, ReachesEveryTokenEvenly) {
  std::vector<int> hits(12, 0);
  for (uint64_t seed = 0; seed < 6000; ++seed)
    for (int64_t token : sampleTokens(12, 7, seed))
      ++hits[token];
  for (int64_t t = 1; t < 11; ++t)
    EXPECT_NEAR(hits[t], 3000, 200) << t; // five of ten, deviation 39
}

TEST_F(Sampling, SampledRowsAreTheRowsOfTheFullAnswer) {
  mlir::func::FuncOp func = parse(kBlock);
  std::vector<HostTensor> arguments = {randomTensor(DType::BF16, {50, 8}, 1),
                                       randomTensor(DType::F32, {50, 4}, 2),
                                       randomTensor(DType::BF16, {4, 6, 8}, 3)};
  EXPECT_TRUE(tokensAreIndependent(func));
  EXPECT_EQ(tokenCount(func, arguments), 50);
  HostTensor full = evaluate(func, arguments)->at(0);
  std::vector<int64_t> sample = sampleTokens(50, 9, 1);
  auto sliced = sliceArguments(func, arguments, sample);
  ASSERT_TRUE(sliced.isOk());
  EXPECT_EQ((*sliced)[2].data(), arguments[2].data()) << "weights are not copied";
  HostTensor part = evaluate(func, *sliced)->at(0);
  expectNear(valuesOf(part), valuesOf(*full.gatherRows(sample)), 0.0);
}

TEST_F(Sampling, ResultsGroupedByExpertCannotBeSampled) {
  EXPECT_FALSE(tokensAreIndependent(parse(R"(
  func.func @f(%ids: tensor<?x2xi32>, %x: tensor<?x8xbf16>) -> tensor<?x8xbf16> {
    %rows, %routes, %offsets = moe.permute %ids, %x experts(4)
        : (tensor<?x2xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    return %rows : tensor<?x8xbf16>
  })")));
}

TEST_F(Sampling, GivenGroupedRowsCannotBeSampled) {
  EXPECT_FALSE(tokensAreIndependent(parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %w: tensor<?x1xf32>, %routes: tensor<?xi32>)
      -> tensor<?x8xbf16> {
    %y = moe.combine %rows, %w, %routes
        : (tensor<?x8xbf16>, tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x8xbf16>
    return %y : tensor<?x8xbf16>
  })")));
}

TEST_F(Sampling, TokenCountNeedsOneAnswer) {
  mlir::func::FuncOp func = parse(kBlock);
  EXPECT_EQ(
      tokenCount(func, {randomTensor(DType::BF16, {5, 8}, 1), randomTensor(DType::F32, {4, 4}, 2),
                        randomTensor(DType::BF16, {4, 6, 8}, 3)}),
      std::nullopt);
}

} // namespace
