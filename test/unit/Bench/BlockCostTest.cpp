#include "compiler/Bench/BlockCost.h"
#include "compiler/Engine/Subject.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace moec;
using moert::DType;
using moert::HostTensor;

namespace {

TEST(BlockCostTest, OfOneProductCountsItsOwnRowsAndWeights) {
  BlockCost block;
  block.topK = 2;
  block.experts = 4;
  block.logitsArgument = 1;
  schedule::MatmulProblem gate{
      .experts = 4, .columns = 6, .reduction = 8, .gated = true, .gathered = true};
  BlockCost cost = costOf(gate, block);
  EXPECT_EQ(cost.topK, 2);
  EXPECT_EQ(cost.logitsArgument, 1u);
  EXPECT_DOUBLE_EQ(cost.flops(10), 2.0 * 10 * 2 * 6 * 8 * 2);
  // Three experts' gate and up, ten gathered rows, twenty results.
  EXPECT_DOUBLE_EQ(cost.bytes(10, 3), 3.0 * 6 * 8 * 2 * 2 + 10 * 8 * 2 + 20 * 6 * 2);

  schedule::MatmulProblem down{.experts = 4, .columns = 8, .reduction = 6, .outputBytes = 4};
  cost = costOf(down, block);
  EXPECT_DOUBLE_EQ(cost.flops(10), 2.0 * 20 * 8 * 6);
  EXPECT_DOUBLE_EQ(cost.bytes(10, 4), 4.0 * 8 * 6 * 2 + 20 * (6 * 2 + 8 * 4));

  // Gate and up whose activation comes later: both results are written.
  gate.twoOutputs = true;
  EXPECT_DOUBLE_EQ(costOf(gate, block).bytes(10, 3),
                   3.0 * 6 * 8 * 2 * 2 + 10 * 8 * 2 + 20 * 6 * 2 * 2);
}

TEST(BlockCostTest, OfABlockCountsWhatItsProductsReadAndWrite) {
  // 128 experts of gate and up 2048 by 768 each and down 768 by 2048, eight a token.
  auto subject = loadIr(MOEC_EXAMPLES "/qwen3-30b-a3b.mlir", llvm::errs());
  ASSERT_TRUE(subject.isOk()) << subject.status().message();
  auto cost = costOf(*subject->block);
  ASSERT_TRUE(cost.isOk()) << cost.status().message();
  EXPECT_EQ(cost->experts, 128);
  EXPECT_EQ(cost->topK, 8);
  EXPECT_EQ(cost->logitsArgument, 1u);
  EXPECT_DOUBLE_EQ(cost->flops(10), 2.0 * 80 * 3 * 768 * 2048);
  // Weights of three experts; ten tokens in and out; activated rows once written and once read.
  EXPECT_DOUBLE_EQ(cost->bytes(10, 3),
                   3.0 * 3 * 768 * 2048 * 2 + 10 * 2 * 2048 * 2 + 80 * 2 * 768 * 2);
  EXPECT_DOUBLE_EQ(cost->floor(10, 3, {}), 1e6 * cost->bytes(10, 3) / Peaks().bytes);
  EXPECT_DOUBLE_EQ(cost->floor(1 << 20, 3, {}), 1e6 * cost->flops(1 << 20) / Peaks().flops);
}

TEST(BlockCostTest, CeilingsFollowTheDevice) {
  EXPECT_DOUBLE_EQ(knownPeaks("NVIDIA H100 80GB HBM3").bytes, 3.07e12);
  EXPECT_DOUBLE_EQ(knownPeaks("NVIDIA H200").bytes, 4.6e12);
  EXPECT_DOUBLE_EQ(knownPeaks("cpu").bytes, 4.6e12);
}

TEST(BlockCostTest, CountsTheRowsOfEachExpert) {
  HostTensor logits = *HostTensor::allocate(DType::F32, {3, 4});
  double values[] = {1, 2, 3, 4, 9, 8, 0, 0, NAN, 1, NAN, 1};
  for (int64_t i = 0; i < 12; ++i)
    logits.set(i, values[i]);
  EXPECT_EQ(countRows(logits, 2), (std::vector<int64_t>{1, 2, 1, 2}));
  EXPECT_EQ(countTouchedExperts(logits, 1), 3);
}

} // namespace
