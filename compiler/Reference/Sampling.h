//===- Sampling.h - Checking a subset of the tokens
//------------------------------------------------===//
//
// The tokens of an MoE block do not see each other, so a large run can be checked on a random
// subset: the arguments are cut down to these tokens and the block is evaluated on them alone.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_REFERENCE_SAMPLING_H
#define MOEC_COMPILER_REFERENCE_SAMPLING_H

#include "runtime/Tensor/HostTensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <vector>

namespace moec {

/// The number of tokens of a run: the leading size of the arguments with a dynamic leading
/// dimension. Nothing where no argument has one or they differ (rows beside tokens).
std::optional<int64_t> tokenCount(mlir::func::FuncOp func,
                                  llvm::ArrayRef<moert::HostTensor> arguments);

/// Whether row t of every result depends on row t of the arguments with a dynamic leading dimension
/// and on nothing else of them. Holds where all results come from `route`, from `combine` or from a
/// `grouped_matmul` that combines; results that are grouped by expert depend on all tokens.
bool tokensAreIndependent(mlir::func::FuncOp func);

/// `count` of the tokens [0, tokens), ascending, drawn without replacement; the first and the last
/// token are always among them (from `count` = 2 on), as the ends are where tiles are cut.
std::vector<int64_t> sampleTokens(int64_t tokens, int64_t count, uint64_t seed);

/// The arguments with those of a dynamic leading dimension cut down to `tokens`.
moert::Result<std::vector<moert::HostTensor>>
sliceArguments(mlir::func::FuncOp func, llvm::ArrayRef<moert::HostTensor> arguments,
               std::span<const int64_t> tokens);

} // namespace moec

#endif // MOEC_COMPILER_REFERENCE_SAMPLING_H
