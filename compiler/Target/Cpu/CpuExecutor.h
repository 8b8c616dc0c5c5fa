//===- CpuExecutor.h - compiling and running a block on the CPU -----------===//

#ifndef MOEC_COMPILER_TARGET_CPU_CPUEXECUTOR_H
#define MOEC_COMPILER_TARGET_CPU_CPUEXECUTOR_H

#include "compiler/Target/Cpu/RunShapes.h"
#include "runtime/Support/Status.h"
#include "runtime/Tensor/HostTensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace moec::cpu {

/// The outputs of a product that are computed at once in vector registers.
struct RegisterTile {
  int64_t rows = 0; ///< 0: all three by the machine's vector registers
  int64_t columns = 0;
  int64_t lanes = 0; ///< f32 lanes of a register
};

struct CpuOptions {
  unsigned threads = 0;  ///< 0: OpenMP's default (OMP_NUM_THREADS, else one per core)
  unsigned optLevel = 3; ///< of LLVM's optimiser and code generator, 0 to 3
  RegisterTile tile = {};
};

/// A function of moe ops, compiled for the CPU of this machine. One executor serves any number of
/// tokens. Calls of `run` from several threads at once are allowed.
class CpuExecutor {
public:
  /// Compiles `function` (before or after fusion) through the pipeline `moe-to-cpu`; the module
  /// around it is left as it is. Unsupported with the diagnostics of the pipeline where an op has
  /// no lowering; Toolchain where machine code cannot be made.
  static moert::Result<std::unique_ptr<CpuExecutor>> compile(mlir::func::FuncOp function,
                                                             const CpuOptions &options = {});
  ~CpuExecutor();

  /// Shapes of the results and memory of a run on arguments of these shapes; see evaluateShapes.
  moert::Result<RunShapes> plan(std::span<const moert::HostTensor> arguments) const;

  /// Runs on `arguments` and returns new tensors, both in the order of the function. Fails before
  /// it computes where dtypes or shapes do not fit (InvalidInput) or memory does not suffice
  /// (Unsupported).
  moert::Result<std::vector<moert::HostTensor>>
  run(std::span<const moert::HostTensor> arguments) const;

  /// The same into given tensors, whose shapes are those of `plan`.
  moert::Status runInto(std::span<const moert::HostTensor> arguments,
                        std::span<moert::HostTensor> results) const;

  /// Seconds from IR to machine code.
  double compileSeconds() const;
  /// Threads that a run uses.
  unsigned threads() const;
  /// A sentence for the user where a run is slower than it could be (no OpenMP runtime), else
  /// empty.
  const std::string &note() const;

private:
  struct State;
  explicit CpuExecutor(std::unique_ptr<State> state);

  std::unique_ptr<State> state;
};

} // namespace moec::cpu

#endif // MOEC_COMPILER_TARGET_CPU_CPUEXECUTOR_H
