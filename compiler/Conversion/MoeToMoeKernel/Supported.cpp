//===- Supported.cpp - what no kernel can run -----------------------------===//

#include "compiler/Conversion/MoeToMoeKernel/Supported.h"
#include "compiler/Conversion/MoeToMoeKernel/Passes.h"
#include "compiler/Target/Cuda/ScalarForms.h"
#include "dialects/Moe/IR/MoeOps.h"

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

/// One gather index serves a kernel: no combine by other routes fits into it.
static LogicalResult verifyRoutes(moe::GroupedMatmulOp op) {
  if (!op.hasGather() || !op.hasCombine())
    return success();
  auto topK = static_cast<int64_t>(*op.getTopK());
  int64_t slots = getTensor(op.getCombineWeights()).getDimSize(1);
  if (topK != slots)
    return op.emitError() << kUnsupportedPrefix
                          << "expects gather and combine by one top_k, but got " << topK << " and "
                          << slots;
  if (op.getGatherRoutes() != op.getCombineRoutes())
    return op.emitError() << kUnsupportedPrefix
                          << "expects gather and combine by the same routes, but got two of them";
  return success();
}

/// An op of an epilogue or of the body of an activation.
static LogicalResult verifyScalar(Operation *op) {
  if (isa<moe::YieldOp>(op) || !cuda::getScalarForm(op).empty())
    return success();
  return op->emitError() << kUnsupportedPrefix << "no kernel computes '" << op->getName()
                         << "' of type " << op->getResultTypes();
}

static LogicalResult verifyOp(Operation *op) {
  if (isa<moe::GroupedMatmulOp, moe::ActivationOp>(op->getParentOp()))
    return verifyScalar(op);
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
        if (failed(verifyRows(matmul, "rows", matmul.getRows())) || failed(verifyRoutes(matmul)))
          return failure();
        return verifyRows(matmul, "results", matmul.getResults().front());
      })
      .Default(success());
}

/// What comes in and goes out are tensors that have a compact memref.
static LogicalResult verifyTypes(Operation *op, StringRef what, TypeRange types) {
  for (auto [i, type] : llvm::enumerate(types)) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !BaseMemRefType::isValidElementType(tensor.getElementType()) ||
        !kernel::isCompactMemRef(MemRefType::get(tensor.getShape(), tensor.getElementType())))
      return op->emitError() << kUnsupportedPrefix << "expects every " << what
                             << " to be a tensor of rank 1 to 8 of less than 2^48 bf16, f16, f32 "
                                "or i32 values, dynamic in the leading extent only, but #"
                             << i << " is of type " << type;
  }
  return success();
}

/// The function itself, before its ops.
static LogicalResult verifyFunction(func::FuncOp block) {
  Operation *terminator = block.getBody().front().getTerminator();
  if (!isa<func::ReturnOp>(terminator))
    return terminator->emitError()
           << kUnsupportedPrefix << "expects a block that ends in 'func.return', but got '"
           << terminator->getName() << '\'';
  if (block.getNumResults() == 0)
    return block.emitError() << kUnsupportedPrefix << "expects at least one result, but got none";
  if (failed(verifyTypes(block, "argument", block.getArgumentTypes())))
    return failure();
  return verifyTypes(block, "result", block.getResultTypes());
}

LogicalResult verifySupported(func::FuncOp block) {
  if (failed(verifyFunction(block)))
    return failure();
  bool valid = true;
  block.walk([&](Operation *op) { valid &= succeeded(verifyOp(op)); });
  return success(valid);
}

} // namespace moec
