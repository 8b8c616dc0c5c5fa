// Binding of given tensors, token inference, the memory plan.

#include "compiler/Inputs/Inputs.h"

#include <gtest/gtest.h>

#include <string>

using namespace moec;
using moert::DType;
using moert::HostTensor;
using moert::StatusCode;
using moert::NamedTensors;

namespace {

const std::vector<InputSpec> kBlock = {
    guessInputSpec("hidden", DType::BF16, {kTokensDim, 64}),
    guessInputSpec("router_logits", DType::F32, {kTokensDim, 8}),
    guessInputSpec("gate_up", DType::BF16, {8, 32, 64}),
};

TEST(Inputs, GuessesRolesFromNameAndRank) {
  EXPECT_EQ(kBlock[0].role, InputRole::Data);
  EXPECT_EQ(kBlock[1].role, InputRole::RouterLogits);
  EXPECT_EQ(kBlock[2].role, InputRole::Weight);
  EXPECT_EQ(kBlock[2].fanIn, 64);
}

TEST(Inputs, BindsGivenTensorsAndMakesTheRest) {
  HostTensor hidden = *HostTensor::allocate(DType::BF16, {5, 64});
  auto tensors = bindInputs(kBlock, {{"hidden", hidden}}, {.tokens = 5});
  ASSERT_TRUE(tensors.isOk()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].data(), hidden.data()) << "given tensors are not copied";
  EXPECT_EQ(describe((*tensors)[1]), "f32[5, 8]");
  EXPECT_EQ(describe((*tensors)[2]), "bf16[8, 32, 64]");
}

TEST(Inputs, SetsShareWhatDoesNotDependOnTheTokens) {
  NamedTensors constants;
  auto sets = bindInputSets(kBlock, constants, {.tokens = 5, .seed = 3}, 2);
  ASSERT_TRUE(sets.isOk()) << sets.status().message();
  ASSERT_EQ(sets->size(), 2u);
  EXPECT_EQ((*sets)[0][2].data(), (*sets)[1][2].data());
  ASSERT_EQ(constants.size(), 1u);
  EXPECT_EQ(constants.at("gate_up").data(), (*sets)[0][2].data());
  // Each call is one of its own seed.
  auto single = bindInputs(kBlock, constants, {.tokens = 5, .seed = 4});
  ASSERT_TRUE(single.isOk());
  auto bytes = [](const HostTensor &tensor) {
    return std::string(reinterpret_cast<const char *>(tensor.data()), tensor.byteSize());
  };
  EXPECT_EQ(bytes((*sets)[1][0]), bytes((*single)[0]));
  EXPECT_NE(bytes((*sets)[0][0]), bytes((*sets)[1][0]));
  // What is known is not made again.
  const void *known = constants.at("gate_up").data();
  auto others = bindInputSets(kBlock, constants, {.tokens = 7, .seed = 9}, 1);
  ASSERT_TRUE(others.isOk());
  EXPECT_EQ((*others)[0][2].data(), known);
  EXPECT_EQ(describe((*others)[0][0]), "bf16[7, 64]");
  EXPECT_EQ(bindInputSets(kBlock, constants, {.tokens = int64_t{1} << 50}, 1).status().code(),
            StatusCode::Unsupported);
}

TEST(Inputs, RefusesWrongGivenTensors) {
  struct {
    const char *name;
    DType dtype;
    std::vector<int64_t> shape;
    const char *message;
  } cases[] = {
      {"hidden", DType::F16, {5, 64}, "tensor 'hidden': expects bf16[5, 64], but got f16[5, 64]"},
      {"hidden", DType::BF16, {4, 64}, "expects bf16[5, 64], but got bf16[4, 64]"},
      {"hidden", DType::BF16, {5, 64, 1}, "but got bf16[5, 64, 1]"},
      {"gate_up", DType::BF16, {8, 64, 32}, "tensor 'gate_up': expects bf16[8, 32, 64]"},
      {"down",
       DType::BF16,
       {1},
       "tensor 'down': expects one of the arguments hidden, router_logits, gate_up"},
  };
  for (auto &c : cases) {
    auto tensors =
        bindInputs(kBlock, {{c.name, *HostTensor::allocate(c.dtype, c.shape)}}, {.tokens = 5});
    ASSERT_FALSE(tensors.isOk());
    EXPECT_EQ(tensors.status().code(), StatusCode::InvalidInput);
    EXPECT_NE(tensors.status().message().find(c.message), std::string::npos)
        << tensors.status().message();
  }
}

TEST(Inputs, InfersTokensFromGivenTensors) {
  EXPECT_EQ(inferTokens(kBlock, {}), std::nullopt);
  NamedTensors weights{{"gate_up", *HostTensor::allocate(DType::BF16, {8, 32, 64})}};
  EXPECT_EQ(inferTokens(kBlock, weights), std::nullopt);
  NamedTensors hidden{{"hidden", *HostTensor::allocate(DType::BF16, {7, 64})}};
  EXPECT_EQ(inferTokens(kBlock, hidden), 7);
}

