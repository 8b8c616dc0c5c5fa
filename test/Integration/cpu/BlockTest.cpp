//===- BlockTest.cpp - whole blocks, unfused and fused --------------------===//

#include "test/Integration/cpu/Support.h"

#include <cstring>

#include <malloc.h>

using namespace moec::test;
using moert::HostTensor;

namespace {
const std::string kBlock = R"mlir(
func.func @moe_block(%hidden: tensor<?x64xD> {moe.name = "hidden"},
    %logits: tensor<?x8xf32> {moe.name = "router_logits"},
    %gate_up: tensor<8x96x64xD> {moe.name = "gate_up"}, %down: tensor<8x64x48xD> {moe.name = "down"})
    -> (tensor<?x64xD> {moe.name = "output"}) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) ORDER
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8)
    : (tensor<?x2xi32>, tensor<?x64xD>) -> (tensor<?x64xD>, tensor<?xi32>, tensor<9xi32>)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x64xD>, tensor<9xi32>) -> (tensor<?x64xD>, tensor<9xi32>)
  %gu = moe.grouped_matmul %prows, %poffsets, %gate_up
    : (tensor<?x64xD>, tensor<9xi32>, tensor<8x96x64xD>) -> tensor<?x96xD>
  %h = moe.activation %gu kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x96xD>) -> tensor<?x48xD>
  %d = moe.grouped_matmul %h, %poffsets, %down
    : (tensor<?x48xD>, tensor<9xi32>, tensor<8x64x48xD>) -> tensor<?x64xD>
  %drows = moe.unpad %d, %poffsets, %offsets, %routes
    : (tensor<?x64xD>, tensor<9xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x64xD>
  %y = moe.combine %drows, %weights, %routes
    : (tensor<?x64xD>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xD>
  return %y : tensor<?x64xD>
})mlir";

struct Variant {
  std::string type;
  std::string order;
  bool fuse;
};

class BlockTest : public testing::TestWithParam<Variant> {
protected:
  static std::string source(const Variant &variant) {
    return substitute(kBlock, {{"xD>", "x" + variant.type + ">"}, {"ORDER", variant.order}});
  }
};

TEST_P(BlockTest, AgreesWithTheEvaluator) {
  Program program(source(GetParam()), GetParam().fuse);
  ASSERT_TRUE(program.isValid());
  for (std::string routing : {"uniform", "zipf:1.2", "one-expert"})
    for (int64_t tokens : {0, 1, 3, 16, 64, 257}) {
      SCOPED_TRACE(routing + " T " + std::to_string(tokens));
      program.check(program.makeInputs(tokens, {}, *moec::parseRouting(routing)));
    }
}

TEST_P(BlockTest, NanLogits) {
  Program program(source(GetParam()), GetParam().fuse);
  ASSERT_TRUE(program.isValid());
  std::vector<HostTensor> inputs = program.makeInputs(5);
  for (int64_t e = 0; e < 8; ++e) {
    inputs[1].set(1 * 8 + e, e == 6 ? 1.0 : std::numeric_limits<double>::quiet_NaN());
    inputs[1].set(3 * 8 + e, std::numeric_limits<double>::quiet_NaN());
  }
  program.check(inputs);
}

std::vector<Variant> variants() {
  std::vector<Variant> all;
  for (std::string type : {"bf16", "f16", "f32"})
    for (std::string order : {"order(score_then_select) renormalize", "order(select_then_score)"})
      for (bool fuse : {false, true})
        all.push_back({type, order, fuse});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Variants, BlockTest, testing::ValuesIn(variants()), [](const auto &info) {
  return info.param.type + (info.param.order.size() > 30 ? "_score_first" : "_select_first") +
         (info.param.fuse ? "_fused" : "_unfused");
});

// The register tiles of machines with AVX2 and with SSE, and one that divides nothing.
TEST(BlockRunTest, TilesOfOtherMachines) {
  for (moec::cpu::RegisterTile tile : {moec::cpu::RegisterTile{3, 4, 8}, {3, 4, 4}, {5, 7, 16}}) {
    SCOPED_TRACE(tile.lanes);
    moec::cpu::CpuOptions options;
    options.tile = tile;
    Program program(substitute(kBlock, {{"xD>", "xbf16>"}, {"ORDER", "order(select_then_score)"}}),
                    true, options);
    ASSERT_TRUE(program.isValid());
    for (int64_t tokens : {1, 50})
      program.check(program.makeInputs(tokens));
  }
}

TEST(BlockRunTest, SameBitsEachTime) {
  Program program(substitute(kBlock, {{"xD>", "xbf16>"}, {"ORDER", "order(select_then_score)"}}),
                  true);
  ASSERT_TRUE(program.isValid());
  std::vector<HostTensor> inputs = program.makeInputs(77);
  auto first = program.run(inputs);
  for (int i = 0; i < 10; ++i) {
    auto again = program.run(inputs);
    EXPECT_EQ(0, std::memcmp(first[0].data(), again[0].data(), first[0].byteSize()));
  }
}

TEST(BlockRunTest, InputsAreNotChanged) {
  Program program(
      "func.func @f(%i: tensor<?x2xi32>, %x: tensor<?x8xf32>) -> (tensor<?xi32>, tensor<5xi32>,"
      " tensor<?x8xf32>) { %r, %o = moe.permute %i experts(4) : (tensor<?x2xi32>) ->"
      " (tensor<?xi32>, tensor<5xi32>) return %r, %o, %x : tensor<?xi32>, tensor<5xi32>, "
      "tensor<?x8xf32> }");
  ASSERT_TRUE(program.isValid());
  std::vector<HostTensor> inputs = program.makeInputs(9);
  HostTensor ids =
      makeI32({9, 2}, {inputs[0].as<int32_t>().begin(), inputs[0].as<int32_t>().end()});
  program.check(inputs);
  EXPECT_EQ(0, std::memcmp(ids.data(), inputs[0].data(), ids.byteSize()));
}

TEST(BlockRunTest, BuffersAreFreed) {
  Program program(substitute(kBlock, {{"xD>", "xf32>"}, {"ORDER", "order(select_then_score)"}}),
                  true);
  ASSERT_TRUE(program.isValid());
  std::vector<HostTensor> inputs = program.makeInputs(2000);
  auto results = program.run(inputs);
  auto inUse = [] {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  size_t before = inUse();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE((*program).runInto(inputs, results).isOk());
  // One run's rows between the products alone are 4000 * 64 * 4 bytes.
  EXPECT_LT(inUse(), before + 500'000);
}
} // namespace
