// Routing distributions: the grammar, and the statistics of the experts that logits select.

#include "compiler/Inputs/Routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

using namespace moec;
using moert::StatusCode;

namespace {

TEST(RoutingGrammar, ReadsWhatItPrints) {
  for (const char *text : {"uniform", "balanced", "one-expert", "zipf:0", "zipf:1.2", "zipf:64"}) {
    moert::Result<Routing> routing = parseRouting(text);
    ASSERT_TRUE(routing.isOk()) << text;
    EXPECT_EQ(toString(*routing), text);
    EXPECT_EQ(*parseRouting(toString(*routing)), *routing);
  }
}

TEST(RoutingGrammar, RefusesTheRest) {
  for (const char *text :
       {"", "Uniform", "zipf", "zipf:", "zipf:-1", "zipf:65", "zipf:nan", "zipf:inf", "zipf:1x",
        "zipf: 1", "one-experts", "uniform ", "histogram", "histogram:"}) {
    moert::Result<Routing> routing = parseRouting(text);
    ASSERT_FALSE(routing.isOk()) << text;
    EXPECT_EQ(routing.status().code(), StatusCode::Usage);
    EXPECT_NE(routing.status().message().find(std::string("but got '") + text + "'"),
              std::string::npos);
  }
}

TEST(Routing, PopularityOrderIsASeededPermutation) {
  std::vector<int32_t> order = popularityOrder(64, 1, "router_logits");
  EXPECT_EQ(std::set<int32_t>(order.begin(), order.end()).size(), 64u);
  EXPECT_EQ(*std::ranges::max_element(order), 63);
  EXPECT_EQ(order, popularityOrder(64, 1, "router_logits"));
  EXPECT_NE(order, popularityOrder(64, 2, "router_logits"));
}

/// How often each expert is the first choice of `tokens` tokens.
std::vector<double> firstChoiceShares(const Routing &routing, int64_t numExperts, int64_t tokens) {
  LogitSource source(routing, numExperts, 5, "router_logits");
  std::vector<double> shares(numExperts, 0.0);
  int32_t expert = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    source.choose(t, {&expert, 1});
    shares[expert] += 1.0 / static_cast<double>(tokens);
  }
  return shares;
}

TEST(Routing, UniformIsEven) {
  constexpr int64_t kTokens = 40000;
  constexpr int64_t kExperts = 16;
  // Chi-square with 15 degrees of freedom: mean 15, deviation 5.5; 50 is beyond 6 deviations.
  double chiSquare = 0.0;
  for (double share : firstChoiceShares({}, kExperts, kTokens)) {
    double difference = (share - 1.0 / kExperts) * kTokens;
    chiSquare += difference * difference / (static_cast<double>(kTokens) / kExperts);
  }
  EXPECT_LT(chiSquare, 50.0);
}

TEST(Routing, BalancedGivesEveryExpertTheSame) {
  const Routing routing{Routing::Kind::Balanced};
  for (int64_t experts : {1, 2, 8, 60, 128})
    for (int64_t topK : {1, 2, 6, 8}) {
      if (topK > experts)
        continue;
      LogitSource source(routing, experts, 5, "router_logits");
      std::vector<int64_t> counts(experts, 0);
      std::vector<int32_t> chosen(topK), before(topK, -1);
      for (int64_t t = 0; t < 3 * experts; ++t) {
        source.choose(t, chosen);
        EXPECT_EQ(std::set<int32_t>(chosen.begin(), chosen.end()).size(), size_t(topK));
        EXPECT_TRUE(experts == 1 || chosen != before) << "tokens differ in their experts";
        before = chosen;
        for (int32_t expert : chosen)
          ++counts[expert];
      }
      EXPECT_EQ(std::set<int64_t>(counts.begin(), counts.end()), std::set<int64_t>{3 * topK})
          << experts << " experts, " << topK << " a token";
    }
}

/// Of any number of tokens the numbers differ by little, since their first experts lie apart.
TEST(Routing, BalancedIsNearlySoOfAnyNumberOfTokens) {
  LogitSource source({Routing::Kind::Balanced}, 128, 5, "router_logits");
  std::vector<int64_t> counts(128, 0);
  for (int64_t t = 0; t < 1000; ++t) {
    int32_t chosen[8];
    source.choose(t, chosen);
    for (int32_t expert : chosen)
      ++counts[expert];
    auto [least, most] = std::ranges::minmax(counts);
    ASSERT_LE(most - least, 4) << t + 1 << " tokens";
  }
}

