//===- ExpertOps.cpp - Reference semantics of grouped products and activations
//----------------------===//
//
// A grouped product is evaluated expert by expert and four output columns at a time: the weight
// rows of these columns are widened once into a small panel, and every row of the expert is
// multiplied with it. No more of a weight than that panel is ever held in double precision.
//
//===----------------------------------------------------------------------------------------------===//

#include "compiler/Reference/Environment.h"
#include "compiler/Reference/Products.h"
#include "compiler/Reference/ScalarProgram.h"
#include "dialects/Moe/IR/MoeActivations.h"
#include "runtime/Support/Parallel.h"

#include <algorithm>
#include <optional>

using namespace mlir;
using moert::DType;
using moert::HostTensor;
using moert::parallelFor;

namespace moec::reference {

LogicalResult evaluateOp(moe::ActivationOp op, Environment &env) {
  Region body(op);
  moe::buildActivationBody(op, body);
  FailureOr<ScalarProgram> program = ScalarProgram::translate(body);
  if (failed(program))
    return failure();

  const HostTensor first = env[op.getInputs().front()];
  const HostTensor second = env[op.getInputs().back()];
  if (failed(checkSize(op, "rows of the inputs", first.dim(0), second.dim(0))))
    return failure();
  std::optional<moe::GateLayoutAttr> layout = op.getGateLayout();
  int64_t numRows = first.dim(0), width = first.dim(1);
  int64_t columns = layout ? width / 2 : width;
  auto result = env.create(op, op.getResult(), DType::F64, {numRows, columns});
  if (failed(result))
    return failure();
  std::span<double> out = result->asMutable<double>();
  parallelFor(numRows, 8, env.threads, [&](int64_t begin, int64_t end) {
    std::vector<double> scratch;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        int64_t gate = layout ? layout->getEntry(j, columns, /*gate=*/true) : j;
        int64_t up = layout ? layout->getEntry(j, columns, /*gate=*/false) : j;
        double values[] = {first.at(i * width + gate), second.at(i * width + up)};
        out[i * columns + j] = program->run(std::span(values).first(op.isGated() ? 2 : 1), scratch);
      }
  });
  return success();
}

namespace {

/// The entry of a weight's N axis that a value of an output column is the product with.
struct WeightRow {
  size_t weight; ///< which of the op's weights
  int64_t entry; ///< in [0, N)
};

/// One grouped product with everything that its loops need, in the letters of the op's contract.
struct GroupedProduct {
  moe::GroupedMatmulOp op;
  HostTensor a;                    ///< f64 [R, K], gathered already
  HostTensor offsets;              ///< i32 [E + 1]
  std::vector<HostTensor> weights; ///< one or two
  std::vector<HostTensor> bias;    ///< none, or one per weight
  std::optional<ScalarProgram> epilogue;
  std::vector<HostTensor> outputs; ///< f64 [R, N']; two where two weights have no epilogue
  int64_t numExperts, n, k;        ///< E, N, K
  int64_t columns;                 ///< N'

  /// The products that output column `column` is made of: one, or gate and up.
  std::vector<WeightRow> sourcesOf(int64_t column) {
    if (weights.size() == 2)
      return {{0, column}, {1, column}};
    if (std::optional<moe::GateLayoutAttr> layout = op.getGateLayout())
      return {{0, layout->getEntry(column, columns, true)},
              {0, layout->getEntry(column, columns, false)}};
    return {{0, column}};
  }

  /// Widens weight row (expert, source) into `out[0, K)`.
  void widenWeight(int64_t expert, WeightRow source, double *out) {
    int64_t base = expert * n * k;
    if (op.getTransposed())
      widen(weights[source.weight], base + source.entry, n, k, out);
    else
      widen(weights[source.weight], base + source.entry * k, 1, k, out);
  }

  /// Computes columns [first, first + kPanel) that exist, for all rows of the expert.
  void computePanel(int64_t expert, int64_t first);
};

void GroupedProduct::computePanel(int64_t expert, int64_t first) {
  int64_t begin = offsets.as<int32_t>()[expert], end = offsets.as<int32_t>()[expert + 1];
  int64_t count = std::min(kPanel, columns - first);
  size_t numSources = sourcesOf(first).size();
  // Panel s holds source s of every column; columns beyond the last stay zero.
  std::vector<double> panels(numSources * static_cast<size_t>(kPanel * k), 0.0);
  std::vector<double> biases(numSources * kPanel, 0.0);
  for (int64_t c = 0; c < count; ++c) {
    std::vector<WeightRow> sources = sourcesOf(first + c);
    for (size_t s = 0; s < numSources; ++s) {
      widenWeight(expert, sources[s], &panels[(s * kPanel + c) * static_cast<size_t>(k)]);
      if (!bias.empty())
        biases[s * kPanel + c] = bias[sources[s].weight].at(expert * n + sources[s].entry);
    }
  }

  std::vector<double> scratch;
  for (int64_t i = begin; i < end; ++i) {
    double values[2][kPanel];
    for (size_t s = 0; s < numSources; ++s)
      dotPanel(&a.as<double>()[i * k], &panels[s * static_cast<size_t>(kPanel * k)], k, values[s]);
    for (int64_t c = 0; c < count; ++c) {
      double arguments[2] = {values[0][c] + biases[c],
                             numSources == 2 ? values[1][c] + biases[kPanel + c] : 0.0};
      int64_t at = i * columns + first + c;
      if (epilogue)
        outputs[0].asMutable<double>()[at] =
            epilogue->run(std::span(arguments).first(numSources), scratch);
      else
        for (size_t s = 0; s < outputs.size(); ++s)
          outputs[s].asMutable<double>()[at] = arguments[s];
    }
  }
}

} // namespace

