// grouped_matmul in all its forms, activation, whole blocks: against a naive mixture of experts.

#include "test/unit/Reference/Fixture.h"
#include "test/unit/Reference/NaiveMoe.h"

#include <cmath>
#include <cstring>

using namespace moec::test;

namespace {

constexpr int64_t kExperts = 5, kTopK = 3, kHidden = 11, kIntermediate = 7;

/// Types by letter, so that the texts below stay readable.
std::string expand(std::string text) {
  const std::pair<const char *, const char *> kNames[] = {
      {"$X", "tensor<?x11xbf16>"},   {"$L", "tensor<?x5xf32>"},      {"$G", "tensor<5x7x11xbf16>"},
      {"$D", "tensor<5x11x7xbf16>"}, {"$U", "tensor<5x14x11xbf16>"}, {"$W", "tensor<?x3xf32>"},
      {"$E", "tensor<?x3xi32>"},     {"$R", "tensor<?xi32>"},        {"$O", "tensor<6xi32>"},
      {"$H", "tensor<?x7xbf16>"},    {"$V", "tensor<?x14xbf16>"},    {"$T", "tensor<5x11x7xbf16>"},
      {"$B", "tensor<5x7xbf16>"},    {"$A", "tensor<5x11xbf16>"},
  };
  for (auto [letter, type] : kNames)
    for (size_t at; (at = text.find(letter)) != std::string::npos;)
      text.replace(at, 2, type);
  return text;
}

// The names of values in a body must not be those of the function around it.
constexpr char kSiluEpilogue[] = R"(epilogue {
      ^bb0(%eg: f32, %eu: f32):
        %one = arith.constant 1.0 : f32
        %neg = arith.negf %eg : f32
        %exp = math.exp %neg : f32
        %den = arith.addf %exp, %one : f32
        %silu = arith.divf %eg, %den : f32
        %val = arith.mulf %silu, %eu : f32
        moe.yield %val : f32
    })";

/// Inputs of a block and the naive answer to them.
struct Inputs {
  HostTensor x, logits, gate, up, down;
  NaiveMoe naive;

  explicit Inputs(int64_t tokens, unsigned seed = 1)
      : x(randomTensor(DType::BF16, {tokens, kHidden}, seed)),
        logits(randomTensor(DType::F32, {tokens, kExperts}, seed + 1)),
        gate(randomTensor(DType::BF16, {kExperts, kIntermediate, kHidden}, seed + 2)),
        up(randomTensor(DType::BF16, {kExperts, kIntermediate, kHidden}, seed + 3)),
        down(randomTensor(DType::BF16, {kExperts, kHidden, kIntermediate}, seed + 4)) {
    naive = {tokens, kExperts, kTopK, kHidden, kIntermediate, {}, {}, {}, {}, {}};
    refresh();
  }
  void refresh() {
    naive.x = valuesOf(x);
    naive.logits = valuesOf(logits);
    naive.gate = valuesOf(gate);
    naive.up = valuesOf(up);
    naive.down = valuesOf(down);
  }

  /// gate and up in one [E, 2I, H] weight.
  HostTensor packed(bool interleaved, bool gateFirst) const {
    HostTensor both = *HostTensor::allocate(DType::BF16, {kExperts, 2 * kIntermediate, kHidden});
    for (int64_t e = 0; e < kExperts; ++e)
      for (int64_t i = 0; i < kIntermediate; ++i)
        for (int64_t j = 0; j < kHidden; ++j) {
          int64_t first = interleaved ? 2 * i : i;
          int64_t second = interleaved ? 2 * i + 1 : i + kIntermediate;
          int64_t from = (e * kIntermediate + i) * kHidden + j;
          int64_t base = e * 2 * kIntermediate * kHidden;
          both.set(base + (gateFirst ? first : second) * kHidden + j, gate.at(from));
          both.set(base + (gateFirst ? second : first) * kHidden + j, up.at(from));
        }
    return both;
  }

