//===- RoutingOps.cpp - Reference semantics of routing and row movement
//-----------------------------===//

#include "compiler/Reference/Environment.h"
#include "runtime/Support/Parallel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;
using moert::DType;
using moert::HostTensor;
using moert::parallelFor;

namespace moec::reference {

/// The experts of one token in the order of the contract: larger logits first, equal ones by id,
/// NaN after every number.
static std::vector<int32_t> rankExperts(std::span<const double> logits) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    bool nanA = std::isnan(logits[a]), nanB = std::isnan(logits[b]);
    if (nanA != nanB)
      return nanB;
    if (!nanA && logits[a] != logits[b])
      return logits[a] > logits[b];
    return a < b;
  });
  return order;
}

/// exp(l - m) with `m` the largest logit; at the infinities its limit: 0 for -inf (and for NaN), 1
/// for m itself, be it +inf.
static double score(double logit, double largest) {
  if (std::isnan(logit) || logit == -std::numeric_limits<double>::infinity())
    return 0.0;
  return logit == largest ? 1.0 : std::exp(logit - largest);
}

/// The scores of the members of the sum, divided by their sum (0 where that is 0).
static std::vector<double> softmax(std::vector<double> logits) {
  double largest = -std::numeric_limits<double>::infinity();
  for (double logit : logits)
    largest = logit > largest ? logit : largest; // false for NaN
  double sum = 0.0;
  for (double &value : logits)
    sum += value = score(value, largest);
  for (double &value : logits)
    value = sum == 0.0 ? 0.0 : value / sum;
  return logits;
}

LogicalResult evaluateOp(moe::RouteOp op, Environment &env) {
  const HostTensor logits = env[op.getLogits()];
  int64_t tokens = logits.dim(0), numExperts = logits.dim(1);
  int64_t k = static_cast<int64_t>(op.getTopK());
  auto weights = env.create(op, op.getWeights(), DType::F64, {tokens, k});
  auto experts = env.create(op, op.getExperts(), DType::I32, {tokens, k});
  if (failed(weights) || failed(experts))
    return failure();
  bool scoreFirst = op.getOrder() == moe::SelectOrder::ScoreThenSelect;

  parallelFor(tokens, 16, env.threads, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      std::vector<double> row(static_cast<size_t>(numExperts));
      for (int64_t e = 0; e < numExperts; ++e)
        row[e] = logits.at(t * numExperts + e);
      std::vector<int32_t> winners = rankExperts(row);
      winners.resize(static_cast<size_t>(k));

      std::vector<double> chosen;
      for (int32_t e : winners)
        chosen.push_back(row[e]);
      if (scoreFirst) {
        std::vector<double> scores = softmax(row);
        std::transform(winners.begin(), winners.end(), chosen.begin(),
                       [&](int32_t e) { return scores[e]; });
      } else {
        chosen = softmax(chosen);
      }
      double divisor = 1.0;
      if (op.getRenormalize())
        divisor = std::accumulate(chosen.begin(), chosen.end(), 0.0);
      for (int64_t s = 0; s < k; ++s) {
        weights->asMutable<double>()[t * k + s] = divisor == 0.0 ? 0.0 : chosen[s] / divisor;
        experts->asMutable<int32_t>()[t * k + s] = winners[s];
      }
    }
  });
  return success();
}

LogicalResult evaluateOp(moe::PermuteOp op, Environment &env) {
  const HostTensor experts = env[op.getExperts()];
  int64_t numExperts = static_cast<int64_t>(op.getNumExperts());
  int64_t k = experts.dim(1), numRoutes = experts.numElements();
  if (numRoutes > std::numeric_limits<int32_t>::max())
    return op.emitOpError("expects at most 2^31 - 1 routes, but got ") << numRoutes;
  auto routesTensor = env.create(op, op.getRoutes(), DType::I32, {numRoutes});
  auto offsetsTensor = env.create(op, op.getOffsets(), DType::I32, {numExperts + 1});
  if (failed(routesTensor) || failed(offsetsTensor))
    return failure();
  std::span<int32_t> routes = routesTensor->asMutable<int32_t>();
  std::span<int32_t> offsets = offsetsTensor->asMutable<int32_t>();
  std::span<const int32_t> ids = experts.as<int32_t>();

  auto isExpert = [&](int32_t id) { return id >= 0 && id < numExperts; };
  for (int32_t id : ids)
    if (isExpert(id))
      ++offsets[id + 1];
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::fill(routes.begin(), routes.end(), -1);
  std::vector<int32_t> next(offsets.begin(), offsets.end());
  for (int64_t r = 0; r < numRoutes; ++r)
    if (isExpert(ids[r]))
      routes[next[ids[r]]++] = static_cast<int32_t>(r);

  if (!op.getX())
    return success();
  const HostTensor x = env[op.getX()];
  if (failed(checkSize(op, "tokens of x", experts.dim(0), x.dim(0))))
    return failure();
  int64_t hidden = x.dim(1);
  auto rows = env.create(op, op.getRows(), DType::F64, {numRoutes, hidden});
  if (failed(rows))
    return failure();
  parallelFor(numRoutes, 64, env.threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (routes[i] >= 0)
        for (int64_t j = 0; j < hidden; ++j)
          rows->asMutable<double>()[i * hidden + j] = x.at(routes[i] / k * hidden + j);
  });
  return success();
}

