// Every ordered selection of the fusion passes keeps the meaning of a block, told by the
// double-precision evaluator: it rounds nothing in between, so fused and unfused must agree
// closely.

#include "dialects/Moe/Transforms/Passes.h"
#include "dialects/Moe/Transforms/Pipeline.h"
#include "test/unit/Reference/Fixture.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <algorithm>

using namespace mlir;
using namespace moec;
using namespace moec::test;

namespace {

struct Fusion {
  const char *flag;
  std::unique_ptr<Pass> (*create)();
};

const Fusion kFusions[] = {
    {"gate-up", [] { return moe::createFuseGateUpPass(); }},
    {"padding", [] { return moe::createFusePaddingPass(); }},
    {"activation", [] { return moe::createFuseActivationPass(); }},
    {"permute", [] { return moe::createFusePermutePass(); }},
    {"combine", [] { return moe::createFuseCombinePass(); }},
};

/// All ordered selections of the five passes.
std::vector<std::vector<int>> allOrders() {
  std::vector<std::vector<int>> orders;
  for (unsigned subset = 0; subset < 32; ++subset) {
    std::vector<int> order;
    for (int i = 0; i < 5; ++i)
      if (subset >> i & 1)
        order.push_back(i);
    do
      orders.push_back(order);
    while (std::next_permutation(order.begin(), order.end()));
  }
  return orders;
}

class FusionMeaning : public ReferenceTest {
protected:
  /// Evaluates the text's function as it stands and after every selection of fusions, with and
  /// without canonicalisation, and after the expansion of named activations.
  void expectSameMeaning(StringRef text, const std::vector<HostTensor> &arguments) {
    func::FuncOp unfused = parse(text);
    ASSERT_TRUE(unfused);
    std::vector<std::vector<double>> expected = valuesAfter("", unfused, arguments);
    for (const std::vector<int> &order : allOrders()) {
      std::string name;
      PassManager manager(&context), cleaning(&context);
      cleaning.addPass(createCanonicalizerPass());
      cleaning.addPass(createCSEPass());
      for (int i : order) {
        name += std::string(" ") + kFusions[i].flag;
        manager.addPass(kFusions[i].create());
        cleaning.addPass(kFusions[i].create());
        cleaning.addPass(createCanonicalizerPass());
      }
      expectSameAfter(name, manager, unfused, arguments, expected);
      expectSameAfter(name + ", cleaned", cleaning, unfused, arguments, expected);
      if (HasFailure())
        return;
    }
    PassManager pipeline(&context), expanding(&context);
    moe::buildFusionPipeline(pipeline, moe::FusionOptions());
    expectSameAfter("the pipeline", pipeline, unfused, arguments, expected);
    expanding.addPass(moe::createExpandActivationPass());
    moe::buildFusionPipeline(expanding, moe::FusionOptions());
    expectSameAfter("the pipeline on bodies", expanding, unfused, arguments, expected);
  }

private:
  void expectSameAfter(const std::string &name, PassManager &manager, func::FuncOp unfused,
                       const std::vector<HostTensor> &arguments,
                       const std::vector<std::vector<double>> &expected) {
    OwningOpRef<ModuleOp> module = cast<ModuleOp>(unfused->getParentOp()->clone());
    ASSERT_TRUE(succeeded(manager.run(*module))) << name << "\n" << errors;
    auto actual = valuesAfter(name, *module->getOps<func::FuncOp>().begin(), arguments);
    ASSERT_EQ(actual.size(), expected.size()) << name;
    for (size_t i = 0; i < expected.size(); ++i) {
      SCOPED_TRACE("result " + std::to_string(i) + " after" + name);
      expectNear(actual[i], expected[i]);
    }
  }

