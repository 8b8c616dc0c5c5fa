//===- RoutingLowering.cpp - route, permute, tile maps, positions ---------===//

#include "compiler/Conversion/MoeToMoeKernel/VariantLowering.h"
#include "dialects/MoeKernel/IR/RowWalk.h"
#include "dialects/MoeKernel/IR/Sizes.h"

using namespace mlir;

namespace moec {

using schedule::RowKernel;
using schedule::SortForm;

/// The sum over the winners is what renormalisation divides by: the common denominator cancels.
static kernel::SoftmaxOver getSoftmax(moe::RouteOp op) {
  return op.getRenormalize() || op.getOrder() == moe::SelectOrder::SelectThenScore
             ? kernel::SoftmaxOver::Selected
             : kernel::SoftmaxOver::All;
}

LogicalResult failOnExperts(Operation *op, int64_t experts) {
  return op->emitError() << kUnsupportedPrefix
                         << "expects few enough experts for the sort's counters in shared memory, "
                            "but got "
                         << experts;
}

moe::PermuteOp VariantLowering::getSortOf(moe::RouteOp op) {
  for (Operation *user : op.getExperts().getUsers())
    if (auto permute = dyn_cast<moe::PermuteOp>(user))
      if (permute.getExperts() == op.getExperts() && permute->getBlock() == op->getBlock() &&
          static_cast<int64_t>(permute.getNumExperts()) ==
              cast<RankedTensorType>(op.getLogits().getType()).getDimSize(1))
        return permute;
  return {};
}

LogicalResult VariantLowering::lowerRoute(moe::RouteOp op) {
  Value weights = getDestination(op.getWeights(), "weights");
  Value experts = getDestination(op.getExperts(), "experts");
  kernel::SoftmaxOver softmax = getSoftmax(op);
  moe::PermuteOp permute = getSortOf(op);
  int64_t numExperts = cast<RankedTensorType>(op.getLogits().getType()).getDimSize(1);
  if (!permute || bucket.sort != SortForm::RouteSort) {
    Value sets;
    kernel::LaunchAttr launch = getLaunch(RowKernel::Route);
    if (permute && bucket.tokenSets) {
      sets = createBuffer(
          "sets", MemRefType::get({ShapedType::kDynamic, numExperts}, builder.getI32Type()),
          kernel::ceilDivExtent(kernel::getLeadingExtent(get(op.getLogits())), kernel::kSetTokens));
      launch = schedule::getRouteSetsLaunch(
          builder.getContext(), numExperts,
          cast<RankedTensorType>(op.getExperts().getType()).getDimSize(1));
      tokenSets[op.getExperts()] = sets;
    }
    createKernel<kernel::RouteOp>(get(op.getLogits()), weights, experts, sets, softmax, launch);
    return success();
  }
  Sorted sorted = createSorted(permute);
  kernel::LaunchAttr launch = schedule::getLaunch(builder.getContext(), RowKernel::RouteSort,
                                                  numExperts, sorted.maps.countArrays());
  if (!launch)
    return failOnExperts(permute, numExperts);
  createKernel<kernel::RouteSortOp>(
      get(op.getLogits()), weights, experts, sorted.offsets, sorted.routes, sorted.positions,
      sorted.maps.tiles, sorted.maps.tickets, sorted.maps.progress,
      builder.getArrayAttr(sorted.maps.shapes), softmax, bucket.maxTokens, launch);
  sortedByRoute.insert(permute);
  return success();
}

VariantLowering::Sorted VariantLowering::createSorted(moe::PermuteOp op) {
  Sorted sorted;
  AffineMap rows = block.extents.find(op.getRoutes());
  sorted.offsets = getDestination(op.getOffsets(), "offsets");
  sorted.routes = getDestination(op.getRoutes(), "routes");
  sorted.positions = createIndexBuffer("positions", rows);
  positions[op.getRoutes()] = sorted.positions;
  sorted.maps = createMaps(op.getOffsets(), rows);
  return sorted;
}

LogicalResult VariantLowering::lowerPermute(moe::PermuteOp op) {
  if (sortedByRoute.contains(op)) {
    // What is gathered may be computed after the route.
    lowerGather(op);
    return success();
  }
  Sorted sorted = createSorted(op);
  int64_t experts = op.getNumExperts();
  kernel::LaunchAttr launch = schedule::getLaunch(builder.getContext(), RowKernel::Sort, experts,
                                                  sorted.maps.countArrays());
  if (!launch)
    return failOnExperts(op, experts);
  Value counts, sets = tokenSets.lookup(op.getExperts());
  if (sets && cast<MemRefType>(sets.getType()).getDimSize(1) != experts)
    sets = {};
  if (!sets && bucket.sort == SortForm::MultiBlock) {
    counts = createBuffer("counts",
                          MemRefType::get({bucket.sortBlocks, experts}, builder.getI32Type()), {});
    createKernel<kernel::CountRoutesOp>(get(op.getExperts()), counts, launch);
  }
  createKernel<kernel::SortRoutesOp>(get(op.getExperts()), counts, sets, sorted.offsets,
                                     sorted.routes, sorted.positions, sorted.maps.tiles,
                                     sorted.maps.tickets, sorted.maps.progress,
                                     builder.getArrayAttr(sorted.maps.shapes), launch);
  lowerGather(op);
  return success();
}

void VariantLowering::lowerGather(moe::PermuteOp op) {
  if (!op.getX())
    return;
  Value rows = getDestination(op.getRows(), "rows");
  int64_t topK = cast<RankedTensorType>(op.getExperts().getType()).getDimSize(1);
  createKernel<kernel::GatherOp>(get(op.getX()), get(op.getRoutes()), rows, topK,
                                 getLaunch(RowKernel::Copy));
}

VariantLowering::Maps VariantLowering::createMaps(Value offsets, AffineMap rows) {
  Maps maps;
  int64_t experts = cast<RankedTensorType>(offsets.getType()).getDimSize(0) - 1;
  for (Operation *matmul : readers.lookup(offsets)) {
    kernel::ScheduleAttr schedule = schedules.lookup(matmul);
    kernel::TileShapeAttr shape = schedule.getTileShape();
    Value &map = tileMaps[{offsets, shape}];
    if (!map) {
      map = createBuffer("tiles", MemRefType::get({ShapedType::kDynamic, 4}, builder.getI32Type()),
                         kernel::getTileMapExtent(rows, experts, shape.getRows()));
      maps.tiles.push_back(map);
      maps.shapes.push_back(shape);
    }
    if (schedule.getDynamic()) {
      tickets[matmul] = createBuffer("tickets", MemRefType::get({1}, builder.getI32Type()), {});
      maps.tickets.push_back(tickets[matmul]);
    }
    moe::GroupedMatmulOp before = getReporter(cast<moe::GroupedMatmulOp>(matmul));
    if (before && maps.progress.size() < kernel::kMaxTileMaps) {
      progress[before] = createBuffer(
          "progress", MemRefType::get({kernel::kProgressWords}, builder.getI32Type()), {});
      maps.progress.push_back(progress[before]);
    }
  }
  return maps;
}

LogicalResult VariantLowering::createTileMaps(Value offsets, AffineMap rows) {
  Maps maps = createMaps(offsets, rows);
  if (maps.tiles.empty())
    return success();
  int64_t experts = cast<RankedTensorType>(offsets.getType()).getDimSize(0) - 1;
  kernel::LaunchAttr launch =
      schedule::getLaunch(builder.getContext(), RowKernel::TileMaps, experts, maps.countArrays());
  if (!launch)
    return failOnExperts(block.block, experts);
  createKernel<kernel::TileMapsOp>(get(offsets), maps.tiles, maps.tickets, maps.progress,
                                   builder.getArrayAttr(maps.shapes), rows, launch);
  return success();
}

FailureOr<Value> VariantLowering::getTiles(Value offsets, kernel::TileShapeAttr shape,
                                           AffineMap rows) {
  std::pair<Value, Attribute> key(offsets, shape);
  if (tileMaps.count(key) == 0 && failed(createTileMaps(offsets, rows)))
    return failure();
  return tileMaps[key];
}

Value VariantLowering::getPositions(Value routes) {
  Value &found = positions[routes];
  if (!found) {
    found = createIndexBuffer("positions", block.extents.find(routes));
    createFill(found, -1);
    createKernel<kernel::InvertRoutesOp>(get(routes), found, getLaunch(RowKernel::Index));
  }
  return found;
}

} // namespace moec