/// A block whose types fix T = 6, twice as many routes among them.
std::vector<InputSpec> staticBlock() {
  std::vector<InputSpec> specs = {
      guessInputSpec("hidden", DType::BF16, {6, 64}),
      guessInputSpec("router_logits", DType::F32, {6, 8}),
      guessInputSpec("routes", DType::I32, {12}),
      guessInputSpec("gate_up", DType::BF16, {8, 32, 64}),
  };
  specs[0].hasTokenRows = specs[2].hasTokenRows = true;
  specs[2].rowsPerToken = 2;
  specs[2].role = InputRole::Routes;
  return specs;
}

TEST(Inputs, StaticRowsFixTheTokens) {
  std::vector<InputSpec> specs = staticBlock();
  EXPECT_TRUE(specs[1].hasTokenRows) << "logits have a row per token";
  EXPECT_EQ(inferTokens(specs, {}), 6);
  EXPECT_TRUE(checkTokens(specs, 6).isOk());
  EXPECT_TRUE(bindInputs(specs, {}, {.tokens = 6}).isOk());
  for (int64_t tokens : {int64_t{0}, int64_t{5}, int64_t{1000000000000}}) {
    moert::Status status = bindInputs(specs, {}, {.tokens = tokens}).status();
    EXPECT_EQ(status.code(), StatusCode::Usage);
    EXPECT_EQ(status.message(),
              "expects 6 tokens, as 'hidden' is bf16[6, 64], but got " + std::to_string(tokens));
  }
  specs.erase(specs.begin(), specs.begin() + 2);
  EXPECT_EQ(inferTokens(specs, {}), 6) << "two routes a token";
  EXPECT_EQ(checkTokens(specs, 12).code(), StatusCode::Usage);
  specs[0].shape = {13};
  moert::Status status = checkTokens(specs, 6);
  EXPECT_EQ(status.code(), StatusCode::InvalidInput);
  EXPECT_EQ(status.message(), "argument 'routes': expects 2 rows for each token, but has 13 rows");
}

TEST(Inputs, StaticRowsAreNoConstants) {
  std::vector<InputSpec> specs = staticBlock();
  NamedTensors constants;
  auto sets = bindInputSets(specs, constants, {.tokens = 6}, 2);
  ASSERT_TRUE(sets.isOk()) << sets.status().message();
  ASSERT_EQ(constants.size(), 1u);
  EXPECT_TRUE(constants.contains("gate_up"));
  EXPECT_NE((*sets)[0][1].data(), (*sets)[1][1].data());
}

TEST(MemoryPlan, AddsUpWhatIsGenerated) {
  auto plan = planMemory(kBlock, {}, 10, 100);
  ASSERT_TRUE(plan.isOk());
  uint64_t weights = 8 * 32 * 64 * 2, tokens = 10 * (64 * 2 + 8 * 4);
  EXPECT_EQ(plan->inputBytes, weights + tokens);
  EXPECT_EQ(plan->totalBytes(), weights + tokens + 100);
  EXPECT_GT(plan->availableBytes, 0u);
  NamedTensors given{{"gate_up", *HostTensor::allocate(DType::BF16, {8, 32, 64})}};
  EXPECT_EQ(planMemory(kBlock, given, 10, 0)->inputBytes, tokens);
}

TEST(MemoryPlan, RefusesWhatDoesNotFit) {
  uint64_t need = planMemory(kBlock, {}, 10, 0)->inputBytes;
  EXPECT_TRUE(planMemory(kBlock, {}, 10, 0, need).isOk());
  EXPECT_EQ(planMemory(kBlock, {}, 10, 0, need - 1).status().code(), StatusCode::Unsupported);
  EXPECT_EQ(planMemory(kBlock, {}, 10, UINT64_MAX).status().code(), StatusCode::Unsupported);
  for (int64_t tokens : {int64_t{1} << 40, int64_t{1} << 58, INT64_MAX}) {
    auto plan = planMemory(kBlock, {}, tokens, 0);
    ASSERT_FALSE(plan.isOk());
    EXPECT_EQ(plan.status().code(), StatusCode::Unsupported);
    EXPECT_NE(plan.status().message().find("GiB are available"), std::string::npos);
  }
}

TEST(MemoryPlan, RowsPerTokenMayOverflow) {
  InputSpec spec = guessInputSpec("rows", DType::BF16, {kTokensDim, 64});
  spec.rowsPerToken = 8;
  EXPECT_EQ(planMemory({&spec, 1}, {}, INT64_MAX / 2, 0).status().code(), StatusCode::Unsupported);
  EXPECT_EQ(*resolveShape(spec, 3), (std::vector<int64_t>{24, 64}));
}

} // namespace
