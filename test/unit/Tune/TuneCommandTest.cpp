// Whole runs of `moec tune`, on a driver whose kernels do nothing: the block's outputs are NaN, as
// is the memory that they are to be written to.
#include "test/unit/Runtime/TestPackage.h"

#include "llvm/ADT/StringRef.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

constexpr const char *kBlock = R"(
func.func @nan(%x: tensor<?x64xbf16> {moe.name = "x"}, %logits: tensor<?x8xf32> {moe.name = "l"},
               %up: tensor<8x48x64xbf16> {moe.name = "up"},
               %down: tensor<8x64x48xbf16> {moe.name = "down"})
    -> (tensor<?x64xbf16> {moe.name = "y"}) {
  %weights, %experts = moe.route %logits
      top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %rows, %offsets, %up
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  %act = moe.activation %h body {
  ^bb0(%a: f32):
    %nan = arith.constant 0x7FC00000 : f32
    %r = arith.addf %a, %nan : f32
    moe.yield %r : f32
  } : (tensor<?x48xbf16>) -> tensor<?x48xbf16>
  %d = moe.grouped_matmul %act, %offsets, %down
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>) -> tensor<?x64xbf16>
  %y = moe.combine %d, %weights, %routes
    : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
)";

class TuneCommandTest : public testing::Test {
protected:
  void SetUp() override { std::ofstream(scratch / "nan.mlir") << kBlock; }

  /// What a run prints, with a compiler that takes so long for each kernel.
  std::string tune(const std::string &options, int compilerMilliseconds) {
    std::string command =
        fmt::format("exec env MOEC_LIBCUDA='{}' MOEC_NVRTC='{}' STUB_NVRTC_MS={} '{}' tune '{}' "
                    "--cache-dir '{}' --no-record {} 2>&1",
                    MOEC_STUB_CUDA_ANY, MOEC_STUB_NVRTC, compilerMilliseconds, MOEC_TOOL,
                    (scratch / "nan.mlir").string(), (scratch / "cache").string(), options);
    std::string printed;
    FILE *output = ::popen(command.c_str(), "r");
    std::array<char, 4096> bytes;
    while (size_t got = std::fread(bytes.data(), 1, bytes.size(), output))
      printed.append(bytes.data(), got);
    EXPECT_EQ(::pclose(output), 0) << printed;
    return printed;
  }

  moert::test::TemporaryDirectory folder;
  const std::filesystem::path &scratch = folder.path();
};

TEST_F(TuneCommandTest, PreparingIsTakenOffTheBudget) {
  // The default's kernels alone take longer, one after the other. On a machine that is slow to
  // start there is not even that much left.
  std::string printed = tune("--tokens 8 -j1 --budget 1s", 500);
  EXPECT_TRUE(llvm::StringRef(printed).contains("the budget of 0.0 s is spent") ||
              llvm::StringRef(printed).contains("1 of 1 cases are left"))
      << printed;
}

TEST_F(TuneCommandTest, WhatIsLeftOfTheBudgetIsTheSearchs) {
  std::string printed = tune("--tokens 8 --matmul 0 --budget 10m", 0);
  EXPECT_TRUE(llvm::StringRef(printed).contains("the default stays")) << printed;
  EXPECT_FALSE(llvm::StringRef(printed).contains("stopped early")) << printed;
}

} // namespace
