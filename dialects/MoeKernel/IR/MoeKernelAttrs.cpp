//===- MoeKernelAttrs.cpp - legality of targets, intervals, schedules -----===//

#include "dialects/Moe/IR/MoeVerify.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec::kernel;

#include "dialects/MoeKernel/IR/MoeKernelEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelAttrs.cpp.inc"

void MoeKernelDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/MoeKernel/IR/MoeKernelAttrs.cpp.inc"
      >();
}

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

LogicalResult TargetAttr::verify(EmitError emitError, StringRef arch, int64_t sharedBytes,
                                 int64_t registers, int64_t multiprocessors) {
  StringRef number = arch;
  int64_t capability = 0;
  if (!number.consume_front("sm_") || number.consumeInteger(10, capability) ||
      !(number.empty() || number == "a" || number == "f"))
    return emitError() << "expects an architecture such as \"sm_90a\", but got \"" << arch << '"';
  if (capability < 80)
    return emitError() << "expects sm_80 or newer, but got " << arch;
  for (int64_t limit : {sharedBytes, registers, multiprocessors})
    if (limit < 1 || limit > moe::kMaxIndex)
      return emitError() << "expects limits in [1, " << moe::kMaxIndex
                         << "], but got shared_bytes = " << sharedBytes
                         << ", registers = " << registers
                         << ", multiprocessors = " << multiprocessors;
  return success();
}

int64_t TargetAttr::getComputeCapability() const {
  StringRef number = getArch().drop_front(3);
  int64_t capability = 0;
  (void)number.consumeInteger(10, capability);
  return capability;
}

LogicalResult TokensAttr::verify(EmitError emitError, int64_t min, int64_t max) {
  int64_t last = max == -1 ? moe::kMaxIndex : max;
  if (min < 0 || last < min || last > moe::kMaxIndex)
    return emitError() << "expects 0 <= min <= max <= " << moe::kMaxIndex
                       << ", or max = -1, but got " << min << " and " << max;
  return success();
}

LogicalResult LaunchAttr::verify(EmitError emitError, int64_t threads, int64_t perThread) {
  if (threads < 32 || threads > 1024 || threads % 32 != 0)
    return emitError() << "expects threads to be a multiple of 32 in [32, 1024], but got "
                       << threads;
  if (perThread < 1 || perThread > 16)
    return emitError() << "expects per_thread in [1, 16], but got " << perThread;
  return success();
}

LogicalResult TileShapeAttr::verify(EmitError emitError, int64_t rows, int64_t unit, int64_t band,
                                    int64_t cluster, bool bothEnds) {
  constexpr int64_t kMaxRows = 0x1fff, kMaxBand = 255;
  if (rows < 1 || rows > kMaxRows)
    return emitError() << "expects rows in [1, " << kMaxRows << "], but got " << rows;
  if (unit < 0 || (unit != 0 && rows % unit != 0))
    return emitError() << "expects rows to be a multiple of unit, but got " << rows << " and "
                       << unit;
  if (band < 1 || band > kMaxBand)
    return emitError() << "expects a band in [1, " << kMaxBand << "], but got " << band;
  if (cluster != 1 && cluster != 2)
    return emitError() << "expects a cluster of 1 or 2, but got " << cluster;
  return success();
}

TileShapeAttr ScheduleAttr::getTileShape() const {
  int64_t unit = isSwapped() ? getTokenStep() : isHopper() ? 64 : 0;
  return TileShapeAttr::get(getContext(), getBlockM(), unit,
                            std::max<int64_t>(getRasterGroup() / getCluster(), 1), getCluster(),
                            getBothEnds());
}

/// Tile shapes of the wgmma forms: strips of 64 along wgmma's M for each consumer, a multiple of 16
/// up to 256 along its N.
static LogicalResult verifyHopperTile(EmitError emitError, bool swapped, int64_t blockM,
                                      int64_t blockN, int64_t blockK, int64_t tokenStep,
                                      bool cooperative) {
  if (blockK != 64)
    return emitError() << "expects block_k of 64 for a wgmma form, but got " << blockK;
  auto strips = swapped ? std::pair("block_n", blockN) : std::pair("block_m", blockM);
  auto columns = swapped ? std::pair("block_m", blockM) : std::pair("block_n", blockN);
  int64_t unit = cooperative ? 128 : 64;
  if (strips.second < unit || strips.second > 256 || strips.second % unit != 0)
    return emitError() << "expects " << strips.first << " to be a multiple of " << unit
                       << " up to 256, but got " << strips.second;
  if (columns.second < 16 || columns.second > 256 || columns.second % 16 != 0)
    return emitError() << "expects " << columns.first
                       << " to be a multiple of 16 up to 256, but got " << columns.second;
  if (swapped && (tokenStep < 16 || tokenStep % 16 != 0))
    return emitError() << "expects token_step to be a multiple of 16, but got " << tokenStep;
  if (swapped && blockM % tokenStep != 0)
    return emitError() << "expects block_m to be a multiple of token_step = " << tokenStep
                       << ", but got " << blockM;
  int64_t accumulators = blockM * blockN / (cooperative ? 256 : 128);
  if (accumulators > 192)
    return emitError() << "expects at most 192 accumulators a thread, but the tile needs "
                       << accumulators;
  return success();
}

