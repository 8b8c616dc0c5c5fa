//===- MatmulLegality.h - what a grouped matmul kernel needs --------------===//
//
// The host's side of the constants in compiler/Device/moe/kernels/grouped_matmul_policy.cuh, whose
// static assertions and sizes these functions repeat.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MATMULLEGALITY_H
#define MOEC_DIALECTS_MOEKERNEL_IR_MATMULLEGALITY_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

namespace moec::kernel {

/// What of a grouped matmul its schedule's legality depends on.
struct MatmulTraits {
  bool gated = false;      ///< two weight rows a column
  bool twoOutputs = false; ///< gate and up are both stored
  bool transposed = false; ///< weights [E, K, N]
  bool hasBias = false;
  int64_t outputBytes = 2;  ///< of one stored element
  int64_t reduction = 0;    ///< K
  bool gathered = false;    ///< rows by routes
  bool weighted = false;    ///< stores times routing weights
  int64_t epilogueCost = 0; ///< operations of the epilogue (getScalarCost)
};

MatmulTraits getMatmulTraits(GroupedMatmulOp op);

/// Dynamic shared memory in bytes. mma: a ring of operand stages, reused by the tile of results,
/// `max(stages * (block_m + block_n) * block_k * 2, block_m * (result columns + 8) * element
/// size)`. wgmma forms: alignment, the ring with two barriers a stage, the
/// failure flag and barriers of two tile slots, the slots with what stores need of each row (t
/// bytes: 4 weighted, 8 accumulated), the gathered rows' table,
/// `1024 + stages * ((block_m + block_n) * 128 + 16) + 64 + 2 * (16 + t * block_m) + g`, g =
/// 4 * block_m when gathered.
int64_t getMatmulSharedBytes(ScheduleAttr schedule, const MatmulTraits &traits);

/// mma: f32 accumulators and operand fragments (double-buffered) of a thread plus 24 for addresses:
/// a lower bound of its registers.
int64_t getMatmulRegisters(ScheduleAttr schedule);

/// Output columns of one tile.
int64_t getMatmulTileColumns(ScheduleAttr schedule, const MatmulTraits &traits);

/// Whether the kernel can be built and `min_blocks` of it fit a multiprocessor of `target`, which
/// may be null. `emitError` starts a diagnostic.
mlir::LogicalResult verifyMatmulSchedule(ScheduleAttr schedule, const MatmulTraits &traits,
                                         TargetAttr target,
                                         llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MATMULLEGALITY_H
