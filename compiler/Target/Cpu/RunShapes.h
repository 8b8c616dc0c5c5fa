//===- RunShapes.h - shapes and memory of one run -------------------------===//
//
// Before anything is computed: do the sizes of the arguments agree, which shapes do the results
// have, and how much memory do the tensors in between take.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TARGET_CPU_RUNSHAPES_H
#define MOEC_COMPILER_TARGET_CPU_RUNSHAPES_H

#include "runtime/Support/Status.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>
#include <span>
#include <vector>

namespace moec::cpu {

using Shape = std::vector<int64_t>;

struct RunShapes {
  std::vector<Shape> results;
  /// Most bytes that tensors between arguments and results take at one time.
  uint64_t intermediateBytes = 0;
};

/// Follows the shapes of `arguments` through a function of moe ops (other ops may occur where all
/// their results have static shapes). InvalidInput where an argument does not fit its type or two
/// sizes that must be equal differ; Unsupported where a size does not fit 63 bits or row numbers do
/// not fit i32.
moert::Result<RunShapes> evaluateShapes(mlir::func::FuncOp function,
                                        std::span<const Shape> arguments);

} // namespace moec::cpu

#endif // MOEC_COMPILER_TARGET_CPU_RUNSHAPES_H