ScheduleAttr ScheduleAttr::getStatic() const {
  return get(getContext(), getForm(), getBlockM(), getBlockN(), getBlockK(), getStages(),
             getWarpsM(), getWarpsN(), getMinBlocks(), getTokenStep(), getCooperative(),
             /*dynamic=*/false, /*both_ends=*/false, getCluster(), getRasterGroup(), getWeights(),
             getEarlyStart(), getEarlyRelease());
}

LogicalResult ScheduleAttr::verify(EmitError emitError, MatmulForm form, int64_t blockM,
                                   int64_t blockN, int64_t blockK, int64_t stages, int64_t warpsM,
                                   int64_t warpsN, int64_t minBlocks, int64_t tokenStep,
                                   bool cooperative, bool dynamic, bool bothEnds, int64_t cluster,
                                   int64_t rasterGroup, WeightPolicy weights, bool earlyStart,
                                   bool earlyRelease) {
  if (stages < 2 || stages > 16)
    return emitError() << "expects stages in [2, 16], but got " << stages;
  if (rasterGroup < 1 || rasterGroup > 255)
    return emitError() << "expects raster_group in [1, 255], but got " << rasterGroup;
  if (cluster != 1 && cluster != 2)
    return emitError() << "expects a cluster of 1 or 2, but got " << cluster;
  if (bothEnds && !dynamic)
    return emitError() << "expects both_ends with dynamic only";
  if (form != MatmulForm::Mma) {
    if (earlyRelease)
      return emitError() << "expects early_release with the mma form only";
    if (warpsM != 1 || warpsN != 1 || minBlocks != 1)
      return emitError() << "expects no warps_m, warps_n and min_blocks for a wgmma form, but got "
                         << warpsM << ", " << warpsN << " and " << minBlocks;
    return verifyHopperTile(emitError, form == MatmulForm::WgmmaSwapped, blockM, blockN, blockK,
                            tokenStep, cooperative);
  }
  if (cooperative || dynamic || cluster != 1 || weights == WeightPolicy::EvictLast)
    return emitError() << "expects cooperative, dynamic, cluster and weights = evict_last with a "
                          "wgmma form only";
  constexpr int64_t kMaxWarps = 32, kMaxBlock = 4096; // each, and so their products fit
  if (warpsM < 1 || warpsN < 1 || warpsM > kMaxWarps || warpsN > kMaxWarps ||
      warpsM * warpsN > kMaxWarps || !llvm::isPowerOf2_64(warpsM * warpsN))
    return emitError() << "expects warps_m * warps_n to be a power of two up to 32, but got "
                       << warpsM << " * " << warpsN;
  if (blockM < 1 || blockM % (16 * warpsM) != 0)
    return emitError() << "expects block_m to be a multiple of 16 * warps_m = " << 16 * warpsM
                       << ", but got " << blockM;
  if (blockN < 1 || blockN % (16 * warpsN) != 0)
    return emitError() << "expects block_n to be a multiple of 16 * warps_n = " << 16 * warpsN
                       << ", but got " << blockN;
  if (blockM > kMaxBlock || blockN > kMaxBlock)
    return emitError() << "expects block_m and block_n of at most " << kMaxBlock << ", but got "
                       << blockM << " and " << blockN;
  if (blockK < 32 || blockK > 256 || !llvm::isPowerOf2_64(blockK))
    return emitError() << "expects block_k to be 32, 64, 128 or 256, but got " << blockK;
  if (minBlocks < 1 || minBlocks > 32)
    return emitError() << "expects min_blocks in [1, 32], but got " << minBlocks;
  int64_t accumulators = (blockM / warpsM) * (blockN / warpsN);
  if (accumulators > 64 * 64)
    return emitError() << "expects at most 4096 accumulators a warp, but block_m / warps_m * "
                          "block_n / warps_n is "
                       << accumulators;
  return success();
}
