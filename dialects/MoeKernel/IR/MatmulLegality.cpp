//===- MatmulLegality.cpp - what a grouped matmul kernel needs ------------===//

#include "dialects/MoeKernel/IR/MatmulLegality.h"
#include "dialects/MoeKernel/IR/ScalarRegion.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace moec::kernel {

/// Operands are bf16 or f16.
static constexpr int64_t kOperandBytes = 2;
/// Elements that pad a row of the result tile against bank conflicts.
static constexpr int64_t kResultPadding = 8;
/// What the hardware reserves in a multiprocessor's shared memory for every block.
static constexpr int64_t kReservedSharedBytes = 1024;

MatmulTraits getMatmulTraits(GroupedMatmulOp op) {
  auto type = cast<MemRefType>(op.getOuts().front().getType());
  return {op.isGated(),
          op.hasTwoOutputs(),
          op.getTransposed(),
          !op.getBias().empty(),
          type.getElementTypeBitWidth() / 8,
          op.getReduction(),
          op.getGathered(),
          op.getStore() != StoreForm::Rows,
          getScalarCost(op.getEpilogue())};
}

int64_t getMatmulTileColumns(ScheduleAttr schedule, const MatmulTraits &traits) {
  return traits.gated ? schedule.getBlockN() / 2 : schedule.getBlockN();
}

int64_t getMatmulSharedBytes(ScheduleAttr schedule, const MatmulTraits &traits) {
  if (schedule.isHopper()) {
    int64_t target = !traits.weighted ? 0 : traits.outputBytes == 4 ? 8 : 4;
    bool ownStaging =
        schedule.hasLargeTiles() && !schedule.getCooperative() && traits.outputBytes == 2;
    return 1024 +
           schedule.getStages() * ((schedule.getBlockM() + schedule.getBlockN()) * 128 + 16) + 64 +
           2 * (16 + target * schedule.getBlockM()) +
           (traits.gathered ? 4 * schedule.getBlockM() : 0) +
           (ownStaging ? 128 * schedule.getBlockM() : 0);
  }
  int64_t ring = schedule.getStages() * (schedule.getBlockM() + schedule.getBlockN()) *
                 schedule.getBlockK() * kOperandBytes;
  int64_t columns =
      traits.gated && !traits.twoOutputs ? schedule.getBlockN() / 2 : schedule.getBlockN();
  int64_t result = schedule.getBlockM() * (columns + kResultPadding) * traits.outputBytes;
  return std::max(ring, result);
}

int64_t getMatmulRegisters(ScheduleAttr schedule) {
  int64_t warpM = schedule.getBlockM() / schedule.getWarpsM();
  int64_t warpN = schedule.getBlockN() / schedule.getWarpsN();
  int64_t accumulators = warpM * warpN / 32;
  int64_t fragments = 2 * 4 * (warpM / 16 + warpN / 16);
  return accumulators + fragments + 24;
}

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifySharedBytes(ScheduleAttr schedule, const MatmulTraits &traits,
                                       TargetAttr target, EmitError emitError) {
  int64_t shared = getMatmulSharedBytes(schedule, traits);
  if (shared > target.getSharedBytes())
    return emitError() << "expects at most " << target.getSharedBytes()
                       << " bytes of shared memory a block on " << target.getArch()
                       << ", but needs " << shared;
  return success();
}

/// Accumulators of a consumer thread that ptxas fits beside what stores need
/// (compiler/Device/README.md).
static LogicalResult verifyAccumulators(ScheduleAttr schedule, const MatmulTraits &traits,
                                        EmitError emitError) {
  constexpr int64_t kCheapEpilogue = 8, kMostColumns = 192;
  bool costly = !schedule.isSwapped() && traits.epilogueCost > kCheapEpilogue;
  if (costly && schedule.getBlockN() > kMostColumns)
    return emitError() << "expects block_n of at most " << kMostColumns
                       << " with an epilogue of more than " << kCheapEpilogue
                       << " operations, but got " << schedule.getBlockN();
  bool wide = traits.outputBytes != 2;
  bool crowded = wide || (!schedule.isSwapped() &&
                          (traits.twoOutputs || (traits.gated && traits.hasBias) || costly));
  int64_t most = !crowded ? 192 : schedule.isSwapped() ? 176 : 128;
  if (schedule.getHopperAccumulators() <= most)
    return success();
  InFlightDiagnostic error = emitError()
                             << "expects at most " << most << " accumulators a thread with ";
  if (schedule.isSwapped())
    error << "f32 results";
  else
    error << "a gated bias, two outputs, f32 results or an epilogue of more than " << kCheapEpilogue
          << " operations";
  return error << ", but the tile needs " << schedule.getHopperAccumulators();
}

