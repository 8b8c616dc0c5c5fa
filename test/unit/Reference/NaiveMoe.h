// A second opinion on the whole block, token by token and without any sorting: the oracle's oracle.
// Plain loops over vectors; nothing of the evaluator is used, and no expert's rows are ever
// grouped.
#ifndef MOEC_TEST_UNIT_REFERENCE_NAIVEMOE_H
#define MOEC_TEST_UNIT_REFERENCE_NAIVEMOE_H

#include <cmath>
#include <cstdint>
#include <vector>

namespace moec::test {

struct NaiveMoe {
  int64_t tokens, experts, topK, hidden, intermediate;
  std::vector<double> x;        ///< [T, H]
  std::vector<double> logits;   ///< [T, E]
  std::vector<double> gate, up; ///< [E, I, H]
  std::vector<double> down;     ///< [E, H, I]
  bool scoreThenSelect = true;
  bool renormalize = false;

  /// The ids of the winners of token t: k times the best one that is left.
  std::vector<int64_t> choose(int64_t t) const {
    std::vector<int64_t> chosen;
    std::vector<bool> taken(experts, false);
    for (int64_t s = 0; s < topK; ++s) {
      int64_t best = -1;
      for (int64_t e = 0; e < experts; ++e) {
        if (taken[e])
          continue;
        double candidate = logits[t * experts + e];
        double leader = best < 0 ? 0.0 : logits[t * experts + best];
        // A later expert must be strictly better; a number is better than NaN.
        if (best < 0 || candidate > leader || (std::isnan(leader) && !std::isnan(candidate)))
          best = e;
      }
      taken[best] = true;
      chosen.push_back(best);
    }
    return chosen;
  }

  std::vector<double> weigh(int64_t t, const std::vector<int64_t> &chosen) const {
    auto exponential = [&](int64_t e) {
      double logit = logits[t * experts + e];
      return std::isnan(logit) ? 0.0 : std::exp(logit);
    };
    double all = 0.0, selected = 0.0;
    for (int64_t e = 0; e < experts; ++e)
      all += exponential(e);
    for (int64_t e : chosen)
      selected += exponential(e);
    double denominator = scoreThenSelect && !renormalize ? all : selected;
    std::vector<double> weights;
    for (int64_t e : chosen)
      weights.push_back(denominator == 0.0 ? 0.0 : exponential(e) / denominator);
    return weights;
  }

  /// One expert's answer for one token: down(silu(gate x) * (up x)).
  std::vector<double> expert(int64_t e, const double *token) const {
    std::vector<double> middle(intermediate), answer(hidden, 0.0);
    for (int64_t i = 0; i < intermediate; ++i) {
      double g = 0.0, u = 0.0;
      for (int64_t j = 0; j < hidden; ++j) {
        g += gate[(e * intermediate + i) * hidden + j] * token[j];
        u += up[(e * intermediate + i) * hidden + j] * token[j];
      }
      middle[i] = g / (1.0 + std::exp(-g)) * u;
    }
    for (int64_t j = 0; j < hidden; ++j)
      for (int64_t i = 0; i < intermediate; ++i)
        answer[j] += down[(e * hidden + j) * intermediate + i] * middle[i];
    return answer;
  }

  /// The block's output [T, H].
  std::vector<double> run() const {
    std::vector<double> y(tokens * hidden, 0.0);
    for (int64_t t = 0; t < tokens; ++t) {
      std::vector<int64_t> chosen = choose(t);
      std::vector<double> weights = weigh(t, chosen);
      for (int64_t s = 0; s < topK; ++s) {
        std::vector<double> answer = expert(chosen[s], &x[t * hidden]);
        for (int64_t j = 0; j < hidden; ++j)
          y[t * hidden + j] += weights[s] * answer[j];
      }
    }
    return y;
  }
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_REFERENCE_NAIVEMOE_H
