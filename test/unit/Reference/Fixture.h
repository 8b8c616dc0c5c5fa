// Parsing of functions and building of tensors for the tests of the reference evaluator.
#ifndef MOEC_TEST_UNIT_REFERENCE_FIXTURE_H
#define MOEC_TEST_UNIT_REFERENCE_FIXTURE_H

#include "compiler/Reference/Evaluator.h"
#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <random>

namespace moec::test {

using moert::DType;
using moert::HostTensor;

/// A tensor of the given values, rounded to `dtype`.
inline HostTensor tensorOf(DType dtype, std::vector<int64_t> shape, std::vector<double> values) {
  HostTensor tensor = *HostTensor::allocate(dtype, std::move(shape));
  EXPECT_EQ(tensor.numElements(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i)
    tensor.set(static_cast<int64_t>(i), values[i]);
  return tensor;
}

/// Seeded values in (-1, 1), rounded to `dtype`.
inline HostTensor randomTensor(DType dtype, std::vector<int64_t> shape, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> distribution(-1.0, 1.0);
  HostTensor tensor = *HostTensor::allocate(dtype, std::move(shape));
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.set(i, distribution(generator));
  return tensor;
}

inline std::vector<double> valuesOf(const HostTensor &tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    values.push_back(tensor.at(i));
  return values;
}

/// A context with the dialects of the evaluator; diagnostics are collected in `errors`.
class ReferenceTest : public ::testing::Test {
protected:
  ReferenceTest()
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          errors += diagnostic.str() + "\n";
          return mlir::success();
        }) {
    context.loadDialect<moe::MoeDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                        mlir::math::MathDialect>();
  }

  /// The first function of the text.
  mlir::func::FuncOp parse(llvm::StringRef text) {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    if (!modules.back()) {
      ADD_FAILURE() << "cannot parse:\n" << text.str() << "\n" << errors;
      return nullptr;
    }
    return *modules.back()->getOps<mlir::func::FuncOp>().begin();
  }

  /// The results of the text's function; none, with a test failure, where it cannot be evaluated.
  std::vector<HostTensor> evaluateText(llvm::StringRef text, std::vector<HostTensor> arguments,
                                       unsigned threads = 2) {
    mlir::func::FuncOp func = parse(text);
    if (!func)
      return {};
    auto results = evaluate(func, arguments, EvaluationOptions{threads});
    if (mlir::succeeded(results))
      return *results;
    ADD_FAILURE() << errors;
    return {};
  }

  /// The diagnostics of an evaluation that must fail.
  std::string errorsOf(llvm::StringRef text, std::vector<HostTensor> arguments) {
    mlir::func::FuncOp func = parse(text);
    errors.clear();
    if (func)
      EXPECT_TRUE(mlir::failed(evaluate(func, arguments))) << text.str();
    return errors;
  }

  mlir::MLIRContext context;
  std::string errors;
  mlir::ScopedDiagnosticHandler handler;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

inline void expectNear(const std::vector<double> &actual, const std::vector<double> &expected,
                       double tolerance = 1e-12) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i]))
      ASSERT_TRUE(std::isnan(actual[i])) << "element " << i << " is " << actual[i];
    else if (std::isinf(expected[i]))
      ASSERT_EQ(actual[i], expected[i]) << "element " << i;
    else
      ASSERT_NEAR(actual[i], expected[i], tolerance * std::max(1.0, std::fabs(expected[i])))
          << "element " << i;
  }
}

} // namespace moec::test

#endif // MOEC_TEST_UNIT_REFERENCE_FIXTURE_H