  /// The axes N and K of every expert exchanged.
  static HostTensor transposed(const HostTensor &w) {
    HostTensor t = *HostTensor::allocate(w.dtype(), {w.dim(0), w.dim(2), w.dim(1)});
    for (int64_t e = 0; e < w.dim(0); ++e)
      for (int64_t n = 0; n < w.dim(1); ++n)
        for (int64_t k = 0; k < w.dim(2); ++k)
          t.set((e * w.dim(2) + k) * w.dim(1) + n, w.at((e * w.dim(1) + n) * w.dim(2) + k));
    return t;
  }
};

constexpr char kUnfused[] = R"(
  func.func @f(%x: $X, %logits: $L, %gate: $G, %up: $G, %down: $D) -> $X {
    %w, %ids = moe.route %logits top_k(3) score(softmax) order(score_then_select) : ($L) -> ($W, $E)
    %rows, %routes, %offsets = moe.permute %ids, %x experts(5) : ($E, $X) -> ($X, $R, $O)
    %p, %po = moe.pad %rows, %offsets multiple(4) : ($X, $O) -> ($X, $O)
    %g = moe.grouped_matmul %p, %po, %gate : ($X, $O, $G) -> $H
    %u = moe.grouped_matmul %p, %po, %up : ($X, $O, $G) -> $H
    %h = moe.activation %g, %u kind(silu_gate) : ($H, $H) -> $H
    %d = moe.grouped_matmul %h, %po, %down : ($H, $O, $D) -> $X
    %un = moe.unpad %d, %po, %offsets, %routes : ($X, $O, $O, $R) -> $X
    %y = moe.combine %un, %w, %routes : ($X, $W, $R) -> $X
    return %y : $X
  })";

/// Every fusion at once: gather in the load, two weights, epilogue, combine.
const std::string kFused = std::string(R"(
  func.func @f(%x: $X, %logits: $L, %gate: $G, %up: $G, %down: $D) -> $X {
    %w, %ids = moe.route %logits top_k(3) score(softmax) order(score_then_select) : ($L) -> ($W, $E)
    %routes, %offsets = moe.permute %ids experts(5) : ($E) -> ($R, $O)
    %h = moe.grouped_matmul %x, %offsets, %gate, %up gather(%routes) top_k(3) )") +
                           kSiluEpilogue + R"( : ($X, $O, $G, $G, $R) -> $H
    %y = moe.grouped_matmul %h, %offsets, %down combine(%w, %routes) : ($H, $O, $D, $W, $R) -> $X
    return %y : $X
  })";

class ExpertOps : public ReferenceTest {
protected:
  std::vector<double> runBlock(std::string text, const Inputs &in) {
    auto results = evaluateText(expand(text), {in.x, in.logits, in.gate, in.up, in.down});
    return results.empty() ? std::vector<double>() : valuesOf(results[0]);
  }
};

TEST_F(ExpertOps, BlocksAgreeWithTheNaiveOne) {
  for (int64_t tokens : {0, 1, 2, 7, 33}) {
    Inputs in(tokens, 10 + static_cast<unsigned>(tokens));
    expectNear(runBlock(kUnfused, in), in.naive.run());
    expectNear(runBlock(kFused, in), in.naive.run());
  }
}

TEST_F(ExpertOps, TiesAndNanAgreeWithTheNaiveOne) {
  Inputs in(6);
  std::vector<double> logits = {1,         1,   1,   1,         1, // all tied
                                0,         2,   2,   2,         2, // the tie crosses the k-th place
                                NAN,       3,   NAN, 1,         0, // exactly k numbers
                                NAN,       NAN, 5,   NAN,       NAN, // fewer than k numbers
                                NAN,       NAN, NAN, NAN,       NAN, // none
                                -INFINITY, 1,   0,   -INFINITY, -1}; // an infinity that loses
  in.logits = tensorOf(DType::F32, {6, kExperts}, logits);
  in.refresh();
  expectNear(runBlock(kUnfused, in), in.naive.run());
  expectNear(runBlock(kFused, in), in.naive.run());
}

TEST_F(ExpertOps, AllTokensOnTheSameExperts) {
  Inputs in(9);
  for (int64_t t = 0; t < 9; ++t)
    for (int64_t e = 0; e < kExperts; ++e)
      in.logits.set(t * kExperts + e, static_cast<double>((e * 3) % kExperts));
  in.refresh();
  expectNear(runBlock(kUnfused, in), in.naive.run());
  expectNear(runBlock(kFused, in), in.naive.run());
}

