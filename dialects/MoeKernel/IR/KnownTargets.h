//===- KnownTargets.h - the GPUs that schedules know ----------------------===//
//
// Numbers per compute capability from the CUDA C++ Programming Guide, table "Technical
// Specifications per Compute Capability"; multiprocessor counts are those of the card named in the
// table.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_KNOWNTARGETS_H
#define MOEC_DIALECTS_MOEKERNEL_IR_KNOWNTARGETS_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include <string>

namespace moec::kernel {

/// One row of the table.
struct KnownTarget {
  llvm::StringLiteral arch;
  llvm::StringLiteral card;
  int64_t sharedBytes; ///< dynamic shared memory of one block
  int64_t registers;   ///< 32-bit registers of a multiprocessor
  int64_t multiprocessors;
};

llvm::ArrayRef<KnownTarget> getKnownTargets();

/// The target named `arch` ("sm_90a"); null where it is not in the table.
TargetAttr getKnownTarget(mlir::MLIRContext *context, llvm::StringRef arch);

/// "sm_80, sm_86, ...", for messages.
std::string listKnownTargets();

/// The target of the module around `op`; null where none is set.
TargetAttr getTarget(mlir::Operation *op);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_KNOWNTARGETS_H
