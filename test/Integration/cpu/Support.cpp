//===- Support.cpp - running IR on the CPU and comparing with the evaluator ===//

#include "test/Integration/cpu/Support.h"

#include "compiler/Inputs/FunctionInputs.h"
#include "compiler/Reference/Check.h"
#include "compiler/Reference/Evaluator.h"
#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/Moe/Transforms/Pipeline.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstdio>
#include <limits>

using namespace mlir;
using namespace moec::test;
using moert::DType;
using moert::HostTensor;

uint64_t moec::test::seed() {
  static const uint64_t value = [] {
    int32_t given = GTEST_FLAG_GET(random_seed);
    uint64_t drawn = given ? given : std::random_device{}() % 99999 + 1;
    std::printf("seed %lu (repeat with --gtest_random_seed=%lu)\n", drawn, drawn);
    return drawn;
  }();
  return value;
}

std::mt19937_64 moec::test::generator(std::string_view name) {
  return std::mt19937_64(seed() * 0x9e3779b97f4a7c15ull ^ std::hash<std::string_view>{}(name));
}

MLIRContext &moec::test::context() {
  static MLIRContext instance = [] {
    DialectRegistry registry;
    registry.insert<arith::ArithDialect, func::FuncDialect, math::MathDialect, moe::MoeDialect>();
    return MLIRContext(registry, MLIRContext::Threading::DISABLED);
  }();
  return instance;
}

static func::FuncOp firstFunction(ModuleOp module) {
  auto functions = module.getOps<func::FuncOp>();
  return functions.empty() ? func::FuncOp() : *functions.begin();
}

Program::Program(const std::string &source, bool fuse, const cpu::CpuOptions &cpuOptions) {
  reference = parseSourceString<ModuleOp>(source, &context());
  if (!reference || !firstFunction(*reference)) {
    ADD_FAILURE() << "does not parse:\n" << source;
    return;
  }
  module = reference->clone();
  if (fuse) {
    PassManager manager(&context());
    moe::FusionOptions options;
    moe::buildFusionPipeline(manager, options);
    if (failed(manager.run(*module))) {
      ADD_FAILURE() << "the fusion pipeline failed";
      return;
    }
  }
  auto compiled = cpu::CpuExecutor::compile(firstFunction(*module), cpuOptions);
  if (!compiled) {
    ADD_FAILURE() << compiled.status().message();
    return;
  }
  executor = *std::move(compiled);
}

func::FuncOp Program::function() { return firstFunction(*module); }

std::vector<HostTensor> Program::makeInputs(int64_t tokens, const moert::NamedTensors &given,
                                            const Routing &routing) {
  auto specs = inputSpecsOf(firstFunction(*reference));
  if (failed(specs)) {
    ADD_FAILURE() << "no input specs";
    return {};
  }
  InputOptions options;
  options.tokens = tokens;
  options.seed = seed();
  options.routing = routing;
  auto inputs = bindInputs(*specs, given, options);
  if (!inputs) {
    ADD_FAILURE() << inputs.status().message();
    return {};
  }
  return *inputs;
}

std::vector<HostTensor> Program::run(const std::vector<HostTensor> &inputs) {
  auto plan = executor->plan(inputs);
  if (!plan) {
    ADD_FAILURE() << plan.status().message();
    return {};
  }
  std::vector<HostTensor> results;
  for (auto [type, shape] : llvm::zip(function().getResultTypes(), plan->results)) {
    DType dtype = *dtypeOf(cast<RankedTensorType>(type).getElementType());
    HostTensor result = *HostTensor::allocate(dtype, shape);
    bool isInteger = dtype == DType::I32;
    for (int64_t i = 0; i < result.numElements(); ++i)
      result.set(i, isInteger ? -7.0 : std::numeric_limits<double>::quiet_NaN());
    results.push_back(result);
  }
  moert::Status status = executor->runInto(inputs, results);
  EXPECT_TRUE(status.isOk()) << status.message();
  return results;
}

void Program::check(const std::vector<HostTensor> &inputs, double tolerance) {
  ASSERT_TRUE(isValid());
  std::vector<HostTensor> actual = run(inputs);
  auto expected = evaluate(firstFunction(*reference), inputs);
  ASSERT_TRUE(succeeded(expected)) << "the reference evaluator failed";
  ASSERT_EQ(actual.size(), expected->size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_TRUE(llvm::equal(actual[i].shape(), (*expected)[i].shape()));
    Comparison comparison =
        compareTensors("result " + std::to_string(i), actual[i], (*expected)[i], tolerance);
    EXPECT_TRUE(comparison.passed) << comparison.describe();
  }
}

HostTensor moec::test::makeI32(std::vector<int64_t> shape, const std::vector<int32_t> &values) {
  HostTensor tensor = *HostTensor::allocate(DType::I32, std::move(shape));
  std::copy(values.begin(), values.end(), tensor.asMutable<int32_t>().begin());
  return tensor;
}

HostTensor moec::test::makeF32(std::vector<int64_t> shape, const std::vector<float> &values) {
  HostTensor tensor = *HostTensor::allocate(DType::F32, std::move(shape));
  std::copy(values.begin(), values.end(), tensor.asMutable<float>().begin());
  return tensor;
}

HostTensor moec::test::makeOffsets(const std::vector<int32_t> &sizes) {
  std::vector<int32_t> offsets{0};
  for (int32_t size : sizes)
    offsets.push_back(offsets.back() + size);
  return makeI32({static_cast<int64_t>(offsets.size())}, offsets);
}

std::string
moec::test::substitute(std::string text,
                       std::initializer_list<std::pair<std::string, std::string>> replacements) {
  for (const auto &[key, value] : replacements)
    for (size_t at = text.find(key); at != std::string::npos;
         at = text.find(key, at + value.size()))
      text.replace(at, key.size(), value);
  return text;
}
