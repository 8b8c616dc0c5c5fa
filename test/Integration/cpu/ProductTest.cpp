//===- ProductTest.cpp - moe.grouped_matmul in all its forms --------------===//

#include "test/Integration/cpu/Support.h"

#include <algorithm>
#include <numeric>

using namespace moec::test;
using moert::HostTensor;

namespace {
/// Group sizes of 5 experts, each adding up to at most `rows`: ragged with empty experts, one that
/// has everything (more rows than a block), rows behind the last group, nothing.
std::vector<std::vector<int32_t>> groupSizes(int32_t rows) {
  auto random = generator("groups");
  std::vector<int32_t> ragged(5, 0);
  for (int32_t i = 0; i < rows; ++i)
    ++ragged[random() % 3 * 2];
  return {ragged, {0, rows, 0, 0, 0}, {rows / 4, 0, rows / 3, rows > 2, 0}, {0, 0, 0, 0, 0}};
}

struct Form {
  std::string name;
  std::string arguments; ///< beyond %x, %o
  std::string operands;  ///< of the op beyond %x, %o
  std::string clauses;
  std::string types; ///< of `operands`
  std::string results = "tensor<?xNxD>";
  bool gather = false;
  bool combine = false;
};

const std::string kPlainEpilogue =
    " epilogue { ^bb0(%a: f32): %t = math.tanh %a : f32 moe.yield %t : f32 }";
const std::string kGateEpilogue =
    " epilogue { ^bb0(%g: f32, %u: f32): %n = arith.negf %g : f32 %e = math.exp %n : f32"
    " %one = arith.constant 1.0 : f32 %d = arith.addf %e, %one : f32 %s = arith.divf %g, %d : f32"
    " %y = arith.mulf %s, %u : f32 moe.yield %y : f32 }";

std::vector<Form> allForms() {
  const std::string w = "%w: tensor<5xNxKxD>", wType = "tensor<5xNxKxD>";
  const std::string v = "%v: tensor<5xNxKxD>";
  const std::string both = "%w: tensor<5xBxKxD>", bothType = "tensor<5xBxKxD>";
  const std::string bias = "%b: tensor<5xNxD>", biasType = "tensor<5xNxD>";
  std::vector<Form> forms{
      {"plain", w, "%w", "", wType},
      {"bias", w + ", " + bias, "%w", "bias(%b)", wType + ", " + biasType},
      {"transposed", "%w: tensor<5xKxNxD>", "%w", "transposed", "tensor<5xKxNxD>"},
      {"epilogue", w, "%w", kPlainEpilogue, wType},
      {"two_results", w + ", " + v, "%w, %v", "", wType + ", " + wType,
       "(tensor<?xNxD>, tensor<?xNxD>)"},
      {"gate_up", w + ", " + v, "%w, %v", kGateEpilogue, wType + ", " + wType},
      {"gate_up_bias", w + ", " + v + ", " + bias + ", %c: tensor<5xNxD>", "%w, %v",
       "bias(%b, %c)" + kGateEpilogue, wType + ", " + wType + ", " + biasType + ", " + biasType},
      {"gate_up_transposed", "%w: tensor<5xKxNxD>, %v: tensor<5xKxNxD>", "%w, %v",
       "transposed" + kGateEpilogue, "tensor<5xKxNxD>, tensor<5xKxNxD>"},
      {"layout_bias", both + ", %b: tensor<5xBxD>", "%w",
       "bias(%b) layout<interleaved, gate_first>" + kGateEpilogue, bothType + ", tensor<5xBxD>"},
      {"layout_transposed", "%w: tensor<5xKxBxD>", "%w",
       "transposed layout<halves, up_first>" + kGateEpilogue, "tensor<5xKxBxD>"},
  };
  for (std::string layout : {"halves, gate_first", "halves, up_first", "interleaved, gate_first",
                             "interleaved, up_first"})
    forms.push_back(
        {"layout_" + layout, both, "%w", "layout<" + layout + ">" + kGateEpilogue, bothType});
  forms.push_back({"gather", w + ", %r: tensor<?xi32> {moe.name = \"r\"}", "%w",
                   "gather(%r) top_k(3)", wType + ", tensor<?xi32>", "tensor<?xNxD>", true});
  forms.push_back({"combine", w + ", %p: tensor<?x3xf32>, %r: tensor<?xi32> {moe.name = \"r\"}",
                   "%w", "combine(%p, %r)", wType + ", tensor<?x3xf32>, tensor<?xi32>",
                   "tensor<?xNxD>", false, true});
  forms.push_back(
      {"everything",
       both + ", %b: tensor<5xBxD>, %p: tensor<?x3xf32>, %r: tensor<?xi32> {moe.name = \"r\"}",
       "%w",
       "bias(%b) gather(%r) top_k(3) combine(%p, %r) layout<interleaved, up_first>" + kGateEpilogue,
       bothType + ", tensor<5xBxD>, tensor<?xi32>, tensor<?x3xf32>, tensor<?xi32>", "tensor<?xNxD>",
       true, true});
  return forms;
}

std::string productSource(const Form &form, int64_t n, int64_t k, const std::string &type) {
  bool two = form.results.front() == '(';
  return substitute("func.func @f(%x: tensor<?xKxD> {moe.name = \"x\"}, %o: tensor<6xi32> "
                    "{moe.name = \"o\"}, ARGUMENTS)"
                    " -> RESULTS { %y:COUNT = moe.grouped_matmul %x, %o, OPERANDS CLAUSES"
                    " : (tensor<?xKxD>, tensor<6xi32>, TYPES) -> RESULTS return YIELD : BARE }",
                    {{"ARGUMENTS", form.arguments},
                     {"OPERANDS", form.operands},
                     {"CLAUSES", form.clauses},
                     {"TYPES", form.types},
                     {"RESULTS", form.results},
                     {"COUNT", two ? "2" : "1"},
                     {"YIELD", two ? "%y#0, %y#1" : "%y#0"},
                     {"BARE", two ? "tensor<?xNxD>, tensor<?xNxD>" : "tensor<?xNxD>"},
                     {"xNx", "x" + std::to_string(n) + "x"},
                     {"xBx", "x" + std::to_string(2 * n) + "x"},
                     {"xKx", "x" + std::to_string(k) + "x"},
                     {"xD>", "x" + type + ">"}});
}

/// Puts -1, 0 or 1 into every float element of `inputs`, so that sums are exact in any order.
void setToSigns(std::vector<HostTensor> &inputs) {
  auto random = generator("signs");
  for (HostTensor &input : inputs)
    if (input.dtype() != moert::DType::I32)
      for (int64_t i = 0; i < input.numElements(); ++i)
        input.set(i, static_cast<double>(random() % 3) - 1.0);
}

/// With `signs` the float inputs are those of setToSigns(), else what makeInputs() draws.
void checkForm(const Form &form, int64_t n, int64_t k, const std::string &type, int32_t rows,
               bool signs = false) {
  SCOPED_TRACE(form.name + " N " + std::to_string(n) + " K " + std::to_string(k) + " " + type);
  Program program(productSource(form, n, k, type));
  ASSERT_TRUE(program.isValid());
  for (const std::vector<int32_t> &sizes : groupSizes(rows)) {
    // 3 slots a token; rows behind the last group have no route.
    std::vector<int32_t> routes(rows);
    std::iota(routes.begin(), routes.end(), 0);
    auto random = generator(form.name);
    std::shuffle(routes.begin(), routes.end(), random);
    std::fill(routes.begin() + std::accumulate(sizes.begin(), sizes.end(), 0), routes.end(), -1);
    int64_t tokens = rows / 3;
    moert::NamedTensors given{{"o", makeOffsets(sizes)}};
    if (form.gather || form.combine)
      given.emplace("r", makeI32({rows}, routes));
    // Without gather and combine every dynamic dimension is the number of rows.
    bool byRow = !form.gather && !form.combine;
    if (form.combine && !form.gather) {
      HostTensor x = *HostTensor::allocate(*moert::parseDType(type), {rows, k});
      std::normal_distribution<double> normal;
      for (int64_t i = 0; i < x.numElements(); ++i)
        x.set(i, normal(random));
      given.emplace("x", x);
    }
    std::vector<HostTensor> inputs = program.makeInputs(byRow ? rows : tokens, given);
    if (signs)
      setToSigns(inputs);
    program.check(inputs);
  }
}

class ProductTest : public testing::TestWithParam<Form> {};

TEST_P(ProductTest, EveryType) {
  for (std::string type : {"bf16", "f16", "f32"})
    checkForm(GetParam(), 48, 64, type, 30);
}

TEST_P(ProductTest, SizesThatNothingDivides) {
  checkForm(GetParam(), 20, 33, "f32", 12);
  checkForm(GetParam(), 131, 1037, "bf16", 24);
}

TEST_P(ProductTest, MoreRowsThanABlock) { checkForm(GetParam(), 72, 48, "f32", 330); }

TEST_P(ProductTest, NoRows) { checkForm(GetParam(), 16, 16, "bf16", 0); }

INSTANTIATE_TEST_SUITE_P(Forms, ProductTest, testing::ValuesIn(allForms()), [](const auto &info) {
  std::string name = info.param.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

// Every other column of a matrix with one row or one column: the expert and that row or column are
// both of size 1. A row of one result has no scale but that result, which sums of other numbers
// may cancel down to their own rounding.
TEST(ProductSizesTest, InterleavedSizesOfOne) {
  const std::string clauses = "layout<interleaved, gate_first>" + kGateEpilogue;
  Form rows{"rows", "%w: tensor<5xBxKxD>, %b: tensor<5xBxD>", "%w", "bias(%b) " + clauses,
            "tensor<5xBxKxD>, tensor<5xBxD>"};
  Form transposed{"transposed", "%w: tensor<5xKxBxD>, %b: tensor<5xBxD>", "%w",
                  "bias(%b) transposed " + clauses, "tensor<5xKxBxD>, tensor<5xBxD>"};
  for (const Form &form : {rows, transposed})
    for (auto [n, k] : {std::pair{1, 1}, {20, 1}, {1, 33}})
      checkForm(form, n, k, "f32", 12, /*signs=*/true);
}

// A NaN or an infinity of one row or expert stays there.
TEST(ProductValuesTest, NanStaysInItsRow) {
  Form plain{"plain", "%w: tensor<5xNxKxD>", "%w", "", "tensor<5xNxKxD>"};
  Program program(productSource(plain, 24, 40, "f32"));
  std::vector<HostTensor> inputs = program.makeInputs(17, {{"o", makeOffsets({4, 0, 7, 1, 2})}});
  inputs[0].set(5 * 40 + 3, std::numeric_limits<double>::quiet_NaN());
  inputs[0].set(11 * 40, std::numeric_limits<double>::infinity());
  program.check(inputs);
}
} // namespace
