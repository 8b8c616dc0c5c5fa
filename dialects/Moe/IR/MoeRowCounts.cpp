//===- MoeRowCounts.cpp - how ops relate the row counts of tensors --------===//

#include "dialects/Moe/IR/MoeRowCounts.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

static int64_t columnsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getDimSize(1);
}

void moec::moe::relateRows(Operation *op, RelateRows relate) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](RouteOp route) {
        relate(route.getWeights(), route.getLogits(), 1);
        relate(route.getExperts(), route.getLogits(), 1);
      })
      .Case([&](PermuteOp permute) {
        relate(permute.getRoutes(), permute.getExperts(), columnsOf(permute.getExperts()));
        if (permute.getX()) {
          relate(permute.getX(), permute.getExperts(), 1);
          relate(permute.getRows(), permute.getRoutes(), 1);
        }
      })
      .Case([&](UnpadOp unpad) { relate(unpad.getRows(), unpad.getRoutes(), 1); })
      .Case([&](GroupedMatmulOp matmul) {
        // Rows of the sorted order: those of the routes, or of the left operand.
        Value sorted = matmul.getRows();
        if (matmul.hasGather()) {
          sorted = matmul.getGatherRoutes();
          relate(sorted, matmul.getRows(), *matmul.getTopK());
        }
        if (matmul.hasCombine()) {
          relate(matmul.getCombineRoutes(), sorted, 1);
          relate(sorted, matmul.getCombineWeights(), columnsOf(matmul.getCombineWeights()));
          relate(matmul.getResults().front(), matmul.getCombineWeights(), 1);
        } else {
          for (Value result : matmul.getResults())
            relate(result, sorted, 1);
        }
      })
      .Case([&](ActivationOp activation) {
        for (Value input : activation.getInputs())
          relate(activation.getResult(), input, 1);
      })
      .Case([&](CombineOp combine) {
        relate(combine.getRoutes(), combine.getRows(), 1);
        relate(combine.getRows(), combine.getWeights(), columnsOf(combine.getWeights()));
        relate(combine.getOutput(), combine.getWeights(), 1);
      });
}
