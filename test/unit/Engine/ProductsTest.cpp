#include "compiler/Engine/Products.h"

#include "compiler/Engine/Subject.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

schedule::BlockProblem problem(const MoeBlock &block, CombineMode combine) {
  auto problem = problemOf(block, {}, combine);
  EXPECT_TRUE(problem.isOk()) << problem.status().message();
  return *std::move(problem);
}

TEST(ProductsTest, WhatASearchEstimatesTimesFrom) {
  auto tiny = loadIr(MOEC_EXAMPLES "/tiny.mlir", llvm::errs());
  ASSERT_TRUE(tiny.isOk()) << tiny.status().message();
  schedule::BlockProblem whole = problem(*tiny->block, CombineMode::Ordered);
  EXPECT_TRUE(whole.routes);
  EXPECT_EQ(whole.experts, 8);
  EXPECT_EQ(whole.rowsPerToken, 2);
  ASSERT_EQ(whole.matmuls.size(), 2u);
  EXPECT_EQ(whole.matmuls[1].outputBytes, 2);
  schedule::BlockProblem sums = problem(*tiny->block, CombineMode::Accumulate);
  ASSERT_EQ(sums.matmuls.size(), 2u);
  EXPECT_EQ(sums.matmuls[0].outputBytes, 2);
  EXPECT_EQ(sums.matmuls[1].outputBytes, 4) << "f32 sums";
}

TEST(ProductsTest, AChoiceOfTheHostIsNoRoute) {
  auto block = MoeBlock::parse(R"(
func.func @b(%hidden: tensor<?x64xbf16>, %experts: tensor<?x2xi32>,
             %weight: tensor<8x32x64xbf16>) -> tensor<?x32xbf16> {
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  %out = moe.grouped_matmul %rows, %offsets, %weight
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x32x64xbf16>) -> tensor<?x32xbf16>
  return %out : tensor<?x32xbf16>
})",
                               "block.mlir", llvm::errs());
  ASSERT_TRUE(block.isOk()) << block.status().message();
  schedule::BlockProblem rows = problem(*block, CombineMode::Ordered);
  EXPECT_FALSE(rows.routes);
  EXPECT_EQ(rows.matmuls.size(), 1u);
}

} // namespace
