//===- ScalarForms.h - arith and math ops in CUDA -------------------------===//
//
// A library of its own: the lowering asks what can be printed before it makes a kernel of it.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TARGET_CUDA_SCALARFORMS_H
#define MOEC_COMPILER_TARGET_CUDA_SCALARFORMS_H

#include "mlir/IR/Operation.h"

#include <string>

namespace moec::cuda {

/// The CUDA text of `op`, in which $0, $1, $2 stand for its operands; empty where it has none.
std::string getScalarForm(mlir::Operation *op);

} // namespace moec::cuda

#endif // MOEC_COMPILER_TARGET_CUDA_SCALARFORMS_H
