//===- ErrorTest.cpp - what a run refuses ---------------------------------===//

#include "test/Integration/cpu/Support.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <cstring>

using namespace moec::test;
using moert::DType;
using moert::HostTensor;
using moert::StatusCode;

namespace {
const std::string kSource =
    "func.func @f(%x: tensor<?x16xbf16>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %w: "
    "tensor<4x8x16xbf16>)"
    " -> tensor<?x8xbf16> {"
    " %r, %o = moe.permute %i experts(4) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)"
    " %y = moe.grouped_matmul %x, %o, %w gather(%r) top_k(2) combine(%p, %r) : (tensor<?x16xbf16>, "
    "tensor<5xi32>,"
    " tensor<4x8x16xbf16>, tensor<?xi32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x8xbf16>"
    " return %y : tensor<?x8xbf16> }";

class ErrorTest : public testing::Test {
protected:
  Program program{kSource};

  void expectError(const std::vector<HostTensor> &inputs, StatusCode code,
                   const std::string &text) {
    ASSERT_TRUE(program.isValid());
    auto results = (*program).run(inputs);
    ASSERT_FALSE(results.isOk());
    EXPECT_EQ(results.status().code(), code);
    EXPECT_NE(results.status().message().find(text), std::string::npos)
        << results.status().message();
  }
};

TEST_F(ErrorTest, Dtype) {
  auto inputs = program.makeInputs(3);
  inputs[0] = *HostTensor::allocate(DType::F16, {3, 16});
  expectError(inputs, StatusCode::InvalidInput, "argument 0 expects dtype bf16, but got f16");
}

TEST_F(ErrorTest, Shape) {
  auto inputs = program.makeInputs(3);
  inputs[3] = *HostTensor::allocate(DType::BF16, {4, 8, 15});
  expectError(inputs, StatusCode::InvalidInput,
              "argument 3 expects shape [4, 8, 16], but got [4, 8, 15]");
}

TEST_F(ErrorTest, NumberOfArguments) {
  auto inputs = program.makeInputs(3);
  inputs.pop_back();
  expectError(inputs, StatusCode::Usage, "expects 4 arguments, but got 3");
}

TEST_F(ErrorTest, SizesThatDisagree) {
  auto inputs = program.makeInputs(3);
  inputs[2] = *HostTensor::allocate(DType::F32, {4, 2});
  expectError(inputs, StatusCode::InvalidInput, "number of routing weights");
}

TEST_F(ErrorTest, TokensThatMemoryCannotHold) {
  // Views of nothing: the run must be refused before anything is read.
  auto inputs = program.makeInputs(1);
  int64_t tokens = 1'000'000'000;
  inputs[0] = HostTensor::view(DType::BF16, {tokens, 16}, inputs[0].data(), nullptr);
  inputs[1] = HostTensor::view(DType::I32, {tokens, 2}, inputs[1].data(), nullptr);
  inputs[2] = HostTensor::view(DType::F32, {tokens, 2}, inputs[2].data(), nullptr);
  auto plan = (*program).plan(inputs);
  ASSERT_TRUE(plan.isOk());
  // routes i32 [2T], f32 rows [2T, 8]
  EXPECT_GE(plan->intermediateBytes, static_cast<uint64_t>(tokens) * 2 * (4 + 8 * 4));
  std::vector<HostTensor> results{
      HostTensor::wrap(DType::BF16, {tokens, 8}, const_cast<std::byte *>(inputs[0].data()))};
  moert::Status status = (*program).runInto(inputs, results);
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_NE(status.message().find("GiB are available"), std::string::npos) << status.message();
}

TEST_F(ErrorTest, MoreRowsThanI32Counts) {
  auto inputs = program.makeInputs(1);
  int64_t tokens = 1'500'000'000;
  inputs[0] = HostTensor::view(DType::BF16, {tokens, 16}, inputs[0].data(), nullptr);
  inputs[1] = HostTensor::view(DType::I32, {tokens, 2}, inputs[1].data(), nullptr);
  inputs[2] = HostTensor::view(DType::F32, {tokens, 2}, inputs[2].data(), nullptr);
  expectError(inputs, StatusCode::Unsupported,
              "expects at most 2147483647 rows, but got 3000000000");
}

TEST(CompileErrorTest, DynamicWeights) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @f(%x: tensor<?x16xf32>) -> tensor<?x16xf32> { return %x : tensor<?x16xf32> }\n"
      "func.func @g(%x: tensor<*xf32>) -> tensor<*xf32> { return %x : tensor<*xf32> }",
      &context());
  ASSERT_TRUE(module);
  auto functions = llvm::to_vector(module->getOps<mlir::func::FuncOp>());
  EXPECT_TRUE(moec::cpu::CpuExecutor::compile(functions[0]).isOk());
  auto refused = moec::cpu::CpuExecutor::compile(functions[1]);
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.status().code(), StatusCode::Unsupported);
  EXPECT_NE(refused.status().message().find("ranked tensor type"), std::string::npos)
      << refused.status().message();
}

TEST(NameTest, AFunctionMayBeCalledLikeOneOfTheProcess) {
  for (const char *name : {"memset", "malloc", "__kmpc_fork_call", "moec_cpu_block"}) {
    std::string source = kSource;
    source.replace(source.find("@f("), 2, "@" + std::string(name));
    Program program(source);
    ASSERT_TRUE(program.isValid()) << name;
    program.check(program.makeInputs(9));
  }
}

TEST(NameTest, AnotherFunctionOfTheEntrysNameIsRefused) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func private @moec_cpu_block(tensor<?x16xf32>)\n"
      "func.func @f(%x: tensor<?x16xf32>) -> tensor<?x16xf32> { return %x : tensor<?x16xf32> }",
      &context());
  ASSERT_TRUE(module);
  auto refused = moec::cpu::CpuExecutor::compile(module->lookupSymbol<mlir::func::FuncOp>("f"));
  ASSERT_FALSE(refused.isOk());
  EXPECT_EQ(refused.status().code(), StatusCode::Unsupported);
  EXPECT_EQ(refused.status().message(),
            "lowering to the CPU: expects no other function to be called 'moec_cpu_block'");
}

TEST(ThreadTest, OneThreadAndManyAgree) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kSource, &context());
  ASSERT_TRUE(module);
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  Program program(kSource);
  auto inputs = program.makeInputs(40);
  std::vector<std::vector<HostTensor>> results;
  for (unsigned threads : {1u, 2u, 5u}) {
    moec::cpu::CpuOptions options;
    options.threads = threads;
    auto executor = moec::cpu::CpuExecutor::compile(function, options);
    ASSERT_TRUE(executor.isOk()) << executor.status().message();
    EXPECT_TRUE((*executor)->threads() == threads || !(*executor)->note().empty());
    results.push_back(*(*executor)->run(inputs));
    EXPECT_EQ(0, std::memcmp(results.front()[0].data(), results.back()[0].data(),
                             results.front()[0].byteSize()));
  }
}
} // namespace
