//===- Sampling.cpp - Checking a subset of the tokens
//----------------------------------------------===//

#include "compiler/Reference/Sampling.h"
#include "compiler/Inputs/Random.h"

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace moec;
using moert::HostTensor;

static bool leadsWithTokens(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() > 0 && tensor.isDynamicDim(0);
}

std::optional<int64_t> moec::tokenCount(func::FuncOp func, ArrayRef<HostTensor> arguments) {
  std::optional<int64_t> tokens;
  for (auto [type, argument] : llvm::zip_equal(func.getArgumentTypes(), arguments)) {
    if (!leadsWithTokens(type))
      continue;
    if (tokens && *tokens != argument.dim(0))
      return std::nullopt;
    tokens = argument.dim(0);
  }
  return tokens;
}

/// Whether the op reads the operand's rows token by token, and not in an order grouped by expert.
static bool readsByToken(OpOperand &use) {
  Value value = use.get();
  return llvm::TypeSwitch<Operation *, bool>(use.getOwner())
      .Case<moe::RouteOp, moe::PermuteOp>([](auto) { return true; })
      .Case<moe::CombineOp>([&](moe::CombineOp op) { return value == op.getWeights(); })
      .Case<moe::GroupedMatmulOp>([&](moe::GroupedMatmulOp op) {
        return value == op.getCombineWeights() || (op.hasGather() && value == op.getRows());
      })
      .Default([](Operation *) { return false; });
}

bool moec::tokensAreIndependent(func::FuncOp func) {
  if (func.isExternal() || !func.getBody().hasOneBlock())
    return false;
  for (BlockArgument argument : func.getArguments()) {
    bool index = getElementTypeOrSelf(argument.getType()).isInteger();
    if ((index || leadsWithTokens(argument.getType())) &&
        !llvm::all_of(argument.getUses(), readsByToken))
      return false;
  }
  return llvm::all_of(func.getBody().front().getTerminator()->getOperands(), [](Value result) {
    Operation *op = result.getDefiningOp();
    if (auto matmul = dyn_cast_or_null<moe::GroupedMatmulOp>(op))
      return matmul.hasCombine();
    return isa_and_nonnull<moe::RouteOp, moe::CombineOp>(op);
  });
}

std::vector<int64_t> moec::sampleTokens(int64_t tokens, int64_t count, uint64_t seed) {
  count = std::min(tokens, count);
  std::set<int64_t> sample;
  int64_t ends = count >= 2 ? 1 : 0; // tokens taken at either end
  if (ends != 0)
    sample = {0, tokens - 1};
  // Floyd's algorithm over the others: step j adds one of [0, j], or j where that one is in
  // already.
  RandomStream stream(seed, "token-sample");
  int64_t others = tokens - 2 * ends, wanted = count - 2 * ends;
  for (int64_t j = others - wanted; j < others; ++j) {
    uint64_t word = stream.word(static_cast<uint64_t>(j));
    int64_t token = static_cast<int64_t>(word % static_cast<uint64_t>(j + 1));
    if (!sample.insert(ends + token).second)
      sample.insert(ends + j);
  }
  return {sample.begin(), sample.end()};
}

moert::Result<std::vector<HostTensor>> moec::sliceArguments(func::FuncOp func,
                                                            ArrayRef<HostTensor> arguments,
                                                            std::span<const int64_t> tokens) {
  std::vector<HostTensor> sliced;
  for (auto [type, argument] : llvm::zip_equal(func.getArgumentTypes(), arguments)) {
    if (!leadsWithTokens(type)) {
      sliced.push_back(argument);
      continue;
    }
    MOERT_ASSIGN_OR_RETURN(HostTensor rows, argument.gatherRows(tokens));
    sliced.push_back(std::move(rows));
  }
  return sliced;
}
