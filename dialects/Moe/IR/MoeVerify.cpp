//===- MoeVerify.cpp - shape arithmetic and checks shared by the ops ------===//

#include "dialects/Moe/IR/MoeVerify.h"
#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec::moe;

bool moec::moe::detail::isPlainTensor(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t bytes = 8; // at least the width of every element type of the dialect
  for (int64_t size : tensor.getShape())
    if (ShapedType::isStatic(size) && llvm::MulOverflow(bytes, std::max<int64_t>(size, 1), bytes))
      return false;
  return !tensor.getEncoding();
}

int64_t moec::moe::multiplySizes(int64_t a, int64_t b) {
  int64_t product = 0;
  if (ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || llvm::MulOverflow(a, b, product))
    return ShapedType::kDynamic;
  return product;
}

bool moec::moe::mayBeEqual(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}

bool moec::moe::areCompatible(Type a, Type b) {
  auto left = cast<RankedTensorType>(a);
  auto right = cast<RankedTensorType>(b);
  return left.getElementType() == right.getElementType() && left.getRank() == right.getRank() &&
         llvm::all_of_zip(left.getShape(), right.getShape(), mayBeEqual);
}

bool moec::moe::areCompatible(TypeRange a, TypeRange b) {
  return a.size() == b.size() &&
         llvm::all_of_zip(a, b, [](Type l, Type r) { return areCompatible(l, r); });
}

LogicalResult moec::moe::verifyType(Operation *op, StringRef what, Type type, Type expected) {
  if (areCompatible(type, expected))
    return success();
  return op->emitOpError() << "expects " << what << " of type " << expected << ", but got " << type;
}

/// Whether the op has a defined result for every operand: lowerings run it for rows and in branches
/// that the block itself would not.
static bool isTotal(Operation &op) {
  // MLIR calls remainders speculatable, unlike quotients.
  if (isa<arith::RemSIOp, arith::RemUIOp>(op)) {
    APInt divisor;
    return matchPattern(op.getOperand(1), m_ConstantInt(&divisor)) && !divisor.isZero() &&
           (isa<arith::RemUIOp>(op) || !divisor.isAllOnes());
  }
  return isSpeculatable(&op);
}

static LogicalResult verifyScalarOp(Operation &op) {
  if (!isa_and_present<arith::ArithDialect, math::MathDialect>(op.getDialect()) ||
      op.getNumRegions() != 0 || op.getNumSuccessors() != 0 || !isMemoryEffectFree(&op))
    return op.emitOpError() << "expects only pure arith and math ops in the region of '"
                            << op.getParentOp()->getName() << "', but got '" << op.getName() << "'";
  if (!isTotal(op))
    return op.emitOpError() << "expects a constant divisor for which every quotient is defined in "
                               "the region of '"
                            << op.getParentOp()->getName() << "'";
  if (auto rounding = dyn_cast<arith::ArithRoundingModeInterface>(op))
    if (rounding.getRoundingModeAttr())
      return op.emitOpError() << "expects no rounding mode in the region of '"
                              << op.getParentOp()->getName()
                              << "', where all ops round to nearest even";
  for (Type type : llvm::concat<const Type>(op.getOperandTypes(), op.getResultTypes()))
    if (!type.isIntOrFloat())
      return op.emitOpError() << "expects integer and float scalars in the region of '"
                              << op.getParentOp()->getName() << "', but got " << type;
  return success();
}

LogicalResult moec::moe::verifyScalarRegion(Operation *op, Region &region, unsigned arguments) {
  if (!region.hasOneBlock())
    return op->emitOpError() << "expects a region of one block, but got "
                             << region.getBlocks().size() << " blocks";
  Block &block = region.front();
  if (block.getArgumentTypes() != SmallVector<Type>(arguments, Float32Type::get(op->getContext())))
    return op->emitOpError() << "expects " << arguments << " region argument"
                             << (arguments == 1 ? "" : "s") << " of type f32, but got ("
                             << block.getArgumentTypes() << ")";
  if (!isa<YieldOp>(block.back()))
    return op->emitOpError() << "expects a region that ends in 'moe.yield', but got "
                             << block.back().getName();
  for (Operation &scalar : block.without_terminator())
    if (failed(verifyScalarOp(scalar)))
      return failure();
  return success();
}