/// A = rows, or with a gather `A[i] = rows[routes[i] / k]` (zero where `routes[i]` is -1), as f64.
static FailureOr<HostTensor> gatherRows(moe::GroupedMatmulOp op, Environment &env) {
  const HostTensor rows = env[op.getRows()];
  if (!op.hasGather() && rows.dtype() == DType::F64)
    return rows;
  int64_t width = rows.dim(1);
  int64_t topK = op.hasGather() ? static_cast<int64_t>(*op.getTopK()) : 1;
  std::vector<int64_t> sources(static_cast<size_t>(rows.dim(0)));
  if (op.hasGather()) {
    std::span<const int32_t> routes = env.values.lookup(op.getGatherRoutes()).as<int32_t>();
    sources.assign(routes.begin(), routes.end());
    for (int64_t &source : sources) {
      if (source < -1 || source >= rows.dim(0) * topK)
        return op.emitOpError("expects routes below ")
               << rows.dim(0) * topK << " or -1, but got " << source;
      source = source < 0 ? -1 : source / topK;
    }
  } else {
    for (size_t i = 0; i < sources.size(); ++i)
      sources[i] = static_cast<int64_t>(i);
  }
  int64_t numRows = static_cast<int64_t>(sources.size());
  moert::Result<HostTensor> a = HostTensor::allocate(DType::F64, {numRows, width});
  if (!a.isOk())
    return op.emitOpError() << a.status().message();
  double *out = numRows * width == 0 ? nullptr : a->asMutable<double>().data();
  parallelFor(numRows, 64, env.threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (sources[i] >= 0)
        widen(rows, sources[i] * width, 1, width, out + i * width);
  });
  return *a;
}

LogicalResult evaluateOp(moe::GroupedMatmulOp op, Environment &env) {
  GroupedProduct product;
  product.op = op;
  product.offsets = env[op.getOffsets()];
  for (Value weight : op.getWeights())
    product.weights.push_back(env[weight]);
  for (Value bias : op.getBias())
    product.bias.push_back(env[bias]);
  product.numExperts = op.getNumExperts();
  product.n = op.getWeightColumns();
  product.k = op.getReductionSize();
  product.columns = op.getGateLayout() ? product.n / 2 : product.n;
  if (op.hasEpilogue()) {
    FailureOr<ScalarProgram> program = ScalarProgram::translate(op.getEpilogue());
    if (failed(program))
      return failure();
    product.epilogue = *std::move(program);
  }
  FailureOr<HostTensor> a = gatherRows(op, env);
  if (failed(a))
    return failure();
  product.a = *a;
  int64_t numRows = a->dim(0);
  if (failed(checkOffsets(op, product.offsets, numRows)))
    return failure();

  std::vector<int64_t> shape = {numRows, product.columns};
  HostTensor combined;
  if (op.hasCombine()) {
    const HostTensor weights = env[op.getCombineWeights()];
    if (failed(
            checkSize(op, "routes of combine", numRows, env[op.getCombineRoutes()].numElements())))
      return failure();
    auto output = env.create(op, op.getResult(0), DType::F64, {weights.dim(0), product.columns});
    moert::Result<HostTensor> rows = HostTensor::allocate(DType::F64, shape);
    if (failed(output))
      return failure();
    if (!rows.isOk())
      return op.emitOpError() << rows.status().message();
    combined = *output;
    product.outputs.push_back(*rows);
  } else {
    for (Value result : op.getResults()) {
      auto output = env.create(op, result, DType::F64, shape);
      if (failed(output))
        return failure();
      product.outputs.push_back(*output);
    }
  }

  // One task is one panel of one expert that has rows.
  std::vector<int64_t> experts;
  for (int64_t e = 0; e < product.numExperts; ++e)
    if (product.offsets.as<int32_t>()[e] < product.offsets.as<int32_t>()[e + 1])
      experts.push_back(e);
  int64_t panels = (product.columns + kPanel - 1) / kPanel;
  parallelFor(static_cast<int64_t>(experts.size()) * panels, 8, env.threads,
              [&](int64_t begin, int64_t end) {
                for (int64_t task = begin; task < end; ++task)
                  product.computePanel(experts[task / panels], task % panels * kPanel);
              });
  if (op.hasCombine())
    combineRows(product.outputs[0], env[op.getCombineWeights()], env[op.getCombineRoutes()],
                combined, env.threads);
  return success();
}

} // namespace moec::reference
