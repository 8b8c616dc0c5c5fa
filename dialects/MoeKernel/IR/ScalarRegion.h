//===- ScalarRegion.h - regions that hold one scalar function -------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_SCALARREGION_H
#define MOEC_DIALECTS_MOEKERNEL_IR_SCALARREGION_H

#include "mlir/IR/Operation.h"

namespace moec::kernel {

/// Checks that `region` of `op` takes `arguments` f32 values, holds pure ops of `arith` and `math`
/// with one result of f32 or i1, and ends in `moe_kernel.yield`. Errors are reported on the op at
/// fault.
mlir::LogicalResult verifyScalarRegion(mlir::Operation *op, mlir::Region &region,
                                       unsigned arguments);

/// About how many f32 operations one result of such a region takes; 0 without one.
int64_t getScalarCost(mlir::Region &region);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_SCALARREGION_H
