//===- Check.cpp - Comparing a run with the reference evaluator
//-------------------------------------===//

#include "compiler/Reference/Check.h"
#include "compiler/Inputs/FunctionInputs.h"
#include "compiler/Reference/Sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace moec;
using moert::DType;
using moert::HostTensor;

double moec::defaultTolerance(DType dtype) {
  switch (dtype) {
  case DType::BF16:
    return 1e-2;
  case DType::F16:
    return 2e-3;
  case DType::F32:
    return 1e-5;
  case DType::F64:
    return 1e-12;
  case DType::F8E4M3:
  case DType::F8E5M2:
    return 1e-1;
  case DType::I8:
  case DType::U8:
  case DType::I32:
  case DType::I64:
    return 0.0;
  }
  return 0.0;
}

namespace {

/// What the element type can hold: the smallest step above zero that every device keeps (f32 and
/// bf16 subnormals may be flushed), and the largest finite value.
struct Range {
  double step, largest;
};

Range rangeOf(DType dtype) {
  switch (dtype) {
  case DType::BF16:
    return {0x1p-126, 0x1.fep127};
  case DType::F16:
    return {0x1p-24, 65504.0};
  case DType::F8E4M3:
    return {0x1p-9, 448.0};
  case DType::F8E5M2:
    return {0x1p-16, 57344.0};
  case DType::F64:
    return {0x1p-1022, std::numeric_limits<double>::max()};
  default:
    return {0x1p-126, std::numeric_limits<float>::max()};
  }
}

bool isInteger(DType dtype) { return defaultTolerance(dtype) == 0.0; }

/// Whether the two agree although one of them is not finite.
bool nonFiniteAgree(double actual, double expected, double band, double largest) {
  if (std::isnan(actual) || std::isnan(expected))
    return std::isnan(actual) && std::isnan(expected);
  // An infinity stands for everything that the type cannot hold, and near its largest value either
  // side may round over the edge.
  auto isBeyond = [&](double value, double sign) { return sign * value + band >= largest; };
  double sign = std::isinf(actual) ? std::copysign(1.0, actual) : std::copysign(1.0, expected);
  return isBeyond(actual, sign) && isBeyond(expected, sign);
}

} // namespace

Comparison moec::compareTensors(std::string name, const HostTensor &actual,
                                const HostTensor &expected, double tolerance,
                                std::span<const int64_t> rows) {
  Comparison result;
  result.name = std::move(name);
  result.tolerance = tolerance != 0.0 ? tolerance : defaultTolerance(actual.dtype());
  result.elements = actual.numElements();
  assert(std::ranges::equal(actual.shape(), expected.shape()) && "shapes must agree");
  bool exact = isInteger(actual.dtype());
  Range range = rangeOf(actual.dtype());
  int64_t columns = actual.rank() < 2 ? 1 : actual.dim(actual.rank() - 1);
  int64_t numRows = columns == 0 ? 0 : actual.numElements() / columns;

  double errorSquares = 0.0, expectedSquares = 0.0, worstRatio = -1.0;
  for (int64_t t = 0; t < numRows; ++t) {
    double squares = 0.0;
    int64_t finite = 0;
    for (int64_t j = 0; j < columns; ++j)
      if (double e = expected.at(t * columns + j); std::isfinite(e)) {
        squares += e * e;
        ++finite;
      }
    double rms = finite == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(finite));
    for (int64_t j = 0; j < columns; ++j) {
      double a = actual.at(t * columns + j), e = expected.at(t * columns + j);
      double magnitude = std::isfinite(e) ? std::fabs(e) : 0.0;
      double band = exact ? 0.0 : std::max(result.tolerance * (4.0 * rms + magnitude), range.step);
      result.actualNan += std::isnan(a);
      result.expectedNan += std::isnan(e);
      result.actualInf += std::isinf(a);
      result.expectedInf += std::isinf(e);
      double ratio; // of the error to the band; above 1 is outside
      if (std::isfinite(a) && std::isfinite(e)) {
        double error = std::fabs(a - e);
        ratio = error == 0.0 ? 0.0 : exact ? std::numeric_limits<double>::infinity() : error / band;
        errorSquares += error * error;
        expectedSquares += e * e;
      } else {
        ratio = nonFiniteAgree(a, e, band, range.largest) ? 0.0
                                                          : std::numeric_limits<double>::infinity();
      }
      result.outsideBand += ratio > 1.0;
      if (ratio > worstRatio) {
        worstRatio = ratio;
        result.worstRow = rows.empty() ? t : rows[t];
        result.worstColumn = j;
        result.worstActual = a;
        result.worstExpected = e;
        result.worstBand = band;
      }
    }
  }
  // A reference of zeros has no relative error: its elements are judged by their bands alone.
  result.relativeError = expectedSquares == 0.0 ? 0.0 : std::sqrt(errorSquares / expectedSquares);
  result.passed = result.outsideBand == 0 && result.relativeError <= result.tolerance;
  return result;
}

