//===- Override.h - schedules in place of the table's ---------------------===//
//
// Written by hand, or by a search that measured them.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_SCHEDULE_OVERRIDE_H
#define MOEC_COMPILER_SCHEDULE_OVERRIDE_H

#include "compiler/Schedule/Schedule.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include <map>
#include <string>

namespace moec::schedule {

/// Schedules that replace the table's.
class Overrides {
public:
  /// That of a matmul (by position in the function) in the variant that was decided for T =
  /// `tokens`; null where the table's stays. What was given for some T comes before what was given
  /// for all, and a number before `*`.
  kernel::ScheduleAttr find(unsigned matmul, int64_t tokens = 0) const;

  /// Checks that each number is below `matmuls`, those of the function. Errors go to `emitError`.
  mlir::LogicalResult verify(unsigned matmuls,
                             llvm::function_ref<mlir::InFlightDiagnostic()> emitError) const;

  /// The intervals of T with schedules of their own, ascending and apart: each is one variant.
  std::vector<TokenRange> ranges() const;

private:
  friend mlir::FailureOr<Overrides>
  parseOverrides(mlir::MLIRContext *context, llvm::StringRef text,
                 llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

  struct Entry {
    int64_t first = 0, last = -1; ///< T; -1: without end
    std::optional<unsigned> matmul; ///< none: all
    kernel::ScheduleAttr schedule;
    bool isForAll() const { return first == 0 && last == -1; }
  };
  std::vector<Entry> entries; ///< what comes first where several fit, first
};

/// Reads `0: mma, block_m = 64, ...; 1@768-1535: mma, ...`: entries separated by `;`, each the
/// number of a grouped matmul in its function (or `*` for all that are not named), where given the
/// first and last T that it is for, and the inside of a #moe_kernel.schedule. An empty text
/// overrides nothing. Errors go to `emitError`.
mlir::FailureOr<Overrides> parseOverrides(mlir::MLIRContext *context, llvm::StringRef text,
                                          llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace moec::schedule

#endif // MOEC_COMPILER_SCHEDULE_OVERRIDE_H
