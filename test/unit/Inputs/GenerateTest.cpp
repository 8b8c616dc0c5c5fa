// Generated values: independence of the thread count, statistics, roles.

#include "compiler/Inputs/Inputs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

using namespace moec;
using moert::DType;
using moert::HostTensor;
using moert::StatusCode;

namespace {

InputSpec makeSpec(InputRole role, DType dtype, std::vector<int64_t> shape) {
  InputSpec spec;
  spec.name = "x";
  spec.role = role;
  spec.dtype = dtype;
  spec.shape = std::move(shape);
  spec.numExperts = 16;
  return spec;
}

HostTensor generate(const InputSpec &spec, InputOptions options = {}) {
  moert::Result<HostTensor> tensor = generateInput(spec, options);
  EXPECT_TRUE(tensor.isOk()) << tensor.status().message();
  return tensor.isOk() ? *tensor : HostTensor();
}

bool sameBits(const HostTensor &a, const HostTensor &b) {
  return a.byteSize() == b.byteSize() && std::memcmp(a.data(), b.data(), a.byteSize()) == 0;
}

const InputSpec kAllRoles[] = {
    makeSpec(InputRole::Data, DType::BF16, {kTokensDim, 333}),
    makeSpec(InputRole::Weight, DType::BF16, {7, 391, 301}),
    makeSpec(InputRole::Weight, DType::F16, {7, 391, 301}),
    makeSpec(InputRole::Weight, DType::F8E4M3, {3, 391, 301}),
    makeSpec(InputRole::Bias, DType::F32, {7, 100}),
    makeSpec(InputRole::RouterLogits, DType::F32, {kTokensDim, 16}),
    makeSpec(InputRole::RoutingWeights, DType::F32, {kTokensDim, 4}),
    makeSpec(InputRole::ExpertIds, DType::I32, {kTokensDim, 4}),
    makeSpec(InputRole::Routes, DType::I32, {kTokensDim}),
    makeSpec(InputRole::Offsets, DType::I32, {17}),
};

TEST(Generate, BitsDoNotDependOnTheThreads) {
  for (const InputSpec &spec : kAllRoles) {
    InputOptions options{.tokens = 3001, .seed = 9, .routing = {Routing::Kind::Zipf, 1.2}};
    options.threads = 1;
    HostTensor expected = generate(spec, options);
    for (unsigned threads : {2u, 3u, 16u}) {
      options.threads = threads;
      EXPECT_TRUE(sameBits(generate(spec, options), expected)) << static_cast<int>(spec.role);
    }
  }
}

TEST(Generate, BitsDependOnSeedAndName) {
  for (const InputSpec &spec : kAllRoles) {
    HostTensor first = generate(spec, {.tokens = 64, .seed = 1});
    EXPECT_FALSE(sameBits(first, generate(spec, {.tokens = 64, .seed = 2})));
    InputSpec other = spec;
    other.name = "y";
    EXPECT_FALSE(sameBits(first, generate(other, {.tokens = 64, .seed = 1})));
  }
}

TEST(Generate, MoreTokensKeepTheFirstOnes) {
  InputSpec spec = makeSpec(InputRole::Data, DType::BF16, {kTokensDim, 64});
  HostTensor few = generate(spec, {.tokens = 3}), many = generate(spec, {.tokens = 3000});
  EXPECT_EQ(std::memcmp(few.data(), many.data(), few.byteSize()), 0);
}

struct Moments {
  double mean = 0, deviation = 0, kurtosis = 0;
};
Moments momentsOf(const HostTensor &tensor) {
  Moments m;
  double n = static_cast<double>(tensor.numElements()), square = 0, fourth = 0;
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    m.mean += tensor.at(i) / n;
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    double d = tensor.at(i) - m.mean;
    square += d * d / n;
    fourth += d * d * d * d / n;
  }
  m.deviation = std::sqrt(square);
  m.kurtosis = fourth / (square * square);
  return m;
}