TEST_F(ExpertOps, NanInOneTokenStaysThere) {
  Inputs in(4);
  in.x.set(2 * kHidden + 3, NAN);
  in.refresh();
  std::vector<double> y = runBlock(kUnfused, in);
  expectNear(y, in.naive.run());
  for (int64_t t = 0; t < 4; ++t)
    EXPECT_EQ(std::isnan(y[t * kHidden]), t == 2);
}

TEST_F(ExpertOps, RenormalizeAndSelectThenScore) {
  Inputs in(8);
  std::string renormalized = kUnfused;
  renormalized.replace(renormalized.find(" : ($L)"), 0, " renormalize");
  in.naive.renormalize = true;
  expectNear(runBlock(renormalized, in), in.naive.run());

  std::string selectFirst = kFused;
  selectFirst.replace(selectFirst.find("score_then_select"), 17, "select_then_score");
  in.naive.renormalize = false;
  in.naive.scoreThenSelect = false;
  expectNear(runBlock(selectFirst, in), in.naive.run());
}

TEST_F(ExpertOps, EveryExpertIsChosen) {
  std::string text = kFused;
  for (size_t at; (at = text.find("top_k(3)")) != std::string::npos;)
    text.replace(at, 8, "top_k(5)");
  for (const char *letter : {"$W", "$E"})
    for (size_t at; (at = text.find(letter)) != std::string::npos;)
      text.replace(at, 2, letter[1] == 'W' ? "tensor<?x5xf32>" : "tensor<?x5xi32>");
  Inputs in(4);
  in.naive.topK = 5;
  expectNear(runBlock(text, in), in.naive.run());
}

TEST_F(ExpertOps, PackedGateAndUp) {
  struct {
    const char *layout;
    bool interleaved, gateFirst;
  } layouts[] = {{"layout<halves, gate_first>", false, true},
                 {"layout<halves, up_first>", false, false},
                 {"layout<interleaved, gate_first>", true, true},
                 {"layout<interleaved, up_first>", true, false}};
  for (auto &layout : layouts) {
    Inputs in(6);
    // The layout is read by the epilogue of a product in one block and by an activation in the
    // other.
    std::string header = R"(
  func.func @f(%x: $X, %logits: $L, %gate_up: $U, %down: $D) -> $X {
    %w, %ids = moe.route %logits top_k(3) score(softmax) order(score_then_select) : ($L) -> ($W, $E)
    %routes, %offsets = moe.permute %ids experts(5) : ($E) -> ($R, $O)
)";
    std::string footer = R"(
    %y = moe.grouped_matmul %h, %offsets, %down combine(%w, %routes) : ($H, $O, $D, $W, $R) -> $X
    return %y : $X
  })";
    std::string fused = "%h = moe.grouped_matmul %x, %offsets, %gate_up gather(%routes) top_k(3) " +
                        std::string(layout.layout) + " " + kSiluEpilogue +
                        " : ($X, $O, $U, $R) -> $H";
    std::string separate = "%v = moe.grouped_matmul %x, %offsets, %gate_up gather(%routes) "
                           "top_k(3) : ($X, $O, $U, $R) -> $V\n"
                           "%h = moe.activation %v kind(silu_gate) " +
                           std::string(layout.layout) + " : ($V) -> $H";
    for (const std::string &middle : {fused, separate}) {
      auto results =
          evaluateText(expand(header + middle + footer),
                       {in.x, in.logits, in.packed(layout.interleaved, layout.gateFirst), in.down});
      ASSERT_EQ(results.size(), 1u) << layout.layout;
      expectNear(valuesOf(results[0]), in.naive.run());
    }
  }
}