/// Copies the `count` rows from row `source` of `from` on to row `target` of `to` on.
static void copyRows(const HostTensor &from, int64_t source, HostTensor &to, int64_t target,
                     int64_t count) {
  int64_t columns = from.dim(1);
  std::span<double> out = to.asMutable<double>();
  for (int64_t i = 0; i < count * columns; ++i)
    out[target * columns + i] = from.at(source * columns + i);
}

LogicalResult evaluateOp(moe::PadOp op, Environment &env) {
  const HostTensor rows = env[op.getRows()], offsets = env[op.getOffsets()];
  int64_t numRows = rows.dim(0), numExperts = offsets.numElements() - 1;
  if (failed(checkOffsets(op, offsets, numRows)))
    return failure();
  int64_t multiple = static_cast<int64_t>(op.getMultiple());
  int64_t bound = numRows + std::min(numExperts, numRows) * (multiple - 1);
  auto padded = env.create(op, op.getPadded(), DType::F64, {bound, rows.dim(1)});
  auto paddedOffsets = env.create(op, op.getPaddedOffsets(), DType::I32, {numExperts + 1});
  if (failed(padded) || failed(paddedOffsets))
    return failure();
  std::span<const int32_t> from = offsets.as<int32_t>();
  std::span<int32_t> to = paddedOffsets->asMutable<int32_t>();
  for (int64_t e = 0; e < numExperts; ++e) {
    int64_t count = from[e + 1] - from[e];
    to[e + 1] = static_cast<int32_t>(to[e] + (count + multiple - 1) / multiple * multiple);
    copyRows(rows, from[e], *padded, to[e], count);
  }
  return success();
}

LogicalResult evaluateOp(moe::UnpadOp op, Environment &env) {
  const HostTensor padded = env[op.getPadded()], paddedOffsets = env[op.getPaddedOffsets()];
  const HostTensor offsets = env[op.getOffsets()];
  int64_t numRows = env[op.getRoutes()].numElements();
  if (failed(checkSize(op, "offsets", offsets.numElements(), paddedOffsets.numElements())) ||
      failed(checkOffsets(op, offsets, numRows)) ||
      failed(checkOffsets(op, paddedOffsets, padded.dim(0))))
    return failure();
  auto rows = env.create(op, op.getRows(), DType::F64, {numRows, padded.dim(1)});
  if (failed(rows))
    return failure();
  std::span<const int32_t> to = offsets.as<int32_t>(), from = paddedOffsets.as<int32_t>();
  for (int64_t e = 0; e + 1 < offsets.numElements(); ++e) {
    if (to[e + 1] - to[e] > from[e + 1] - from[e])
      return op.emitOpError("expects padded groups to hold their rows, but group ")
             << e << " has " << to[e + 1] - to[e] << " rows in " << from[e + 1] - from[e];
    copyRows(padded, from[e], *rows, to[e], to[e + 1] - to[e]);
  }
  return success();
}

void combineRows(const HostTensor &rows, const HostTensor &weights, const HostTensor &routes,
                 HostTensor output, unsigned threads) {
  int64_t tokens = weights.dim(0), k = weights.dim(1), columns = rows.dim(1);
  std::vector<int64_t> rowOf(static_cast<size_t>(tokens * k), -1);
  for (int64_t i = 0; i < routes.numElements(); ++i)
    if (int32_t route = routes.as<int32_t>()[i]; route >= 0 && route < tokens * k)
      rowOf[route] = i;
  std::span<double> out = output.asMutable<double>();
  parallelFor(tokens, 16, threads, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t s = 0; s < k; ++s) {
        int64_t i = rowOf[t * k + s];
        if (i < 0)
          continue;
        double weight = weights.at(t * k + s);
        for (int64_t j = 0; j < columns; ++j)
          out[t * columns + j] += weight * rows.at(i * columns + j);
      }
  });
}

LogicalResult evaluateOp(moe::CombineOp op, Environment &env) {
  const HostTensor rows = env[op.getRows()], weights = env[op.getWeights()];
  const HostTensor routes = env[op.getRoutes()];
  if (failed(checkSize(op, "routes", rows.dim(0), routes.numElements())))
    return failure();
  auto output = env.create(op, op.getOutput(), DType::F64, {weights.dim(0), rows.dim(1)});
  if (failed(output))
    return failure();
  combineRows(rows, weights, routes, *output, env.threads);
  return success();
}

} // namespace moec::reference