  std::vector<std::vector<double>> valuesAfter(const std::string &name, func::FuncOp func,
                                               const std::vector<HostTensor> &arguments) {
    auto results = evaluate(func, arguments, EvaluationOptions{1});
    std::vector<std::vector<double>> values;
    if (failed(results)) {
      ADD_FAILURE() << "cannot be evaluated after" << name << "\n" << errors;
      return values;
    }
    for (const HostTensor &result : *results)
      values.push_back(valuesOf(result));
    return values;
  }
};

/// Five tokens, two choices among four experts: expert 2 gets none, two slots are padding (-1) and
/// one names an expert that does not exist, so that three of ten rows belong to no expert.
HostTensor experts() { return tensorOf(DType::I32, {5, 2}, {0, 3, 1, -1, 3, 0, 7, 1, -1, 3}); }
HostTensor weights() { return randomTensor(DType::F32, {5, 2}, 1); }
HostTensor hidden() { return randomTensor(DType::F32, {5, 6}, 2); }
HostTensor projection(unsigned seed) { return randomTensor(DType::F32, {4, 8, 6}, seed); }
HostTensor down() { return randomTensor(DType::F32, {4, 6, 8}, 5); }

TEST_F(FusionMeaning, WholeBlock) {
  expectSameMeaning(R"mlir(
func.func @block(%x: tensor<?x6xf32>, %experts: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                 %gate: tensor<4x8x6xf32>, %up: tensor<4x8x6xf32>, %down: tensor<4x6x8xf32>)
    -> tensor<?x6xf32> {
  %rows, %routes, %o = moe.permute %experts, %x experts(4)
    : (tensor<?x2xi32>, tensor<?x6xf32>) -> (tensor<?x6xf32>, tensor<?xi32>, tensor<5xi32>)
  %p, %po = moe.pad %rows, %o multiple(4) : (tensor<?x6xf32>, tensor<5xi32>) -> (tensor<?x6xf32>, tensor<5xi32>)
  %u = moe.grouped_matmul %p, %po, %up : (tensor<?x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  %g = moe.grouped_matmul %p, %po, %gate : (tensor<?x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  %h = moe.activation %g, %u kind(silu_gate) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %d = moe.grouped_matmul %h, %po, %down : (tensor<?x8xf32>, tensor<5xi32>, tensor<4x6x8xf32>) -> tensor<?x6xf32>
  %r = moe.unpad %d, %po, %o, %routes
    : (tensor<?x6xf32>, tensor<5xi32>, tensor<5xi32>, tensor<?xi32>) -> tensor<?x6xf32>
  %y = moe.combine %r, %w, %routes : (tensor<?x6xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
})mlir",
                    {hidden(), experts(), weights(), projection(3), projection(4), down()});
}

TEST_F(FusionMeaning, BiasLayoutAndVisibleRows) {
  expectSameMeaning(R"mlir(
func.func @block(%x: tensor<?x6xf32>, %experts: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                 %gate_up: tensor<4x8x6xf32>, %bias: tensor<4x8xf32>, %down: tensor<4x4x6xf32>,
                 %down_bias: tensor<4x6xf32>) -> (tensor<?x6xf32>, tensor<?x4xf32>) {
  %rows, %routes, %o = moe.permute %experts, %x experts(4)
    : (tensor<?x2xi32>, tensor<?x6xf32>) -> (tensor<?x6xf32>, tensor<?xi32>, tensor<5xi32>)
  %gu = moe.grouped_matmul %rows, %o, %gate_up bias(%bias)
    : (tensor<?x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  %h = moe.activation %gu kind(gpt_oss_swiglu) layout<interleaved, up_first> : (tensor<?x8xf32>) -> tensor<?x4xf32>
  %d = moe.grouped_matmul %h, %o, %down bias(%down_bias) transposed
    : (tensor<?x4xf32>, tensor<5xi32>, tensor<4x4x6xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
  %y = moe.combine %d, %w, %routes : (tensor<?x6xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x6xf32>
  return %y, %h : tensor<?x6xf32>, tensor<?x4xf32>
})mlir",
                    {hidden(), experts(), weights(), projection(3),
                     randomTensor(DType::F32, {4, 8}, 6), randomTensor(DType::F32, {4, 4, 6}, 7),
                     randomTensor(DType::F32, {4, 6}, 8)});
}

// exp makes 1 of the zeros after the last group: the caller sees them in %v, not in %y.
TEST_F(FusionMeaning, TailThatIsNotZero) {
  expectSameMeaning(R"mlir(
func.func @block(%x: tensor<?x6xf32>, %experts: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                 %a: tensor<4x8x6xf32>, %b: tensor<4x8x6xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %rows, %routes, %o = moe.permute %experts, %x experts(4)
    : (tensor<?x2xi32>, tensor<?x6xf32>) -> (tensor<?x6xf32>, tensor<?xi32>, tensor<5xi32>)
  %p, %po = moe.pad %rows, %o multiple(3) : (tensor<?x6xf32>, tensor<5xi32>) -> (tensor<?x6xf32>, tensor<5xi32>)
  %c = moe.grouped_matmul %p, %po, %a : (tensor<?x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  %d = moe.activation %c body {
  ^bb0(%v: f32):
    %e = math.exp %v : f32
    moe.yield %e : f32
  } : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %r = moe.unpad %d, %po, %o, %routes
    : (tensor<?x8xf32>, tensor<5xi32>, tensor<5xi32>, tensor<?xi32>) -> tensor<?x8xf32>
  %y = moe.combine %r, %w, %routes : (tensor<?x8xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %q = moe.grouped_matmul %rows, %o, %b : (tensor<?x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  %v = moe.activation %q body {
  ^bb0(%s: f32):
    %e = math.exp %s : f32
    moe.yield %e : f32
  } : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y, %r, %v : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
})mlir",
                    {hidden(), experts(), weights(), projection(3), projection(4)});
}

TEST_F(FusionMeaning, SharedProductsAndEpiloguesInARow) {
  expectSameMeaning(R"mlir(
func.func @block(%x: tensor<5x6xf32>, %experts: tensor<5x2xi32>, %w: tensor<5x2xf32>,
                 %a: tensor<4x8x6xf32>, %b: tensor<4x8x6xf32>, %c: tensor<4x8x6xf32>)
    -> (tensor<5x8xf32>, tensor<10x4xf32>, tensor<10x8xf32>) {
  %rows, %routes, %o = moe.permute %experts, %x experts(4)
    : (tensor<5x2xi32>, tensor<5x6xf32>) -> (tensor<10x6xf32>, tensor<10xi32>, tensor<5xi32>)
  %p, %po = moe.pad %rows, %o multiple(8) : (tensor<10x6xf32>, tensor<5xi32>) -> (tensor<38x6xf32>, tensor<5xi32>)
  %i = moe.grouped_matmul %p, %po, %a : (tensor<38x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<38x8xf32>
  %j = moe.grouped_matmul %p, %po, %b : (tensor<38x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<38x8xf32>
  %k = moe.grouped_matmul %p, %po, %c epilogue {
  ^bb0(%v: f32):
    %n = arith.negf %v : f32
    moe.yield %n : f32
  } : (tensor<38x6xf32>, tensor<5xi32>, tensor<4x8x6xf32>) -> tensor<38x8xf32>
  %h = moe.activation %j, %i kind(gelu_gate) : (tensor<38x8xf32>, tensor<38x8xf32>) -> tensor<38x8xf32>
  %h2 = moe.activation %h kind(relu2) : (tensor<38x8xf32>) -> tensor<38x8xf32>
  %l = moe.activation %k kind(gelu_tanh_gate) layout<halves, up_first> : (tensor<38x8xf32>) -> tensor<38x4xf32>
  %rh = moe.unpad %h2, %po, %o, %routes
    : (tensor<38x8xf32>, tensor<5xi32>, tensor<5xi32>, tensor<10xi32>) -> tensor<10x8xf32>
  %rl = moe.unpad %l, %po, %o, %routes
    : (tensor<38x4xf32>, tensor<5xi32>, tensor<5xi32>, tensor<10xi32>) -> tensor<10x4xf32>
  %ri = moe.unpad %i, %po, %o, %routes
    : (tensor<38x8xf32>, tensor<5xi32>, tensor<5xi32>, tensor<10xi32>) -> tensor<10x8xf32>
  %y = moe.combine %rh, %w, %routes : (tensor<10x8xf32>, tensor<5x2xf32>, tensor<10xi32>) -> tensor<5x8xf32>
  return %y, %rl, %ri : tensor<5x8xf32>, tensor<10x4xf32>, tensor<10x8xf32>
})mlir",
                    {hidden(), experts(), weights(), projection(3), projection(4), projection(9)});
}

} // namespace
