//===- Routing.cpp - Distributions of tokens over experts
//-----------------------------------------===//

#include "compiler/Inputs/Routing.h"
#include "compiler/Inputs/Random.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace moec {

using moert::Result;
using moert::Status;
using moert::StatusCode;

Result<Routing> parseRouting(std::string_view text) {
  if (text == "uniform")
    return Routing{};
  if (text == "balanced")
    return Routing{Routing::Kind::Balanced, 0.0};
  if (text == "one-expert")
    return Routing{Routing::Kind::OneExpert, 0.0};
  constexpr std::string_view kZipf = "zipf:";
  constexpr double kMaxExponent = 64.0; // beyond it the second expert's share is below 2^-64
  if (text.starts_with(kZipf)) {
    std::string_view number = text.substr(kZipf.size());
    double exponent = 0.0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), exponent);
    if (error == std::errc() && end == number.data() + number.size() && exponent >= 0.0 &&
        exponent <= kMaxExponent)
      return Routing{Routing::Kind::Zipf, exponent};
    return Status(StatusCode::Usage, fmt::format("expects zipf:A with A from 0 to {}, but got '{}'",
                                                 kMaxExponent, text));
  }
  constexpr std::string_view kHistogram = "histogram:";
  if (text.starts_with(kHistogram) && text.size() > kHistogram.size()) {
    Routing routing{Routing::Kind::Histogram};
    MOERT_ASSIGN_OR_RETURN(routing.histogram,
                           readHistogram(std::string(text.substr(kHistogram.size()))));
    return routing;
  }
  return Status(StatusCode::Usage,
                fmt::format("expects a routing of {}, but got '{}'", kRoutingGrammar, text));
}

std::string toString(const Routing &routing) {
  switch (routing.kind) {
  case Routing::Kind::Uniform:
    return "uniform";
  case Routing::Kind::Zipf:
    return fmt::format("zipf:{}", routing.exponent);
  case Routing::Kind::Balanced:
    return "balanced";
  case Routing::Kind::OneExpert:
    return "one-expert";
  case Routing::Kind::Histogram:
    return "histogram:" + routing.histogram.path;
  }
  return "unknown";
}

std::string identityOf(const Routing &routing) {
  if (routing.kind == Routing::Kind::Histogram)
    return "histogram:" + routing.histogram.digest();
  return toString(routing);
}

Status checkRouting(const Routing &routing, int64_t numExperts, int64_t topK) {
  if (routing.kind != Routing::Kind::Histogram)
    return Status::ok();
  const Histogram &histogram = routing.histogram;
  if (static_cast<int64_t>(histogram.counts.size()) != numExperts)
    return Status(StatusCode::InvalidInput,
                  fmt::format("{}: expects {} counts, one for each expert, but got {}",
                              histogram.path, numExperts, histogram.counts.size()));
  int64_t chosen = std::ranges::count_if(histogram.counts, [](double count) { return count > 0; });
  int64_t needed = std::max<int64_t>(topK, 1);
  if (chosen < needed)
    return Status(StatusCode::InvalidInput,
                  fmt::format("{}: expects at least {} counts above 0, as each token chooses that "
                              "many experts, but got {}",
                              histogram.path, needed, chosen));
  return Status::ok();
}

std::vector<int32_t> popularityOrder(int64_t numExperts, uint64_t seed, std::string_view name) {
  RandomStream stream(seed, std::string(name) + "/order");
  std::vector<int32_t> order(static_cast<size_t>(numExperts));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = numExperts - 1; i > 0; --i) // Fisher and Yates
    std::swap(order[i], order[stream.word(i) % static_cast<uint64_t>(i + 1)]);
  return order;
}

LogitSource::LogitSource(const Routing &routing, int64_t numExperts, uint64_t seed,
                         std::string_view name)
    : kind(routing.kind), numExperts(numExperts), noise(seed, name),
      base(static_cast<size_t>(numExperts), 0.0) {
  if (kind == Routing::Kind::Uniform)
    return;
  if (kind == Routing::Kind::Histogram) {
    const std::vector<double> &counts = routing.histogram.counts;
    double largest = *std::ranges::max_element(counts);
    for (size_t e = 0; e < counts.size(); ++e)
      base[e] = std::log(counts[e]) - std::log(largest);
    return;
  }
  std::vector<int32_t> order = popularityOrder(numExperts, seed, name);
  for (int64_t rank = 0; rank < numExperts; ++rank) {
    double place = static_cast<double>(rank);
    base[order[rank]] = kind == Routing::Kind::Zipf       ? -routing.exponent * std::log(place + 1)
                        : kind == Routing::Kind::Balanced ? place
                                                          : -0.25 * place;
  }
  if (kind == Routing::Kind::Balanced)
    for (stride = static_cast<int64_t>(0.618 * static_cast<double>(numExperts));
         std::gcd(stride, numExperts) != 1;)
      ++stride;
}

double LogitSource::logit(int64_t token, int64_t expert) const {
  double unit = noise.unit(static_cast<uint64_t>(token * numExperts + expert));
  if (kind == Routing::Kind::OneExpert)
    return base[expert] + 0.2 * (unit - 0.5);
  if (kind == Routing::Kind::Balanced) {
    int64_t first = token % numExperts * stride % numExperts;
    int64_t behind = (static_cast<int64_t>(base[expert]) - first + numExperts) % numExperts;
    return -0.25 * static_cast<double>(behind) + 0.2 * (unit - 0.5);
  }
  return base[expert] - std::log(-std::log(unit));
}

void LogitSource::choose(int64_t token, std::span<int32_t> experts) const {
  std::vector<std::pair<double, int32_t>> ranked;
  ranked.reserve(static_cast<size_t>(numExperts));
  for (int64_t e = 0; e < numExperts; ++e)
    ranked.emplace_back(-logit(token, e), static_cast<int32_t>(e));
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<int64_t>(experts.size()),
                    ranked.end());
  for (size_t s = 0; s < experts.size(); ++s)
    experts[s] = ranked[s].second;
}

} // namespace moec