TEST_F(ExpertOps, TransposedWeights) {
  Inputs in(5);
  std::string text = R"(
  func.func @f(%x: $X, %logits: $L, %gate: $T, %up: $T, %down: $G) -> $X {
    %w, %ids = moe.route %logits top_k(3) score(softmax) order(score_then_select) : ($L) -> ($W, $E)
    %routes, %offsets = moe.permute %ids experts(5) : ($E) -> ($R, $O)
    %h = moe.grouped_matmul %x, %offsets, %gate, %up gather(%routes) top_k(3) transposed )" +
                     std::string(kSiluEpilogue) + R"( : ($X, $O, $T, $T, $R) -> $H
    %y = moe.grouped_matmul %h, %offsets, %down combine(%w, %routes) transposed
        : ($H, $O, $G, $W, $R) -> $X
    return %y : $X
  })";
  auto results =
      evaluateText(expand(text), {in.x, in.logits, Inputs::transposed(in.gate),
                                  Inputs::transposed(in.up), Inputs::transposed(in.down)});
  ASSERT_EQ(results.size(), 1u);
  expectNear(valuesOf(results[0]), in.naive.run());
}

TEST_F(ExpertOps, TwoWeightsWithBiasGiveTwoResults) {
  std::string text = expand(R"(
  func.func @f(%x: $X, %offsets: $O, %gate: $G, %up: $G, %bg: $B, %bu: $B) -> ($H, $H) {
    %g, %u = moe.grouped_matmul %x, %offsets, %gate, %up bias(%bg, %bu)
        : ($X, $O, $G, $G, $B, $B) -> ($H, $H)
    return %g, %u : $H, $H
  })");
  Inputs in(6);
  HostTensor biasGate = randomTensor(DType::BF16, {kExperts, kIntermediate}, 50);
  HostTensor biasUp = randomTensor(DType::BF16, {kExperts, kIntermediate}, 51);
  // Groups of 2, 0, 3, 0, 0 rows; row 5 is in no group and stays zero, bias or not.
  std::vector<double> offsets = {0, 2, 2, 5, 5, 5};
  int64_t expertOf[] = {0, 0, 2, 2, 2, -1};
  auto results = evaluateText(
      text, {in.x, tensorOf(DType::I32, {6}, offsets), in.gate, in.up, biasGate, biasUp});
  ASSERT_EQ(results.size(), 2u);
  for (int which = 0; which < 2; ++which) {
    const HostTensor &weight = which == 0 ? in.gate : in.up;
    const HostTensor &bias = which == 0 ? biasGate : biasUp;
    std::vector<double> expected(6 * kIntermediate, 0.0);
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t n = 0; n < kIntermediate; ++n) {
        int64_t row = expertOf[i] * kIntermediate + n;
        double sum = bias.at(row);
        for (int64_t j = 0; j < kHidden; ++j)
          sum += in.x.at(i * kHidden + j) * weight.at(row * kHidden + j);
        expected[i * kIntermediate + n] = sum;
      }
    expectNear(valuesOf(results[which]), expected);
  }
}

TEST_F(ExpertOps, GivenExpertsWithPaddingSlots) {
  // Slots of id -1, or of no expert at all, contribute nothing: neither rows nor NaN.
  std::string text = expand(R"(
  func.func @f(%x: $X, %w: $W, %ids: $E, %down: $T) -> tensor<?x7xbf16> {
    %routes, %offsets = moe.permute %ids experts(5) : ($E) -> ($R, $O)
    %y = moe.grouped_matmul %x, %offsets, %down gather(%routes) top_k(3)
        combine(%w, %routes) transposed : ($X, $O, $T, $R, $W, $R) -> tensor<?x7xbf16>
    return %y : tensor<?x7xbf16>
  })");
  HostTensor x = randomTensor(DType::BF16, {3, kHidden}, 1);
  HostTensor weights = randomTensor(DType::F32, {3, 3}, 2);
  HostTensor w = randomTensor(DType::BF16, {kExperts, kHidden, kIntermediate}, 3);
  std::vector<double> ids = {4, -1, 0, -1, -1, -1, 99, 2, 2};
  auto results = evaluateText(text, {x, weights, tensorOf(DType::I32, {3, 3}, ids), w});
  ASSERT_EQ(results.size(), 1u);
  std::vector<double> expected(3 * kIntermediate, 0.0);
  for (int64_t t = 0; t < 3; ++t)
    for (int64_t s = 0; s < 3; ++s) {
      int64_t e = static_cast<int64_t>(ids[t * 3 + s]);
      if (e < 0 || e >= kExperts)
        continue;
      for (int64_t n = 0; n < kIntermediate; ++n)
        for (int64_t j = 0; j < kHidden; ++j)
          expected[t * kIntermediate + n] += weights.at(t * 3 + s) * x.at(t * kHidden + j) *
                                             w.at((e * kHidden + j) * kIntermediate + n);
    }
  expectNear(valuesOf(results[0]), expected);
  for (int64_t n = 0; n < kIntermediate; ++n)
    EXPECT_EQ(valuesOf(results[0])[kIntermediate + n], 0.0) << "token 1 has no expert";
}

