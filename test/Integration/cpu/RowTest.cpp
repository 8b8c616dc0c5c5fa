//===- RowTest.cpp - routing, row movement, activations and combine -------===//

#include "test/Integration/cpu/Support.h"

#include <algorithm>
#include <limits>
#include <numeric>

using namespace moec::test;
using moert::HostTensor;

namespace {
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::string routeSource(int experts, int topK, const std::string &order) {
  return substitute("func.func @f(%l: tensor<?xExf32> {moe.name = \"router_logits\"})"
                    " -> (tensor<?xKxf32>, tensor<?xKxi32>) {"
                    " %w, %i = moe.route %l top_k(K) score(softmax) ORDER"
                    " : (tensor<?xExf32>) -> (tensor<?xKxf32>, tensor<?xKxi32>)"
                    " return %w, %i : tensor<?xKxf32>, tensor<?xKxi32> }",
                    {{"ORDER", order},
                     {"xEx", "x" + std::to_string(experts) + "x"},
                     {"xKx", "x" + std::to_string(topK) + "x"},
                     {"(K)", "(" + std::to_string(topK) + ")"}});
}

class RouteTest : public testing::TestWithParam<std::string> {};

TEST_P(RouteTest, RandomLogits) {
  for (auto [experts, topK] : {std::pair{8, 3}, {1, 1}, {5, 5}, {128, 8}, {33, 32}}) {
    Program program(routeSource(experts, topK, GetParam()));
    ASSERT_TRUE(program.isValid());
    for (int64_t tokens : {0, 1, 37})
      program.check(program.makeInputs(tokens), 1e-5);
  }
}

TEST_P(RouteTest, TiesNanAndInfinity) {
  Program program(routeSource(6, 3, GetParam()));
  ASSERT_TRUE(program.isValid());
  std::vector<float> rows{1,          1,          1,
                          1,          1,          1, // ties
                          0.0f,       -0.0f,      0.0f,
                          -0.0f,      0.0f,       -0.0f, // zeros of both signs are equal
                          kNan,       2,          kNan,
                          1,          kNan,       kNan, // fewer numbers than slots
                          kNan,       kNan,       kNan,
                          kNan,       kNan,       kNan, // no number at all
                          -kInfinity, 3,          -kInfinity,
                          -kInfinity, kNan,       3, // -inf ranks above NaN
                          -kNan,      -1,         -2,
                          -3,         -4,         kNan, // NaN of both signs
                          1e-40f,     -1e-40f,    1e30f,
                          -1e30f,     0,          88, // subnormal and large
                          kInfinity,  1,          2,
                          kInfinity,  4,          5, // +inf shares the weight
                          -kInfinity, -kInfinity, -kInfinity,
                          -kInfinity, -kInfinity, -kInfinity};
  program.check({makeF32({9, 6}, rows)}, 1e-5);
}

TEST_P(RouteTest, QuantisedLogitsWithManyTies) {
  Program program(routeSource(32, 8, GetParam()));
  ASSERT_TRUE(program.isValid());
  auto random = generator("ties");
  std::vector<float> logits(64 * 32);
  for (float &logit : logits)
    logit = static_cast<float>(random() % 5) - 2.0f;
  program.check({makeF32({64, 32}, logits)}, 1e-5);
}

std::string orderName(const testing::TestParamInfo<std::string> &info) {
  static const char *const kNames[] = {"ScoreFirst", "Renormalize", "SelectFirst"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(Orders, RouteTest,
                         testing::Values("order(score_then_select)",
                                         "order(score_then_select) renormalize",
                                         "order(select_then_score)"),
                         orderName);

/// Expert ids of which some are outside [0, E).
HostTensor makeIds(int64_t tokens, int64_t topK, int experts, std::string_view name) {
  auto random = generator(name);
  std::vector<int32_t> ids(tokens * topK);
  for (int32_t &id : ids) {
    switch (random() % 8) {
    case 0:
      id = -1;
      break;
    case 1:
      id = std::vector<int32_t>{experts, 1 << 30, -2, std::numeric_limits<int32_t>::min(),
                                std::numeric_limits<int32_t>::max()}[random() % 5];
      break;
    default:
      id = static_cast<int32_t>(random() % experts);
    }
  }
  return makeI32({tokens, topK}, ids);
}

TEST(PermuteTest, MetadataWithIdsOutsideTheRange) {
  Program program(
      "func.func @f(%i: tensor<?x3xi32>) -> (tensor<?xi32>, tensor<6xi32>) {"
      " %r, %o = moe.permute %i experts(5) : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<6xi32>)"
      " return %r, %o : tensor<?xi32>, tensor<6xi32> }");
  for (int64_t tokens : {0, 1, 50})
    program.check({makeIds(tokens, 3, 5, "ids")});
  program.check({makeI32({2, 3}, std::vector<int32_t>(6, -1))});
  program.check({makeI32({4, 3}, std::vector<int32_t>(12, 4))});
}

TEST(PermuteTest, Rows) {
  for (std::string type : {"bf16", "f16", "f32"}) {
    Program program(
        substitute("func.func @f(%i: tensor<?x2xi32> {moe.name = \"ids\"}, %x: tensor<?x24xD>)"
                   " -> (tensor<?x24xD>, tensor<?xi32>, tensor<5xi32>) {"
                   " %y, %r, %o = moe.permute %i, %x experts(4) : (tensor<?x2xi32>, tensor<?x24xD>)"
                   " -> (tensor<?x24xD>, tensor<?xi32>, tensor<5xi32>)"
                   " return %y, %r, %o : tensor<?x24xD>, tensor<?xi32>, tensor<5xi32> }",
                   {{"xD", "x" + type}}));
    for (int64_t tokens : {0, 1, 33})
      program.check(program.makeInputs(tokens, {{"ids", makeIds(tokens, 2, 4, "rows")}}));
  }
}

TEST(PaddingTest, PadAndUnpad) {
  for (int multiple : {1, 3, 8}) {
    Program pad(
        substitute("func.func @f(%x: tensor<?x8xbf16>, %o: tensor<6xi32> {moe.name = \"o\"})"
                   " -> (tensor<?x8xbf16>, tensor<6xi32>) {"
                   " %p, %po = moe.pad %x, %o multiple(M) : (tensor<?x8xbf16>, tensor<6xi32>)"
                   " -> (tensor<?x8xbf16>, tensor<6xi32>)"
                   " return %p, %po : tensor<?x8xbf16>, tensor<6xi32> }",
                   {{"(M)", "(" + std::to_string(multiple) + ")"}}));
    Program both(substitute(
        "func.func @f(%x: tensor<?x8xbf16>, %o: tensor<6xi32> {moe.name = \"o\"},"
        " %r: tensor<?xi32> {moe.name = \"r\"}) -> tensor<?x8xbf16> {"
        " %p, %po = moe.pad %x, %o multiple(M) : (tensor<?x8xbf16>, tensor<6xi32>)"
        " -> (tensor<?x8xbf16>, tensor<6xi32>)"
        " %y = moe.unpad %p, %po, %o, %r : (tensor<?x8xbf16>, tensor<6xi32>, tensor<6xi32>,"
        " tensor<?xi32>) -> tensor<?x8xbf16>"
        " return %y : tensor<?x8xbf16> }",
        {{"(M)", "(" + std::to_string(multiple) + ")"}}));
    ASSERT_TRUE(pad.isValid() && both.isValid());
    // 20 rows: all in groups, some behind the last group, all in one, none.
    for (const std::vector<int32_t> &sizes : std::vector<std::vector<int32_t>>{
             {3, 0, 8, 9, 0}, {1, 1, 1, 1, 1}, {0, 0, 20, 0, 0}, {0, 0, 0, 0, 0}}) {
      HostTensor offsets = makeOffsets(sizes);
      pad.check(pad.makeInputs(20, {{"o", offsets}}));
      both.check(both.makeInputs(
          20, {{"o", offsets}, {"r", makeI32({20}, std::vector<int32_t>(20, -1))}}));
    }
    HostTensor none = makeOffsets({0, 0, 0, 0, 0});
    pad.check(pad.makeInputs(0, {{"o", none}}));
    both.check(both.makeInputs(0, {{"o", none}}));
  }
}

TEST(CombineTest, RowsInAnyOrderAndMissingSlots) {
  for (std::string type : {"bf16", "f16", "f32"}) {
    Program program(
        substitute("func.func @f(%x: tensor<?x40xD>, %w: tensor<?x3xf32>, %r: tensor<?xi32> "
                   "{moe.name = \"r\"})"
                   " -> tensor<?x40xD> {"
                   " %y = moe.combine %x, %w, %r : (tensor<?x40xD>, tensor<?x3xf32>, tensor<?xi32>)"
                   " -> tensor<?x40xD> return %y : tensor<?x40xD> }",
                   {{"xD", "x" + type}}));
    ASSERT_TRUE(program.isValid());
    auto random = generator("routes");
    for (int64_t tokens : {0, 1, 21}) {
      std::vector<int32_t> routes(tokens * 3);
      std::iota(routes.begin(), routes.end(), 0);
      std::shuffle(routes.begin(), routes.end(), random);
      // The last third of the rows belongs to no slot.
      std::fill(routes.begin() + tokens * 2, routes.end(), -1);
      std::uniform_real_distribution<float> uniform(-1, 1);
      std::vector<float> weights(tokens * 3), rows(tokens * 3 * 40);
      for (auto *values : {&weights, &rows})
        for (float &value : *values)
          value = uniform(random);
      HostTensor x = *HostTensor::allocate(*moert::parseDType(type), {tokens * 3, 40});
      for (int64_t i = 0; i < x.numElements(); ++i)
        x.set(i, rows[i]);
      program.check({x, makeF32({tokens, 3}, weights), makeI32({tokens * 3}, routes)});
    }
  }
}

std::string activationSource(const std::string &inputs, const std::string &form,
                             const std::string &type) {
  bool two = inputs == "two";
  std::string width = inputs == "layout" ? "48" : "24";
  return substitute("func.func @f(%a: tensor<?xWxD>, %b: tensor<?xWxD>) -> tensor<?x24xD> {"
                    " %y = moe.activation %INPUTS FORM : (TYPES) -> tensor<?x24xD>"
                    " return %y : tensor<?x24xD> }",
                    {{"%INPUTS", two ? "%a, %b" : "%a"},
                     {"FORM", form},
                     {"TYPES", two ? "tensor<?xWxD>, tensor<?xWxD>" : "tensor<?xWxD>"},
                     {"xWx", "x" + width + "x"},
                     {"xD", "x" + type}});
}

TEST(ActivationTest, EveryKindAndForm) {
  std::vector<std::pair<std::string, std::string>> forms;
  for (std::string kind :
       {"silu_gate", "gelu_gate", "gelu_tanh_gate", "relu_gate", "gpt_oss_swiglu"})
    forms.emplace_back("two", "kind(" + kind + ")");
  for (std::string kind : {"silu", "gelu", "gelu_tanh", "relu", "relu2"})
    forms.emplace_back("one", "kind(" + kind + ")");
  for (std::string layout : {"halves, gate_first", "halves, up_first", "interleaved, gate_first",
                             "interleaved, up_first"})
    forms.emplace_back("layout", "kind(silu_gate) layout<" + layout + ">");
  forms.emplace_back("two",
                     "body { ^bb0(%g: f32, %u: f32): %t = math.tanh %g : f32 %s = math.sin %u : f32"
                     " %c = arith.cmpf ogt, %t, %s : f32 %m = arith.select %c, %t, %s : f32"
                     " %q = math.absf %m : f32 %l = math.log1p %q : f32 moe.yield %l : f32 }");
  forms.emplace_back("one", "body { ^bb0(%g: f32): %e = math.erf %g : f32 moe.yield %e : f32 }");
  for (std::string type : {"bf16", "f16", "f32"})
    for (const auto &[inputs, form] : forms) {
      SCOPED_TRACE(type + " " + inputs + " " + form);
      Program program(activationSource(inputs, form, type));
      ASSERT_TRUE(program.isValid());
      for (int64_t rows : {0, 1, 29})
        program.check(program.makeInputs(rows));
    }
}

std::string bodySource(const std::string &body) {
  return activationSource("two", "body { ^bb0(%x: f32, %y: f32): " + body + " }", "f32");
}

// One value a row: the check is relative to the size of the row.
TEST(ActivationTest, FunctionsNearZero) {
  std::vector<float> values;
  for (float value : {1e-4f, -1e-7f, 3e-9f, -1e-12f, 1e-30f})
    values.insert(values.end(), 24, value);
  HostTensor x = makeF32({5, 24}, values);
  for (std::string function : {"expm1", "log1p"}) {
    SCOPED_TRACE(function);
    Program narrow(bodySource("%r = math." + function + " %x : f32 moe.yield %r : f32"));
    ASSERT_TRUE(narrow.isValid());
    narrow.check({x, x});
    Program wide(bodySource("%w = arith.extf %x : f32 to f64 %r = math." + function +
                            " %w : f64 %n = arith.truncf %r : f64 to f32 moe.yield %n : f32"));
    ASSERT_TRUE(wide.isValid());
    wide.check({x, x});
  }
}

// Where Phi is small, 1 + erf has no digits left.
TEST(ActivationTest, GeluOfNegativeValues) {
  std::vector<float> values;
  for (float value : {-3.0f, -5.0f, -7.5f, -11.0f})
    values.insert(values.end(), 24, value);
  Program program(activationSource("one", "kind(gelu)", "f32"));
  ASSERT_TRUE(program.isValid());
  HostTensor x = makeF32({4, 24}, values);
  program.check({x, x}, 5e-5);
}

TEST(ActivationTest, ClassesAndClamp) {
  std::vector<float> values{0.0f,  -0.0f, 1.5f, -1.5f, 3e38f, kInfinity, -kInfinity, kNan,
                            -3.0f, 3.0f,  7.0f, -7.0f, 2.0f,  -2.0f,     0.25f,      1e-40f};
  values.resize(24, 1.0f);
  HostTensor x = makeF32({1, 24}, values);
  std::reverse(values.begin(), values.end());
  HostTensor y = makeF32({1, 24}, values);
  for (std::string test : {"isnan", "isinf", "isfinite"}) {
    SCOPED_TRACE(test);
    Program program(bodySource("%c = math." + test + " %x : f32 %one = arith.constant 1.0 : f32"
                               " %two = arith.constant 2.0 : f32"
                               " %r = arith.select %c, %one, %two : f32 moe.yield %r : f32"));
    ASSERT_TRUE(program.isValid());
    program.check({x, y});
  }
  Program clamp(bodySource("%low = arith.constant -2.0 : f32 %high = arith.constant 3.0 : f32"
                           " %c = math.clampf %x to [%low, %high] : f32"
                           " %d = math.clampf %x to [%low, %y] : f32"
                           " %r = arith.addf %c, %d : f32 moe.yield %r : f32"));
  ASSERT_TRUE(clamp.isValid());
  clamp.check({x, y});
}

TEST(ActivationTest, ExtremeValues) {
  std::vector<float> values{0.0f,  -0.0f, 1e-40f, -1e-40f, 1e30f,  -1e30f,  kInfinity, -kInfinity,
                            kNan,  100,   -100,   88.5f,   -88.5f, -104.0f, 0.5f,      -0.5f,
                            1e-5f, -7.5f, 7.5f,   3.25f,   -3.25f, 20.0f,   -20.0f,    1.0f};
  std::vector<float> ones(24, 1.0f);
  for (std::string kind :
       {"silu_gate", "gelu_gate", "gelu_tanh_gate", "relu_gate", "gpt_oss_swiglu"}) {
    SCOPED_TRACE(kind);
    Program program(activationSource("two", "kind(" + kind + ")", "f32"));
    program.check({makeF32({1, 24}, values), makeF32({1, 24}, ones)}, 1e-4);
    program.check({makeF32({1, 24}, ones), makeF32({1, 24}, values)}, 1e-4);
  }
}
} // namespace