TEST(Generate, DataIsNearlyStandardNormal) {
  Moments m = momentsOf(generate(makeSpec(InputRole::Data, DType::F32, {1000, 500})));
  EXPECT_NEAR(m.mean, 0.0, 5 / std::sqrt(500000.0));
  EXPECT_NEAR(m.deviation, 1.0, 0.005);
  EXPECT_NEAR(m.kurtosis, 2.7, 0.03); // 3 - 6/5/4 for a sum of four uniforms
}

TEST(Generate, WeightsAreUniformOfDeviationOneOverRootK) {
  for (DType dtype : {DType::F32, DType::BF16, DType::F16}) {
    InputSpec spec = makeSpec(InputRole::Weight, dtype, {4, 500, 250});
    spec.fanIn = 250;
    Moments m = momentsOf(generate(spec));
    EXPECT_NEAR(m.mean * std::sqrt(250.0), 0.0, 5 / std::sqrt(500000.0));
    EXPECT_NEAR(m.deviation * std::sqrt(250.0), 1.0, 0.005);
    EXPECT_NEAR(m.kurtosis, 1.8, 0.02);
  }
}

TEST(Generate, NeighboursAreUncorrelated) {
  HostTensor w = generate(makeSpec(InputRole::Weight, DType::F32, {1, 500, 1000}));
  for (int64_t lag : {1, 2, 3, 4, 7, 1000, 1024}) {
    double sum = 0;
    int64_t n = w.numElements() - lag;
    for (int64_t i = 0; i < n; ++i)
      sum += w.at(i) * w.at(i + lag);
    EXPECT_NEAR(sum / static_cast<double>(n), 0.0, 5 / std::sqrt(static_cast<double>(n))) << lag;
  }
}

TEST(Generate, RoutingWeightsAreInTheirRange) {
  HostTensor w = generate(makeSpec(InputRole::RoutingWeights, DType::F32, {500, 4}));
  for (int64_t i = 0; i < w.numElements(); ++i) {
    EXPECT_GE(w.at(i), 0.5 / 4);
    EXPECT_LE(w.at(i), 1.5 / 4);
  }
}

TEST(Generate, BiasesAndRoutingWeightsSpreadAsTheyShould) {
  Moments bias = momentsOf(generate(makeSpec(InputRole::Bias, DType::F32, {1000, 500})));
  EXPECT_NEAR(bias.deviation, 0.25, 0.002);
  // Uniform from half of the mean to three halves.
  Moments weights =
      momentsOf(generate(makeSpec(InputRole::RoutingWeights, DType::F32, {50000, 4})));
  EXPECT_NEAR(weights.mean, 0.25, 0.001);
  EXPECT_NEAR(weights.deviation, 0.25 / std::sqrt(12.0), 0.001);
}

TEST(Generate, ExpertIdsAreDistinctAndInRange) {
  HostTensor ids = generate(makeSpec(InputRole::ExpertIds, DType::I32, {kTokensDim, 4}),
                            {.tokens = 200, .routing = {Routing::Kind::Zipf, 2.0}});
  for (int64_t t = 0; t < 200; ++t) {
    std::set<double> seen;
    for (int64_t s = 0; s < 4; ++s) {
      seen.insert(ids.at(t * 4 + s));
      EXPECT_GE(ids.at(t * 4 + s), 0);
      EXPECT_LT(ids.at(t * 4 + s), 16);
    }
    EXPECT_EQ(seen.size(), 4u);
  }
}