/// What the wgmma forms leave to others, and what ptxas cannot fit: too many accumulators spill,
/// and a reduction of one step makes it serialise the products (C7511).
static LogicalResult verifyHopperSchedule(ScheduleAttr schedule, const MatmulTraits &traits,
                                          TargetAttr target, EmitError emitError) {
  constexpr int64_t kMinReduction = 128;
  if (target && target.getArch() != "sm_90a")
    return emitError() << "expects sm_90a for a wgmma form, but the target is " << target.getArch();
  if (traits.reduction < kMinReduction)
    return emitError() << "expects a reduction of at least " << kMinReduction
                       << " for a wgmma form, but got " << traits.reduction;
  // Blocks of a cluster are up to a ring apart, and a drawn tile is known after three steps.
  int64_t steps = llvm::divideCeil(traits.reduction, schedule.getBlockK());
  if (schedule.getCluster() > 1 && steps <= schedule.getStages() + 3)
    return emitError() << "expects a reduction of more than stages + 3 = "
                       << schedule.getStages() + 3 << " steps for a cluster, but got " << steps;
  if (traits.gated && schedule.getBlockN() % 32 != 0)
    return emitError() << "expects block_n to be a multiple of 32 for gate and up, but got "
                       << schedule.getBlockN();
  // Boxes of 64 for gate and up, or for the blocks of a cluster.
  int64_t boxes = traits.gated || schedule.getCluster() > 1 ? 128 : 64;
  if (traits.transposed && schedule.getBlockN() % boxes != 0)
    return emitError() << "expects block_n to be a multiple of " << boxes
                       << " for transposed weights, but got " << schedule.getBlockN();
  int64_t pair = schedule.getCooperative() ? 256 : 128;
  if (traits.gated && schedule.isSwapped() && schedule.getBlockN() % pair != 0)
    return emitError() << "expects block_n to be a multiple of " << pair
                       << " for swapped gate and up, but got " << schedule.getBlockN();
  if (failed(verifyAccumulators(schedule, traits, emitError)))
    return failure();
  return target ? verifySharedBytes(schedule, traits, target, emitError) : success();
}

LogicalResult verifyMatmulSchedule(ScheduleAttr schedule, const MatmulTraits &traits,
                                   TargetAttr target, EmitError emitError) {
  if (traits.gathered && !schedule.getEarlyStart())
    return emitError() << "expects early_start = false with contiguous rows only, but they are "
                          "gathered";
  if (traits.weighted && schedule.getEarlyRelease())
    return emitError() << "expects early_release without routing weights, where a matmul follows";
  if (schedule.isHopper())
    return verifyHopperSchedule(schedule, traits, target, emitError);
  if (traits.transposed) {
    int64_t chunks = schedule.getBlockN() / 8;
    if (chunks != 4 && chunks % 8 != 0)
      return emitError() << "expects block_n to be 32 or a multiple of 64 for transposed weights, "
                            "but got "
                         << schedule.getBlockN();
    if (schedule.getThreads() % chunks != 0)
      return emitError() << "expects the threads to be a multiple of block_n / 8 = " << chunks
                         << " for transposed weights, but got " << schedule.getThreads();
  }
  if (!target)
    return success();
  if (failed(verifySharedBytes(schedule, traits, target, emitError)))
    return failure();
  int64_t shared = getMatmulSharedBytes(schedule, traits), blocks = schedule.getMinBlocks();
  int64_t available = target.getSharedBytes() + kReservedSharedBytes;
  if (blocks * (shared + kReservedSharedBytes) > available)
    return emitError() << "expects min_blocks = " << blocks << " blocks to fit the " << available
                       << " bytes of shared memory of a multiprocessor on " << target.getArch()
                       << ", but they need " << blocks * (shared + kReservedSharedBytes);
  int64_t registers = getMatmulRegisters(schedule);
  int64_t limit =
      std::min<int64_t>(255, target.getRegisters() / (schedule.getThreads() * blocks) / 8 * 8);
  if (registers > limit)
    return emitError() << "expects at most " << limit
                       << " registers a thread with min_blocks = " << blocks << " and "
                       << schedule.getThreads() << " threads, but accumulators and fragments need "
                       << registers;
  return success();
}

} // namespace moec::kernel
