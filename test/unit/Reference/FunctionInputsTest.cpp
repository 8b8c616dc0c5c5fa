// Names, shapes and roles that are read off functions.

#include "compiler/Inputs/FunctionInputs.h"
#include "test/unit/Reference/Fixture.h"

using namespace moec;
using namespace moec::test;

namespace {

class FunctionInputs : public ReferenceTest {};

TEST_F(FunctionInputs, RolesOfAWholeBlock) {
  auto specs = inputSpecsOf(parse(R"(
  func.func @f(%x: tensor<?x8xf32> {moe.name = "hidden"}, %l: tensor<?x4xf32>,
               %w: tensor<4x6x8xf32> {moe.name = "up"}, %d: tensor<4x6x8xf32>,
               %b: tensor<4x6xf32>) -> tensor<?x8xf32> {
    %weights, %ids = moe.route %l top_k(2) score(softmax) order(score_then_select)
        : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %routes, %offsets = moe.permute %ids experts(4)
        : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)
    %h = moe.grouped_matmul %x, %offsets, %w bias(%b) gather(%routes) top_k(2)
        : (tensor<?x8xf32>, tensor<5xi32>, tensor<4x6x8xf32>, tensor<4x6xf32>, tensor<?xi32>)
        -> tensor<?x6xf32>
    %y = moe.grouped_matmul %h, %offsets, %d combine(%weights, %routes) transposed
        : (tensor<?x6xf32>, tensor<5xi32>, tensor<4x6x8xf32>, tensor<?x2xf32>, tensor<?xi32>)
        -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  ASSERT_EQ(specs->size(), 5u);
  EXPECT_EQ((*specs)[0].name, "hidden");
  EXPECT_EQ((*specs)[0].role, InputRole::Data);
  EXPECT_EQ((*specs)[0].shape, (std::vector<int64_t>{kTokensDim, 8}));
  EXPECT_EQ((*specs)[0].rowsPerToken, 1);
  EXPECT_EQ((*specs)[1].name, "arg1");
  EXPECT_EQ((*specs)[1].role, InputRole::RouterLogits);
  EXPECT_EQ((*specs)[1].topK, 2);
  EXPECT_EQ((*specs)[2].role, InputRole::Weight);
  EXPECT_EQ((*specs)[2].fanIn, 8);
  EXPECT_EQ((*specs)[3].fanIn, 6) << "transposed weights sum over their middle axis";
  EXPECT_EQ((*specs)[4].role, InputRole::Bias);
}

TEST_F(FunctionInputs, RolesOfParts) {
  auto specs = inputSpecsOf(parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %w: tensor<?x2xf32>, %routes: tensor<?xi32>)
      -> tensor<?x8xbf16> {
    %y = moe.combine %rows, %w, %routes
        : (tensor<?x8xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x8xbf16>
    return %y : tensor<?x8xbf16>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs));
  EXPECT_EQ((*specs)[0].rowsPerToken, 2);
  EXPECT_EQ((*specs)[1].role, InputRole::RoutingWeights);
  EXPECT_EQ((*specs)[1].rowsPerToken, 1);
  EXPECT_EQ((*specs)[2].role, InputRole::Routes);
  EXPECT_EQ((*specs)[2].rowsPerToken, 2);

  specs = inputSpecsOf(parse(R"(
  func.func @f(%ids: tensor<?x2xi32>) -> tensor<?xi32> {
    %routes, %offsets = moe.permute %ids experts(4)
        : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)
    return %routes : tensor<?xi32>
  })"));
  EXPECT_EQ((*specs)[0].role, InputRole::ExpertIds);
  EXPECT_EQ((*specs)[0].numExperts, 4);

  specs = inputSpecsOf(parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x6x8xbf16>)
      -> tensor<?x6xbf16> {
    %y = moe.grouped_matmul %rows, %offsets, %w
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<4x6x8xbf16>) -> tensor<?x6xbf16>
    return %y : tensor<?x6xbf16>
  })"));
  EXPECT_EQ((*specs)[1].role, InputRole::Offsets);
  EXPECT_EQ((*specs)[1].rowsPerToken, 1);
}

TEST_F(FunctionInputs, RolesOfPaddingAndOfWhatIsPermuted) {
  auto specs = inputSpecsOf(parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %o: tensor<5xi32>, %p: tensor<?x8xbf16>, %po: tensor<5xi32>,
               %uo: tensor<5xi32>, %routes: tensor<?xi32>, %ids: tensor<?x2xi32>,
               %x: tensor<?x8xbf16>, %b: tensor<4xui8>)
      -> (tensor<?x8xbf16>, tensor<?x8xbf16>) {
    %q, %qo = moe.pad %rows, %o multiple(8)
        : (tensor<?x8xbf16>, tensor<5xi32>) -> (tensor<?x8xbf16>, tensor<5xi32>)
    %u = moe.unpad %p, %po, %uo, %routes
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<5xi32>, tensor<?xi32>) -> tensor<?x8xbf16>
    %r, %s, %t = moe.permute %ids, %x experts(4)
        : (tensor<?x2xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    return %u, %r : tensor<?x8xbf16>, tensor<?x8xbf16>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  const InputRole roles[] = {InputRole::Data,      InputRole::Offsets, InputRole::Data,
                             InputRole::Offsets,   InputRole::Offsets, InputRole::Routes,
                             InputRole::ExpertIds, InputRole::Data};
  for (size_t i = 0; i < std::size(roles); ++i)
    EXPECT_EQ((*specs)[i].role, roles[i]) << i;
  EXPECT_EQ((*specs)[8].dtype, DType::U8);
}

TEST_F(FunctionInputs, RowsOfTokensAreKnownFromTheOps) {
  auto specs = inputSpecsOf(parse(R"(
  func.func @f(%x: tensor<6x8xbf16>, %l: tensor<6x4xf32>, %w: tensor<4x8x8xbf16>,
               %offsets: tensor<5xi32>, %routes: tensor<12xi32>, %p: tensor<6x2xf32>,
               %rows: tensor<12x8xbf16>) -> (tensor<12x8xbf16>, tensor<6x8xbf16>) {
    %weights, %ids = moe.route %l top_k(2) score(softmax) order(score_then_select)
        : (tensor<6x4xf32>) -> (tensor<6x2xf32>, tensor<6x2xi32>)
    %h = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
        : (tensor<6x8xbf16>, tensor<5xi32>, tensor<4x8x8xbf16>, tensor<12xi32>) -> tensor<12x8xbf16>
    %y = moe.grouped_matmul %rows, %offsets, %w combine(%p, %routes)
        : (tensor<12x8xbf16>, tensor<5xi32>, tensor<4x8x8xbf16>, tensor<6x2xf32>, tensor<12xi32>)
        -> tensor<6x8xbf16>
    return %h, %y : tensor<12x8xbf16>, tensor<6x8xbf16>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  std::vector<bool> known;
  std::vector<int64_t> rows;
  for (const InputSpec &spec : *specs) {
    known.push_back(spec.hasTokenRows);
    rows.push_back(spec.rowsPerToken);
  }
  EXPECT_EQ(known, (std::vector<bool>{true, true, false, false, true, true, true}));
  EXPECT_EQ(rows[4], 2);
  EXPECT_EQ(rows[5], 1);
  EXPECT_EQ(rows[6], 2);
  EXPECT_TRUE(checkTokens(*specs, 6).isOk());
  EXPECT_FALSE(checkTokens(*specs, 12).isOk());

  // Rows of a product alone may be those of any number of tokens.
  specs = inputSpecsOf(parse(R"(
  func.func @f(%rows: tensor<12x8xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x6x8xbf16>)
      -> tensor<12x6xbf16> {
    %y = moe.grouped_matmul %rows, %offsets, %w
        : (tensor<12x8xbf16>, tensor<5xi32>, tensor<4x6x8xbf16>) -> tensor<12x6xbf16>
    return %y : tensor<12x6xbf16>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  EXPECT_FALSE((*specs)[0].hasTokenRows);
}

TEST_F(FunctionInputs, RowsAreFollowedToTheCombine) {
  // What has k rows a token is told by the combine, through whatever lies between.
  auto specs = inputSpecsOf(parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x8x8xbf16>,
               %other: tensor<?x8xbf16>, %weights: tensor<?x3xf32>, %routes: tensor<?xi32>)
      -> tensor<?x8xbf16> {
    %p, %po = moe.pad %rows, %offsets multiple(8)
        : (tensor<?x8xbf16>, tensor<5xi32>) -> (tensor<?x8xbf16>, tensor<5xi32>)
    %h = moe.grouped_matmul %p, %po, %w
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<4x8x8xbf16>) -> tensor<?x8xbf16>
    %u = moe.unpad %h, %po, %offsets, %routes
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<5xi32>, tensor<?xi32>) -> tensor<?x8xbf16>
    %a = moe.activation %u, %other kind(silu_gate)
        : (tensor<?x8xbf16>, tensor<?x8xbf16>) -> tensor<?x8xbf16>
    %y = moe.combine %a, %weights, %routes
        : (tensor<?x8xbf16>, tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x8xbf16>
    return %y : tensor<?x8xbf16>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  std::vector<int64_t> rows;
  for (const InputSpec &spec : *specs)
    rows.push_back(spec.rowsPerToken);
  EXPECT_EQ(rows, (std::vector<int64_t>{3, 3, 1, 3, 1, 3}));
  EXPECT_EQ((*specs)[1].role, InputRole::Offsets);
  EXPECT_TRUE((*specs)[0].hasTokenRows && (*specs)[3].hasTokenRows);

  // Rows of one permute are the tokens of the next: T is the smallest count.
  mlir::func::FuncOp nested = parse(R"(
  func.func @f(%ids: tensor<?x2xi32>, %x: tensor<?x8xbf16>, %next: tensor<?x3xi32>)
      -> tensor<?x8xbf16> {
    %rows, %routes, %offsets = moe.permute %ids, %x experts(4)
        : (tensor<?x2xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    %y, %r, %o = moe.permute %next, %rows experts(4)
        : (tensor<?x3xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    return %y : tensor<?x8xbf16>
  })");
  specs = inputSpecsOf(nested);
  auto outputs = outputSpecsOf(nested);
  ASSERT_TRUE(mlir::succeeded(specs) && mlir::succeeded(outputs)) << errors;
  EXPECT_EQ((*specs)[0].rowsPerToken, 1);
  EXPECT_EQ((*specs)[2].rowsPerToken, 2);
  EXPECT_EQ((*outputs)[0].rowsPerToken, 6);
}

TEST_F(FunctionInputs, GeneratedPartsCanBeEvaluated) {
  // What is generated for index arguments must be what the ops accept.
  mlir::func::FuncOp func = parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x6x8xbf16>,
               %weights: tensor<?x2xf32>, %routes: tensor<?xi32>) -> tensor<?x6xbf16> {
    %y = moe.grouped_matmul %rows, %offsets, %w combine(%weights, %routes)
        : (tensor<?x8xbf16>, tensor<5xi32>, tensor<4x6x8xbf16>, tensor<?x2xf32>, tensor<?xi32>)
        -> tensor<?x6xbf16>
    return %y : tensor<?x6xbf16>
  })");
  auto specs = inputSpecsOf(func);
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  InputOptions options;
  options.tokens = 9;
  auto arguments = bindInputs(*specs, {}, options);
  ASSERT_TRUE(arguments.isOk()) << arguments.status().message();
  EXPECT_EQ(describe((*arguments)[0]), "bf16[18, 8]");
  EXPECT_EQ((*arguments)[1].at(4), 18.0);
  auto results = evaluate(func, *arguments);
  ASSERT_TRUE(mlir::succeeded(results)) << errors;
  EXPECT_EQ(describe(results->at(0)), "f64[9, 6]");
}

TEST_F(FunctionInputs, Outputs) {
  auto specs = outputSpecsOf(parse(R"(
  func.func @f(%ids: tensor<?x2xi32>, %x: tensor<?x8xbf16>)
      -> (tensor<?x8xbf16> {moe.name = "rows"}, tensor<?xi32>, tensor<5xi32>) {
    %rows, %routes, %offsets = moe.permute %ids, %x experts(4)
        : (tensor<?x2xi32>, tensor<?x8xbf16>) -> (tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>)
    return %rows, %routes, %offsets : tensor<?x8xbf16>, tensor<?xi32>, tensor<5xi32>
  })"));
  ASSERT_TRUE(mlir::succeeded(specs)) << errors;
  EXPECT_EQ((*specs)[0].name, "rows");
  EXPECT_EQ((*specs)[0].rowsPerToken, 2);
  EXPECT_EQ((*specs)[0].dtype, DType::BF16);
  EXPECT_EQ((*specs)[1].name, "result1");
  EXPECT_EQ((*specs)[1].rowsPerToken, 2);
  EXPECT_EQ((*specs)[2].shape, (std::vector<int64_t>{5}));
}

TEST_F(FunctionInputs, PaddedRowsHaveNoMultipleOfT) {
  EXPECT_TRUE(mlir::failed(outputSpecsOf(parse(R"(
  func.func @f(%rows: tensor<?x8xbf16>, %offsets: tensor<5xi32>) -> tensor<?x8xbf16> {
    %p, %o = moe.pad %rows, %offsets multiple(8)
        : (tensor<?x8xbf16>, tensor<5xi32>) -> (tensor<?x8xbf16>, tensor<5xi32>)
    return %p : tensor<?x8xbf16>
  })"))));
  EXPECT_NE(errors.find("expects result 'result0' to have a row count that is a multiple"),
            std::string::npos)
      << errors;
}

TEST_F(FunctionInputs, WhatCannotBeBoundIsAnError) {
  EXPECT_TRUE(mlir::failed(inputSpecsOf(parse("func.func private @f(f32)"))));
  EXPECT_NE(errors.find("expects argument #0 to be a ranked tensor"), std::string::npos) << errors;
  EXPECT_TRUE(mlir::failed(inputSpecsOf(parse("func.func private @f(tensor<4xi1>)"))));
  // The name that a nameless argument goes by may be taken.
  EXPECT_TRUE(mlir::failed(inputSpecsOf(
      parse(R"(func.func private @f(tensor<4xf32>, tensor<4xf32> {moe.name = "arg0"}))"))));
  EXPECT_NE(errors.find("'arg0' again"), std::string::npos) << errors;
}

} // namespace
