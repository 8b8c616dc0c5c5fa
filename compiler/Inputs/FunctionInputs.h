//===- FunctionInputs.h - Arguments and results of a function as tensor specs
//---------------------===//
//
// Reads off an MLIR function what a run binds: the name, element type and shape of every argument
// and result, and the role an argument plays by the ops that use it.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_INPUTS_FUNCTIONINPUTS_H
#define MOEC_COMPILER_INPUTS_FUNCTIONINPUTS_H

#include "compiler/Inputs/Inputs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace moec {

/// One result. Negative dimensions are dynamic and stand for T * rowsPerToken.
struct OutputSpec {
  std::string name;
  moert::DType dtype = moert::DType::F32;
  std::vector<int64_t> shape;
  int64_t rowsPerToken = 1;
};

/// The element type of the runtime, or nothing where it has none.
std::optional<moert::DType> dtypeOf(mlir::Type elementType);

/// The arguments of `func` in order. An argument is called by its `moe.name`, else `arg<i>`. Emits
/// an error where an argument is no ranked tensor of a type that the runtime has, or a name is
/// taken.
mlir::FailureOr<std::vector<InputSpec>> inputSpecsOf(mlir::func::FuncOp func);

/// The results of `func` in order, called by their `moe.name`, else `result<i>`. Emits an error as
/// above, and where the row count of a result is not a multiple of T (padded rows).
mlir::FailureOr<std::vector<OutputSpec>> outputSpecsOf(mlir::func::FuncOp func);

} // namespace moec

#endif // MOEC_COMPILER_INPUTS_FUNCTIONINPUTS_H
