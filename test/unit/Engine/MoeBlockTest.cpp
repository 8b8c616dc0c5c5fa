#include "compiler/Engine/MoeBlock.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace moec;
using moert::StatusCode;

namespace {

class MoeBlockTest : public testing::Test {
protected:
  moert::Result<MoeBlock> parse(const std::string &text) {
    printed.clear();
    llvm::raw_string_ostream diagnostics(printed);
    return MoeBlock::parse(text, "block.mlir", diagnostics);
  }
  /// Expects that code, and what the user reads of the line.
  void expectFailure(const std::string &text, StatusCode code, const std::string &said) {
    auto block = parse(text);
    EXPECT_EQ(block.status().code(), code) << block.status().message();
    EXPECT_NE(printed.find(said), std::string::npos) << printed;
  }

  std::string printed;
};

/// A block that does nothing but add numbers.
constexpr const char *kBlock = R"(func.func @block(%a: tensor<4xf32>) -> tensor<4xf32> {
  %sum = arith.addf %a, %a : tensor<4xf32>
  return %sum : tensor<4xf32>
}
)";

TEST_F(MoeBlockTest, TheOneFunctionWithABodyIsTheBlock) {
  std::string declared = "func.func private @before()\n" + std::string(kBlock) +
                         "func.func private @behind(tensor<4xf32>) -> tensor<4xf32>\n";
  auto block = parse(declared);
  ASSERT_TRUE(block.isOk()) << printed;
  EXPECT_EQ(block->function().getSymName(), "block");
  expectFailure(std::string(kBlock) + "func.func @other() {\n  return\n}\n",
                StatusCode::InvalidInput,
                "block.mlir:5:1: error: 'func.func' op expects one function in the module, but got "
                "another after 'block'");
  expectFailure("func.func private @declared()\n", StatusCode::InvalidInput,
                "expects one function in the module, but got none");
}

TEST_F(MoeBlockTest, NumbersOfResultsAreShort) {
  // The parser's list is as long as the number says, whether there is such a result or not.
  auto use = [](const std::string &number) {
    return "func.func @f() {\n  return %x#" + number + " : f32\n}\n";
  };
  expectFailure(use("1000"), StatusCode::InvalidInput,
                "block.mlir:2:12: error: expects the number of a result to have at most 3 digits, "
                "but got 4");
  expectFailure(use("999"), StatusCode::InvalidInput, "use of undeclared SSA value");
}

TEST_F(MoeBlockTest, OnlyOpsOfMoeMakeTensorsOfDynamicShape) {
  auto block = [](const std::string &type) {
    return "func.func @f(%a: " + type + ") -> " + type + " {\n  %b = arith.addf %a, %a : " + type +
           "\n  return %b : " + type + "\n}\n";
  };
  for (const char *type : {"tensor<?x4xf32>", "tensor<*xf32>"})
    expectFailure(block(type), StatusCode::Unsupported,
                  "block.mlir:2:8: error: unsupported problem: expects ops of the moe dialect on "
                  "tensors of dynamic shape, but got 'arith.addf'");
  EXPECT_TRUE(parse(block("tensor<4xf32>")).isOk()) << printed;
}

TEST_F(MoeBlockTest, ArgumentsArePrintedByTheirNames) {
  auto block = parse(R"(func.func @f(%0: tensor<4xf32> {moe.name = "hidden"}) {
  return
}
)");
  ASSERT_TRUE(block.isOk()) << printed;
  EXPECT_NE(MoeBlock::printModule(block->module()).find("%hidden: tensor<4xf32>"),
            std::string::npos)
      << MoeBlock::printModule(block->module());
}

} // namespace
