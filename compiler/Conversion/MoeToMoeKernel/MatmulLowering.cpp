//===- MatmulLowering.cpp - grouped matmuls and their fused parts ---------===//

#include "compiler/Conversion/MoeToMoeKernel/VariantLowering.h"
#include "dialects/Moe/IR/MoeRowGroups.h"
#include "dialects/MoeKernel/IR/MatmulLegality.h"
#include "dialects/MoeKernel/IR/RowWalk.h"
#include "dialects/MoeKernel/IR/ScalarRegion.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace moec {

using schedule::RowKernel;

/// The value whose leading extent is the number of sorted rows.
static Value getSortedRows(moe::GroupedMatmulOp op) {
  return op.hasGather() ? op.getGatherRoutes() : op.getRows();
}

schedule::MatmulProblem getMatmulProblem(moe::GroupedMatmulOp op, const TokenExtents &extents,
                                         CombineForm combine) {
  schedule::MatmulProblem problem;
  problem.experts = op.getNumExperts();
  problem.columns = op.getGateLayout() ? op.getWeightColumns() / 2 : op.getWeightColumns();
  problem.reduction = op.getReductionSize();
  problem.rowsPerToken = extents.getRowsPerToken(getSortedRows(op));
  problem.gated = op.isGated();
  problem.twoOutputs = op.getResults().size() == 2;
  problem.transposed = op.getTransposed();
  moe::GateLayoutAttr layout = op.getGateLayoutAttr();
  problem.apart = op.isGated() && !(layout && layout.getPacking() == moe::GatePacking::Interleaved);
  problem.gathered = op.hasGather();
  problem.weighted = op.hasCombine();
  problem.hasBias = !op.getBias().empty();
  problem.epilogueCost = kernel::getScalarCost(op.getEpilogue());
  problem.outputBytes = op.hasCombine() && combine == CombineForm::Accumulate ? 4 : 2;
  return problem;
}