TEST_F(ExpertOps, ResultsDoNotDependOnTheThreads) {
  Inputs in(40);
  std::vector<HostTensor> arguments = {in.x, in.logits, in.gate, in.up, in.down};
  for (const std::string &text : {std::string(kUnfused), kFused}) {
    HostTensor one = evaluateText(expand(text), arguments, 1).at(0);
    HostTensor many = evaluateText(expand(text), arguments, 7).at(0);
    EXPECT_EQ(std::memcmp(one.data(), many.data(), one.byteSize()), 0);
  }
}

TEST_F(ExpertOps, EveryElementTypeIsRead) {
  for (auto [type, dtype] : {std::pair{"f32", DType::F32}, {"f16", DType::F16}}) {
    std::string text = expand(kFused);
    for (size_t at; (at = text.find("bf16")) != std::string::npos;)
      text.replace(at, 4, type);
    Inputs in(5);
    for (HostTensor *tensor : {&in.x, &in.gate, &in.up, &in.down})
      *tensor = randomTensor(dtype, {tensor->shape().begin(), tensor->shape().end()}, 77);
    in.refresh();
    expectNear(runBlock(text, in), in.naive.run());
  }
}

TEST_F(ExpertOps, ErrorsNameTheOp) {
  Inputs in(2);
  std::vector<HostTensor> arguments = {in.x, in.logits, in.gate, in.up};
  EXPECT_NE(errorsOf(expand(kFused), arguments).find("expects 5 arguments, but got 4"),
            std::string::npos);
  arguments.push_back(in.gate);
  EXPECT_NE(errorsOf(expand(kFused), arguments)
                .find("expects argument #4 to be 'tensor<5x11x7xbf16>', but got bf16[5, 7, 11]"),
            std::string::npos)
      << errors;
  EXPECT_NE(errorsOf(R"(
  func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
    %y = arith.addf %x, %x : tensor<2xf32>
    return %y : tensor<2xf32>
  })",
                     {*HostTensor::allocate(DType::F32, {2})})
                .find("'arith.addf' op is not known to the reference evaluator"),
            std::string::npos)
      << errors;
  EXPECT_NE(errorsOf(expand(R"(
  func.func @f(%x: $X, %o: $O, %g: $G, %routes: $R) -> $H {
    %h = moe.grouped_matmul %x, %o, %g gather(%routes) top_k(3) : ($X, $O, $G, $R) -> $H
    return %h : $H
  })"),
                     {in.x, *HostTensor::allocate(DType::I32, {6}), in.gate,
                      tensorOf(DType::I32, {2}, {0, 6})})
                .find("expects routes below 6 or -1, but got 6"),
            std::string::npos)
      << errors;
}

TEST_F(ExpertOps, ConstantsAreRead) {
  auto results = evaluateText(R"(
  func.func @f(%x: tensor<2x2xf32>, %w: tensor<2x1x2xf32>) -> tensor<2x1xf32> {
    %o = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
    %y = moe.grouped_matmul %x, %o, %w
        : (tensor<2x2xf32>, tensor<3xi32>, tensor<2x1x2xf32>) -> tensor<2x1xf32>
    return %y : tensor<2x1xf32>
  })",
                              {tensorOf(DType::F32, {2, 2}, {1, 2, 3, 4}),
                               tensorOf(DType::F32, {2, 1, 2}, {10, 1, 100, 1000})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(valuesOf(results[0]), (std::vector<double>{12, 4300}));
}

} // namespace