TEST(Generate, AHistogramMustFitLogitsAndExpertIds) {
  Routing routing{Routing::Kind::Histogram};
  routing.histogram = {"h.json", std::vector<double>(16, 0.0)};
  routing.histogram.counts[3] = routing.histogram.counts[7] = 5;
  InputSpec logits = makeSpec(InputRole::RouterLogits, DType::F32, {kTokensDim, 16});
  logits.topK = 2;
  const HostTensor drawn = generate(logits, {.tokens = 50, .routing = routing});
  for (int64_t i = 0; i < drawn.numElements(); ++i)
    EXPECT_EQ(std::isfinite(drawn.at(i)), i % 16 == 3 || i % 16 == 7) << i;
  InputSpec ids = makeSpec(InputRole::ExpertIds, DType::I32, {kTokensDim, 2});
  const HostTensor chosen = generate(ids, {.tokens = 50, .routing = routing});
  for (int64_t i = 0; i < chosen.numElements(); ++i)
    EXPECT_TRUE(chosen.at(i) == 3 || chosen.at(i) == 7) << i;

  logits.topK = 3;
  ids.shape[1] = 3;
  for (const InputSpec &spec : {logits, ids}) {
    auto tensor = generateInput(spec, {.tokens = 50, .routing = routing});
    ASSERT_FALSE(tensor.isOk());
    EXPECT_EQ(tensor.status().code(), StatusCode::InvalidInput);
    EXPECT_EQ(tensor.status().message(), "h.json: expects at least 3 counts above 0, as each token "
                                         "chooses that many experts, but got 2");
  }
  routing.histogram.counts.pop_back();
  for (const InputSpec &spec : {logits, ids})
    EXPECT_EQ(generateInput(spec, {.tokens = 50, .routing = routing}).status().message(),
              "h.json: expects 16 counts, one for each expert, but got 15");
  // What no routing decides takes any.
  EXPECT_TRUE(generateInput(makeSpec(InputRole::RoutingWeights, DType::F32, {kTokensDim, 4}),
                            {.tokens = 50, .routing = routing})
                  .isOk());
}

TEST(Generate, RoutesAreAPermutationAndOffsetsAscend) {
  InputSpec routesSpec = makeSpec(InputRole::Routes, DType::I32, {kTokensDim});
  routesSpec.rowsPerToken = 4;
  HostTensor routes = generate(routesSpec, {.tokens = 50});
  std::set<double> seen;
  for (int64_t i = 0; i < routes.numElements(); ++i)
    seen.insert(routes.at(i));
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(*seen.rbegin(), 199.0);

  InputSpec offsetsSpec = makeSpec(InputRole::Offsets, DType::I32, {17});
  offsetsSpec.rowsPerToken = 4;
  HostTensor offsets = generate(offsetsSpec, {.tokens = 50});
  EXPECT_EQ(offsets.at(0), 0.0);
  EXPECT_EQ(offsets.at(16), 200.0);
  for (int64_t e = 0; e < 16; ++e)
    EXPECT_LE(offsets.at(e), offsets.at(e + 1));
}

TEST(Generate, NoTokensGiveEmptyTensors) {
  for (const InputSpec &spec : kAllRoles) {
    HostTensor tensor = generate(spec, {.tokens = 0});
    if (spec.shape[0] == kTokensDim) {
      EXPECT_EQ(tensor.numElements(), 0);
    }
  }
}

TEST(Generate, RefusesWhatNoRoleFits) {
  const InputSpec bad[] = {
      makeSpec(InputRole::Data, DType::I32, {4}),
      makeSpec(InputRole::ExpertIds, DType::F32, {4, 4}),
      makeSpec(InputRole::RouterLogits, DType::F32, {4}),
      makeSpec(InputRole::ExpertIds, DType::I32, {4, 17}), // k > E
      makeSpec(InputRole::Routes, DType::I32, {4, 2}),
      makeSpec(InputRole::Offsets, DType::F32, {4}),
  };
  for (const InputSpec &spec : bad) {
    moert::Result<HostTensor> tensor = generateInput(spec, {.tokens = 4});
    ASSERT_FALSE(tensor.isOk());
    EXPECT_EQ(tensor.status().code(), StatusCode::Unsupported);
    EXPECT_NE(tensor.status().message().find("argument 'x'"), std::string::npos);
  }
}

} // namespace
