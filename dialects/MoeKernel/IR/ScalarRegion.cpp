//===- ScalarRegion.cpp - regions that hold one scalar function -----------===//

#include "dialects/MoeKernel/IR/ScalarRegion.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace moec::kernel {

LogicalResult verifyScalarRegion(Operation *op, Region &region, unsigned arguments) {
  if (!region.hasOneBlock())
    return op->emitOpError() << "expects a region of one block, but got "
                             << region.getBlocks().size();
  Block &block = region.front();
  if (block.getNumArguments() != arguments)
    return op->emitOpError() << "expects a region of " << arguments << " f32 argument"
                             << (arguments == 1 ? "" : "s") << ", but got "
                             << block.getNumArguments();
  for (BlockArgument argument : block.getArguments())
    if (!argument.getType().isF32())
      return op->emitOpError() << "expects region arguments of type f32, but got "
                               << argument.getType();
  if (!isa<YieldOp>(block.back()))
    return op->emitOpError() << "expects a region that ends in moe_kernel.yield";
  for (Operation &inner : block.without_terminator()) {
    if (!isa_and_present<arith::ArithDialect, math::MathDialect>(inner.getDialect()) ||
        !isMemoryEffectFree(&inner) || inner.getNumRegions() != 0)
      return inner.emitOpError() << "is not a scalar op of arith or math, which is all that the "
                                    "region of "
                                 << op->getName() << " holds";
    if (inner.getNumResults() != 1 ||
        !(inner.getResult(0).getType().isF32() || inner.getResult(0).getType().isInteger(1)))
      return inner.emitOpError() << "expects one result of f32 or i1 in the region of "
                                 << op->getName() << ", but got (" << inner.getResultTypes() << ')';
  }
  return success();
}

int64_t getScalarCost(Region &region) {
  // What is more than a few instructions of its own: a ratio of polynomials or a library's
  // function.
  constexpr int64_t kFunction = 8;
  int64_t cost = 0;
  for (Block &block : region)
    for (Operation &op : block.without_terminator())
      if (!op.hasTrait<OpTrait::ConstantLike>())
        cost += !isa<math::MathDialect>(op.getDialect()) ||
                        isa<math::AbsFOp, math::ExpOp, math::Exp2Op, math::FmaOp>(op)
                    ? 1
                    : kFunction;
  return cost;
}

} // namespace moec::kernel
