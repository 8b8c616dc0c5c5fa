//===- MoeVerify.h - shape arithmetic and checks shared by the ops --------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEVERIFY_H
#define MOEC_DIALECTS_MOE_IR_MOEVERIFY_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

#include <limits>

namespace moec::moe {

/// Routes, rows and experts are numbered in i32.
inline constexpr int64_t kMaxIndex = std::numeric_limits<int32_t>::max();

/// a * b; dynamic where one is dynamic or the product is no int64_t.
int64_t multiplySizes(int64_t a, int64_t b);

/// Whether two sizes can be equal at run time.
bool mayBeEqual(int64_t a, int64_t b);

/// Same rank and element type, and sizes that can be equal at run time.
bool areCompatible(mlir::Type a, mlir::Type b);
bool areCompatible(mlir::TypeRange a, mlir::TypeRange b);

/// `expects <what> of type <expected>, but got <type>` on `op` unless the two are compatible.
mlir::LogicalResult verifyType(mlir::Operation *op, llvm::StringRef what, mlir::Type type,
                               mlir::Type expected);

/// Checks that `region` of `op` is one block of `arguments` f32 values with pure scalar ops of
/// arith and math that ends in moe.yield. Errors are reported on the op at fault.
mlir::LogicalResult verifyScalarRegion(mlir::Operation *op, mlir::Region &region,
                                       unsigned arguments);

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_IR_MOEVERIFY_H
