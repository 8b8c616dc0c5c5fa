//===- Override.h - schedules written by hand -----------------------------===//

#ifndef MOEC_COMPILER_SCHEDULE_OVERRIDE_H
#define MOEC_COMPILER_SCHEDULE_OVERRIDE_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include <map>
#include <string>

namespace moec::schedule {

/// Schedules that replace the table's in every variant.
struct Overrides {
  std::map<unsigned, kernel::ScheduleAttr> matmuls; ///< by position in the function
  kernel::ScheduleAttr all;                         ///< for the others; may be null

  kernel::ScheduleAttr find(unsigned matmul) const;
};

/// Reads `0: mma, block_m = 64, ...; 1: mma, ...`: entries separated by `;`, each the number of a
/// grouped matmul in its function (or `*` for all that are not named) and the inside of a
/// #moe_kernel.schedule. An empty text overrides nothing. Errors go to `emitError`.
mlir::FailureOr<Overrides> parseOverrides(mlir::MLIRContext *context, llvm::StringRef text,
                                          llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace moec::schedule

#endif // MOEC_COMPILER_SCHEDULE_OVERRIDE_H