TEST(Routing, ZipfFirstChoicesFollowTheLaw) {
  constexpr int64_t kTokens = 60000;
  constexpr int64_t kExperts = 8;
  constexpr double kExponent = 1.2;
  std::vector<double> shares =
      firstChoiceShares({Routing::Kind::Zipf, kExponent}, kExperts, kTokens);
  double total = 0.0;
  for (int64_t r = 1; r <= kExperts; ++r)
    total += std::pow(r, -kExponent);
  std::vector<int32_t> order = popularityOrder(kExperts, 5, "router_logits");
  for (int64_t r = 1; r <= kExperts; ++r) {
    double expected = std::pow(r, -kExponent) / total;
    double deviation = std::sqrt(expected * (1 - expected) / kTokens);
    EXPECT_NEAR(shares[order[r - 1]], expected, 5 * deviation) << "rank " << r;
  }
}

TEST(Routing, ZipfSecondChoicesAreDrawnWithoutReplacement) {
  // P(second = j | first = i) = w_j / (W - w_i): checked for the most popular expert as first
  // choice.
  constexpr int64_t kTokens = 60000;
  constexpr int64_t kExperts = 4;
  LogitSource source({Routing::Kind::Zipf, 1.0}, kExperts, 5, "x");
  std::vector<int32_t> order = popularityOrder(kExperts, 5, "x");
  double first = 0, thenSecond = 0;
  for (int64_t t = 0; t < kTokens; ++t) {
    int32_t pair[2];
    source.choose(t, pair);
    ASSERT_NE(pair[0], pair[1]);
    if (pair[0] == order[0]) {
      ++first;
      thenSecond += pair[1] == order[1];
    }
  }
  double expected = (1.0 / 2) / (1.0 / 2 + 1.0 / 3 + 1.0 / 4);
  EXPECT_NEAR(thenSecond / first, expected, 5 * std::sqrt(expected * (1 - expected) / first));
}

Routing histogramOf(std::vector<double> counts) {
  Routing routing{Routing::Kind::Histogram};
  routing.histogram.counts = std::move(counts);
  return routing;
}

TEST(Routing, HistogramFirstChoicesAreInProportion) {
  constexpr int64_t kTokens = 60000;
  const std::vector<double> counts = {400, 0, 100, 250, 0.5, 249.5};
  std::vector<double> shares =
      firstChoiceShares(histogramOf(counts), int64_t(counts.size()), kTokens);
  for (size_t e = 0; e < counts.size(); ++e) {
    double expected = counts[e] / 1000;
    double deviation = std::sqrt(expected * (1 - expected) / kTokens);
    EXPECT_NEAR(shares[e], expected, 5 * deviation) << "expert " << e;
  }
}

TEST(Routing, HistogramDrawsWithoutReplacement) {
  // P(second = 3 | first = 0) = w_3 / (W - w_0), and what was never chosen comes last.
  constexpr int64_t kTokens = 60000;
  LogitSource source(histogramOf({5, 0, 2, 3}), 4, 5, "x");
  double first = 0, thenLast = 0;
  for (int64_t t = 0; t < kTokens; ++t) {
    int32_t chosen[4];
    source.choose(t, chosen);
    ASSERT_EQ(std::set<int32_t>(std::begin(chosen), std::end(chosen)).size(), 4u);
    ASSERT_EQ(chosen[3], 1);
    if (chosen[0] == 0) {
      ++first;
      thenLast += chosen[1] == 3;
    }
  }
  double expected = 3.0 / 5;
  EXPECT_NEAR(thenLast / first, expected, 5 * std::sqrt(expected * (1 - expected) / first));
}

TEST(Routing, HistogramScaleDoesNotMatter) {
  // Weights beyond the range of float, whose sum is beyond that of double.
  LogitSource small(histogramOf({1e-320, 3e-320}), 2, 5, "x");
  LogitSource large(histogramOf({5e307, 1.5e308}), 2, 5, "x");
  for (int64_t t = 0; t < 100; ++t) {
    EXPECT_TRUE(std::isfinite(small.logit(t, 0)));
    EXPECT_NEAR(small.logit(t, 0), large.logit(t, 0), 1e-3); // 1e-320 has few digits
    EXPECT_NEAR(small.logit(t, 1), large.logit(t, 1), 1e-3);
  }
}

TEST(Routing, OneExpertIsOneOrderForAllTokens) {
  for (int64_t numExperts : {1, 8, 256}) {
    LogitSource source({Routing::Kind::OneExpert, 0.0}, numExperts, 3, "router_logits");
    std::vector<int32_t> order = popularityOrder(numExperts, 3, "router_logits");
    for (int64_t t = 0; t < 100; ++t) {
      std::vector<int32_t> chosen(std::min<int64_t>(numExperts, 32));
      source.choose(t, chosen);
      EXPECT_TRUE(std::equal(chosen.begin(), chosen.end(), order.begin()));
    }
    EXPECT_NE(source.logit(0, 0), source.logit(1, 0)) << "tokens must differ in their weights";
  }
}

} // namespace