std::string Comparison::describe() const {
  std::string text = fmt::format("{}: {} relative error {:.2e} (tolerance {:.0e})", name,
                                 passed ? "ok," : "MISMATCH,", relativeError, tolerance);
  if (outsideBand != 0)
    text += fmt::format(", {} of {} elements outside their band", outsideBand, elements);
  if (worstRow >= 0)
    text += fmt::format(", worst at [{}, {}]: {:.6g}, expected {:.6g} +- {:.1e}", worstRow,
                        worstColumn, worstActual, worstExpected, worstBand);
  if (actualNan + expectedNan + actualInf + expectedInf != 0)
    text += fmt::format(", NaN {} (expected {}), Inf {} (expected {})", actualNan, expectedNan,
                        actualInf, expectedInf);
  return text;
}

bool CheckReport::passed() const {
  return std::ranges::all_of(outputs, [](const Comparison &output) { return output.passed; });
}

std::string CheckReport::describe() const {
  std::string text;
  for (const Comparison &output : outputs)
    text += output.describe() + "\n";
  if (sampledTokens.empty())
    return text + fmt::format("checked all of {} tokens\n", tokens);
  return text + fmt::format("checked {} of {} tokens, drawn with seed {}\n", sampledTokens.size(),
                            tokens, sampleSeed);
}

/// The tolerance that the whole block is held to: that of the coarsest float type it stores.
static double blockTolerance(func::FuncOp func) {
  double tolerance = 0.0;
  auto consider = [&](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      if (std::optional<DType> dtype = dtypeOf(tensor.getElementType()))
        tolerance = std::max(tolerance, defaultTolerance(*dtype));
  };
  func.walk([&](Operation *op) { llvm::for_each(op->getResultTypes(), consider); });
  return tolerance;
}

FailureOr<Expectation> moec::expectResult(func::FuncOp func, ArrayRef<HostTensor> arguments,
                                          const CheckOptions &options) {
  if (arguments.size() != func.getNumArguments())
    return func.emitError() << "expects " << func.getNumArguments()
                            << " arguments to check, but got " << arguments.size();
  Expectation expectation;
  expectation.sampleSeed = options.sampleSeed;
  expectation.tolerance = options.tolerance != 0.0 ? options.tolerance : blockTolerance(func);
  std::vector<HostTensor> inputs(arguments.begin(), arguments.end());
  std::optional<int64_t> tokens = tokenCount(func, arguments);
  expectation.tokens = tokens.value_or(0);
  if (tokens && *tokens > options.maxTokens && tokensAreIndependent(func)) {
    expectation.sampledTokens = sampleTokens(*tokens, options.maxTokens, options.sampleSeed);
    moert::Result<std::vector<HostTensor>> sliced =
        sliceArguments(func, inputs, expectation.sampledTokens);
    if (!sliced.isOk())
      return func.emitError() << sliced.status().message();
    inputs = *std::move(sliced);
  }
  FailureOr<std::vector<HostTensor>> outputs =
      evaluate(func, inputs, EvaluationOptions{options.threads});
  if (failed(outputs))
    return failure();
  expectation.outputs = *std::move(outputs);
  return expectation;
}

FailureOr<CheckReport> moec::checkResult(func::FuncOp func, const Expectation &expectation,
                                         ArrayRef<HostTensor> outputs) {
  FailureOr<std::vector<OutputSpec>> specs = outputSpecsOf(func);
  if (failed(specs))
    return failure();
  if (outputs.size() != specs->size())
    return func.emitError() << "expects " << specs->size() << " outputs to check, but got "
                            << outputs.size();
  CheckReport report;
  report.tokens = expectation.tokens;
  report.sampledTokens = expectation.sampledTokens;
  report.sampleSeed = expectation.sampleSeed;
  for (auto [output, expected, spec] : llvm::zip_equal(outputs, expectation.outputs, *specs)) {
    HostTensor result = output;
    if (!report.sampledTokens.empty()) {
      if (result.rank() == 0 || result.dim(0) != report.tokens)
        return func.emitError() << "expects output '" << spec.name << "' to have "
                                << report.tokens << " rows, but got " << moert::describe(result);
      moert::Result<HostTensor> rows = result.gatherRows(report.sampledTokens);
      if (!rows.isOk())
        return func.emitError() << rows.status().message();
      result = *std::move(rows);
    }
    if (!std::ranges::equal(result.shape(), expected.shape()))
      return func.emitError() << "expects output '" << spec.name << "' to be "
                              << moert::describe(spec.dtype, expected.shape()) << ", but got "
                              << moert::describe(result);
    report.outputs.push_back(compareTensors(spec.name, result, expected, expectation.tolerance,
                                            report.sampledTokens));
  }
  return report;
}

FailureOr<CheckReport> moec::checkResult(func::FuncOp func, ArrayRef<HostTensor> arguments,
                                         ArrayRef<HostTensor> outputs,
                                         const CheckOptions &options) {
  FailureOr<Expectation> expectation = expectResult(func, arguments, options);
  if (failed(expectation))
    return failure();
  return checkResult(func, *expectation, outputs);
}
