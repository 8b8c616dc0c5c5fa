//===- Supported.cpp - what no kernel can run -----------------------------===//

#include "compiler/Conversion/MoeToMoeKernel/Supported.h"
#include "compiler/Conversion/MoeToMoeKernel/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace moec {

static RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Data of 16 bits in rows of whole 16-byte vectors.
static LogicalResult verifyRows(Operation *op, StringRef name, Value value) {
  RankedTensorType type = getTensor(value);
  if (!type.getElementType().isBF16() && !type.getElementType().isF16())
    return op->emitError() << kUnsupportedPrefix << "expects " << name
                           << " of bf16 or f16 on a GPU, but got " << type.getElementType();
  int64_t columns = type.getDimSize(type.getRank() - 1);
  if (columns % 8 != 0 || columns <= 0)
    return op->emitError() << kUnsupportedPrefix << "expects " << name
                           << " in rows of a multiple of 8 elements, but got " << columns;
  return success();
}

static LogicalResult verifyOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](moe::PermuteOp permute) -> LogicalResult {
        return permute.getX() ? verifyRows(permute, "x", permute.getX()) : success();
      })
      .Case([](moe::PadOp pad) { return verifyRows(pad, "rows", pad.getRows()); })
      .Case([](moe::UnpadOp unpad) { return verifyRows(unpad, "rows", unpad.getRows()); })
      .Case([](moe::ActivationOp activation) {
        return verifyRows(activation, "the result", activation.getResult());
      })
      .Case([](moe::CombineOp combine) { return verifyRows(combine, "rows", combine.getRows()); })
      .Case([](moe::GroupedMatmulOp matmul) -> LogicalResult {
        if (failed(verifyRows(matmul, "rows", matmul.getRows())))
          return failure();
        return verifyRows(matmul, "results", matmul.getResults().front());
      })
      .Default(success());
}

LogicalResult verifySupported(func::FuncOp block) {
  bool valid = true;
  block.walk([&](Operation *op) { valid &= succeeded(verifyOp(op)); });
  return success(valid);
}

} // namespace moec
