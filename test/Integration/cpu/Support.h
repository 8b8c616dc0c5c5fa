//===- Support.h - running IR on the CPU and comparing with the evaluator -===//

#ifndef MOEC_TEST_INTEGRATION_CPU_SUPPORT_H
#define MOEC_TEST_INTEGRATION_CPU_SUPPORT_H

#include "compiler/Inputs/Inputs.h"
#include "compiler/Target/Cpu/CpuExecutor.h"
#include "runtime/Tensor/HostTensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace moec::test {

/// The seed of this process: fresh each time and printed once, or `--gtest_random_seed`.
uint64_t seed();
/// A generator that starts from the process's seed and `name`.
std::mt19937_64 generator(std::string_view name);

mlir::MLIRContext &context();

/// One function, compiled once and run on any inputs.
class Program {
public:
  /// Parses `source`, whose first function is the program, and runs the fusion pipeline over it
  /// where `fuse` is set. Problems are test failures.
  explicit Program(const std::string &source, bool fuse = false,
                   const cpu::CpuOptions &options = {});

  bool isValid() const { return executor != nullptr; }
  mlir::func::FuncOp function();
  const cpu::CpuExecutor &operator*() const { return *executor; }

  /// Generated inputs for that many tokens, with those of `given` in the place of generated ones.
  std::vector<moert::HostTensor> makeInputs(int64_t tokens, const moert::NamedTensors &given = {},
                                            const Routing &routing = {});
  /// Runs on results poisoned with NaN (floats) and -7 (integers).
  std::vector<moert::HostTensor> run(const std::vector<moert::HostTensor> &inputs);
  /// Runs and compares every result with the reference evaluator of the unfused function.
  /// Tolerance 0 is the default of the result's type.
  void check(const std::vector<moert::HostTensor> &inputs, double tolerance = 0.0);

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OwningOpRef<mlir::ModuleOp> reference;
  std::unique_ptr<cpu::CpuExecutor> executor;
};

moert::HostTensor makeI32(std::vector<int64_t> shape, const std::vector<int32_t> &values);
moert::HostTensor makeF32(std::vector<int64_t> shape, const std::vector<float> &values);

/// Offsets [E + 1] of groups of these sizes.
moert::HostTensor makeOffsets(const std::vector<int32_t> &sizes);

/// `text` with every occurrence of each key replaced by its value.
std::string substitute(std::string text,
                       std::initializer_list<std::pair<std::string, std::string>> replacements);

} // namespace moec::test

#endif // MOEC_TEST_INTEGRATION_CPU_SUPPORT_H
