//===- Supported.h - what no kernel can run -------------------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_SUPPORTED_H
#define MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_SUPPORTED_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace moec {

/// Checks the function and every op of a block of one basic block; each one that no kernel can run
/// is an error on it that begins with kUnsupportedPrefix. Reports all of them.
mlir::LogicalResult verifySupported(mlir::func::FuncOp block);

} // namespace moec

#endif // MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_SUPPORTED_H