LogicalResult VariantLowering::chooseSchedules() {
  unsigned number = 0;
  WalkResult result = block.block.walk([&](moe::GroupedMatmulOp op) {
    schedule::MatmulProblem problem = getMatmulProblem(op, block.extents, block.combine);
    kernel::ScheduleAttr schedule = block.overrides.find(number++, bucket.decidedFor);
    if (schedule) {
      if (failed(kernel::verifyMatmulSchedule(schedule, schedule::getMatmulTraits(problem),
                                              block.target, [&] { return op.emitError(); })))
        return WalkResult::interrupt();
    } else {
      schedule = schedule::getMatmulSchedule(op.getContext(), problem, bucket, block.target);
      // The kernel that cuts the tiles clears so many counters; later matmuls do without one.
      int64_t drawing = llvm::count_if(readers.lookup(op.getOffsets()), [&](Operation *other) {
        return schedules.lookup(other).getDynamic();
      });
      if (drawing >= kernel::kMaxTileMaps)
        schedule = schedule.getStatic();
    }
    schedules[op] = schedule;
    SmallVector<Operation *> &others = readers[op.getOffsets()];
    others.push_back(op);
    llvm::SmallDenseSet<Attribute> shapes;
    for (Operation *other : others)
      shapes.insert(schedules.lookup(other).getTileShape());
    if (static_cast<int64_t>(shapes.size()) > kernel::kMaxTileMaps) {
      op.emitError() << kUnsupportedPrefix << "expects at most " << kernel::kMaxTileMaps
                     << " tile shapes among products over the same offsets, but got "
                     << shapes.size();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

bool VariantLowering::needsFill(moe::GroupedMatmulOp op, Value result) const {
  if (!op.hasCombine())
    return !moe::isTailUnread(result, op.getOffsets());
  return block.combine == CombineForm::Ordered &&
         !moe::nameNoTail(op.getCombineRoutes(), op.getOffsets());
}

moe::GroupedMatmulOp VariantLowering::getEarlyStart(moe::GroupedMatmulOp op) const {
  auto before = dyn_cast_or_null<moe::GroupedMatmulOp>(op->getPrevNode());
  bool makesRows = before && before.getOffsets() == op.getOffsets() && !before.hasCombine() &&
                   before.getResults().size() == 1 && before.getResults().front() == op.getRows();
  if (!makesRows || op.hasGather() || !schedule::usesDependentLaunch(block.target))
    return {};
  // What its results are to find is written between the two.
  bool clearsSums = op.hasCombine() && block.combine == CombineForm::Accumulate;
  if (clearsSums || llvm::any_of(op.getResults(), [&](Value v) { return needsFill(op, v); }))
    return {};
  kernel::ScheduleAttr schedule = schedules.lookup(op);
  return schedule.getEarlyStart() && schedule.isHopper() == schedules.lookup(before).isHopper()
             ? before
             : moe::GroupedMatmulOp();
}

moe::GroupedMatmulOp VariantLowering::getReporter(moe::GroupedMatmulOp op) const {
  return schedules.lookup(op).isHopper() ? getEarlyStart(op) : moe::GroupedMatmulOp();
}

void VariantLowering::createFill(Value buffer, int32_t bits) {
  createKernel<kernel::FillOp>(buffer, bits, getLaunch(RowKernel::Fill));
}

Value VariantLowering::getEarlyLogits(kernel::GroupedMatmulOp op) const {
  auto before = dyn_cast_or_null<kernel::RouteSortOp>(kernel::getKernelBefore(op));
  bool chooses = before && llvm::is_contained(before.getTiles(), op.getTiles()) &&
                 before.getRoutes() == op.getRoutes() && op.getGathered() && op.getDependent() &&
                 !op.getSchedule().isHopper() && bucket.maxTokens == 1 &&
                 kernel::keepsLogits(before.getNumExperts(), before.getTopK());
  return chooses ? before.getLogits() : Value();
}

LogicalResult VariantLowering::lowerMatmul(moe::GroupedMatmulOp op) {
  AffineMap rows = block.extents.find(getSortedRows(op));
  kernel::ScheduleAttr schedule = schedules.lookup(op);
  FailureOr<Value> tiles = getTiles(op.getOffsets(), schedule.getTileShape(), rows);
  if (failed(tiles))
    return failure();
  bool accumulates = op.hasCombine() && block.combine == CombineForm::Accumulate;
  Type element = cast<RankedTensorType>(op.getResults().front().getType()).getElementType();

  // Where results go, and what they find there.
  SmallVector<Value> outs;
  if (accumulates) {
    auto type = cast<MemRefType>(getMemRefType(op.getResults().front()));
    outs.push_back(createBuffer("sums", MemRefType::get(type.getShape(), builder.getF32Type()),
                                block.extents.find(op.getResults().front())));
    createFill(outs.front(), 0);
    nondeterministic = true;
  } else if (op.hasCombine()) {
    int64_t columns = cast<RankedTensorType>(op.getResults().front().getType()).getDimSize(1);
    outs.push_back(
        createBuffer("weighted", MemRefType::get({ShapedType::kDynamic, columns}, element), rows));
    if (needsFill(op, op.getResults().front()))
      createFill(outs.front(), 0);
  } else {
    for (Value result : op.getResults()) {
      outs.push_back(getDestination(result, "product"));
      if (needsFill(op, result))
        createFill(outs.back(), 0);
    }
  }

  // Gather and combine index by the same routes; one operand serves both.
  Value routes;
  if (op.hasGather())
    routes = get(op.getGatherRoutes());
  else if (op.hasCombine())
    routes = get(op.getCombineRoutes());
  std::optional<uint64_t> topK;
  if (op.hasGather())
    topK = op.getTopK();
  if (accumulates)
    topK = cast<RankedTensorType>(op.getCombineWeights().getType()).getDimSize(1);
  auto store = kernel::StoreFormAttr::get(builder.getContext(),
                                          accumulates       ? kernel::StoreForm::Accumulate
                                          : op.hasCombine() ? kernel::StoreForm::WeightedRows
                                                            : kernel::StoreForm::Rows);
  SmallVector<Value> weights, bias;
  for (Value weight : op.getWeights())
    weights.push_back(get(weight));
  for (Value value : op.getBias())
    bias.push_back(get(value));
  moe::GroupedMatmulOp before = getReporter(op);
  Value awaited = progress.lookup(before), awaitedTiles;
  if (awaited)
    awaitedTiles = tileMaps.lookup({op.getOffsets(), schedules.lookup(before).getTileShape()});
  auto lowered = createKernel<kernel::GroupedMatmulOp>(
      get(op.getRows()), weights, bias, routes,
      op.hasCombine() ? get(op.getCombineWeights()) : Value(), *tiles, /*logits=*/Value(),
      tickets.lookup(op), progress.lookup(op), awaited, awaitedTiles, outs, store,
      op.hasGather() ? builder.getUnitAttr() : UnitAttr(),
      topK ? builder.getI64IntegerAttr(*topK) : IntegerAttr(), op.getTransposedAttr(),
      op.getGateLayoutAttr(), schedule, UnitAttr(), UnitAttr());
  // In the wgmma forms they are those of a map in the order of experts, and lost in one by size.
  lowered.setEarlyWeights(schedule.isHopper() ? lowered.getDependent() && lowered.getGathered() &&
                                                    !schedule.getBothEnds()
                                              : static_cast<bool>(getEarlyStart(op)));
  if (Value logits = getEarlyLogits(lowered))
    lowered.getLogitsMutable().assign(logits);
  if (op.hasEpilogue()) {
    IRMapping mapping;
    op.getEpilogue().cloneInto(&lowered.getEpilogue(), mapping);
    replaceYield(lowered.getEpilogue());
  }
  if (!op.hasCombine())
    return success();

  Value index = accumulates ? Value() : getPositions(op.getCombineRoutes());
  Value result = getDestination(op.getResults().front(), "combined");
  if (accumulates)
    createKernel<kernel::CastOp>(outs.front(), result, getLaunch(RowKernel::Cast));
  else
    createCombine(outs.front(), index, Value(), result,
                  cast<RankedTensorType>(op.getCombineWeights().getType()).getDimSize(1));
  return success();
}

} // namespace moec
