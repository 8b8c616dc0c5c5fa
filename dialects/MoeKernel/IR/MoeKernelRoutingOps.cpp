//===- MoeKernelRoutingOps.cpp - legality and launches of index kernels ---===//

#include "dialects/Moe/IR/MoeVerify.h"
#include "dialects/MoeKernel/IR/RowWalk.h"
#include "dialects/MoeKernel/IR/Verify.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace moec::kernel;

//===----------------------------------------------------------------------===//
// Checks that route, sort and tile maps share
//===----------------------------------------------------------------------===//

static LogicalResult verifyRouting(Operation *op, Value logits, Value weights, Value experts) {
  int64_t numExperts = getType(logits).getDimSize(1), topK = getType(weights).getDimSize(1);
  // C1
  if (topK < 1 || topK > std::min<int64_t>(numExperts, 32))
    return op->emitOpError() << "expects k in [1, " << std::min<int64_t>(numExperts, 32)
                             << "], but got " << topK;
  // C2
  if (failed(verifyColumns(op, "experts", experts, topK)) ||
      failed(verifyExtent(op, "weights", weights, getLeadingExtent(logits))) ||
      failed(verifyExtent(op, "experts", experts, getLeadingExtent(logits))))
    return failure();
  return success();
}

static LogicalResult verifyTileMaps(Operation *op, OperandRange tiles, ArrayAttr shapes,
                                    OperandRange tickets, OperandRange progress, AffineMap rows,
                                    int64_t experts) {
  if (tiles.size() != shapes.size())
    return op->emitOpError() << "expects one of tile_shapes for each tile map, but got "
                             << shapes.size() << " for " << tiles.size();
  for (auto [name, values] : {std::pair("tile maps", tiles), std::pair("tickets", tickets),
                              std::pair("progress", progress)})
    if (static_cast<int64_t>(values.size()) > kMaxTileMaps)
      return op->emitOpError() << "expects at most " << kMaxTileMaps << ' ' << name << ", but got "
                               << values.size();
  for (auto [map, shape] : llvm::zip(tiles, shapes.getAsRange<TileShapeAttr>()))
    if (failed(verifyColumns(op, "a tile map", map, 4)) ||
        failed(
            verifyExtent(op, "a tile map", map, getTileMapExtent(rows, experts, shape.getRows()))))
      return failure();
  for (Value counter : tickets)
    if (getType(counter).getShape() != ArrayRef<int64_t>{1})
      return op->emitOpError() << "expects tickets of one counter, but got " << counter.getType();
  for (Value counters : progress)
    if (getType(counters).getShape() != ArrayRef<int64_t>{kProgressWords})
      return op->emitOpError() << "expects progress of " << kProgressWords << " words, but got "
                               << counters.getType();
  return success();
}

static LogicalResult verifySorted(Operation *op, Value experts, Value offsets, Value routes,
                                  Value positions, OperandRange tiles, ArrayAttr shapes,
                                  OperandRange tickets, OperandRange progress) {
  AffineMap rows = scaleExtent(getLeadingExtent(experts), getType(experts).getDimSize(1));
  // C1
  if (failed(verifyExtent(op, "routes", routes, rows)) ||
      failed(verifyExtent(op, "positions", positions, rows)))
    return failure();
  if (failed(verifyOffsets(op, offsets)))
    return failure();
  // C2
  return verifyTileMaps(op, tiles, shapes, tickets, progress, rows,
                        getType(offsets).getDimSize(0) - 1);
}

static LogicalResult verifyIndexShared(Operation *op, int64_t bytes) {
  if (bytes <= kSortSharedLimit)
    return success();
  return op->emitOpError() << "expects at most " << kSortSharedLimit
                           << " bytes of shared memory, but needs " << bytes
                           << "; take fewer threads";
}

//===----------------------------------------------------------------------===//
// Route
//===----------------------------------------------------------------------===//

int64_t RouteOp::getLanes() { return getRouteLanes(getNumExperts(), getTopK()); }

/// Whether `sets` has a bit for every token and expert.
static LogicalResult verifySets(Operation *op, Value sets, Value experts, int64_t numExperts) {
  if (failed(verifyColumns(op, "sets", sets, numExperts)))
    return failure();
  return verifyExtent(op, "sets", sets, ceilDivExtent(getLeadingExtent(experts), kSetTokens));
}

int64_t RouteOp::getSharedBytes() { return getSets() ? 4 * getNumExperts() : 0; }

AffineMap RouteOp::getGrid() {
  int64_t tokens = getThreads() / getLanes();
  AffineMap extent = getLeadingExtent(getLogits());
  return getSets() ? scaleExtent(ceilDivExtent(extent, kSetTokens), kSetTokens / tokens)
                   : ceilDivExtent(extent, tokens);
}

LogicalResult RouteOp::verify() {
  if (failed(verifyRouting(*this, getLogits(), getWeights(), getExperts())))
    return failure();
  // C3
  if (!getSets())
    return success();
  int64_t tokens = getThreads() / getLanes();
  if (tokens != 8 && tokens != 16 && tokens != 32)
    return emitOpError() << "expects 8, 16 or 32 tokens a block with sets, but " << getThreads()
                         << " threads route " << tokens;
  if (failed(verifySets(*this, getSets(), getExperts(), getNumExperts())))
    return failure();
  return verifyIndexShared(*this, getSharedBytes());
}

//===----------------------------------------------------------------------===//
// Sort
//===----------------------------------------------------------------------===//

int64_t SortRoutesOp::getSharedBytes() {
  int64_t arrays = countMapArrays(getTileShapes().getValue());
  return getSets() ? getSortSetsSharedBytes(getNumExperts(), arrays)
                   : getSortSharedBytes(getNumExperts(), getThreads(), arrays);
}

AffineMap SortRoutesOp::getGrid() {
  if (getSets()) { // one block at least, which writes the maps of no rows
    AffineMap tokens = getLeadingExtent(getExperts());
    SmallVector<AffineExpr> blocks;
    for (AffineExpr extent : tokens.getResults())
      blocks.push_back(extent.floorDiv(kSetTokens) + 1);
    return AffineMap::get(tokens.getNumDims(), 0, blocks, getContext());
  }
  return getConstantExtent(getContext(), getCounts() ? getCounts().getType().getDimSize(0) : 1);
}

LogicalResult SortRoutesOp::verify() {
  if (failed(verifySorted(*this, getExperts(), getOffsets(), getRoutes(), getPositions(),
                          getTiles(), getTileShapes(), getTickets(), getProgress())))
    return failure();
  // C3
  if (getCounts()) {
    if (getCounts().getType().isDynamicDim(0))
      return emitOpError() << "expects counts of a static number of blocks, but got "
                           << getCounts().getType();
    if (failed(verifyColumns(*this, "counts", getCounts(), getNumExperts())))
      return failure();
  }
  // C4
  if (getSets()) {
    if (getCounts())
      return emitOpError() << "expects counts or sets, but got both";
    if (failed(verifySets(*this, getSets(), getExperts(), getNumExperts())))
      return failure();
  }
  return verifyIndexShared(*this, getSharedBytes());
}

int64_t CountRoutesOp::getSharedBytes() { return 4 * getNumExperts(); }

AffineMap CountRoutesOp::getGrid() {
  return getConstantExtent(getContext(), getCounts().getType().getDimSize(0));
}

LogicalResult CountRoutesOp::verify() {
  if (!getCounts().getType().hasStaticShape())
    return emitOpError() << "expects counts of static shape, but got " << getCounts().getType();
  return verifyIndexShared(*this, getSharedBytes());
}

int64_t RouteSortOp::getLanes() { return getRouteLanes(getNumExperts(), getTopK()); }

int64_t RouteSortOp::getSharedBytes() {
  return getRouteSortSharedBytes(getNumExperts(), countMapArrays(getTileShapes().getValue()),
                                 getMaxTokens(), getTopK());
}

AffineMap RouteSortOp::getGrid() { return getConstantExtent(getContext(), 1); }

LogicalResult RouteSortOp::verify() {
  // C1
  if (failed(verifyRouting(*this, getLogits(), getWeights(), getExperts())) ||
      failed(verifySorted(*this, getExperts(), getOffsets(), getRoutes(), getPositions(),
                          getTiles(), getTileShapes(), getTickets(), getProgress())))
    return failure();
  if (getOffsets().getType().getDimSize(0) != getNumExperts() + 1)
    return emitOpError() << "expects offsets of E + 1 = " << getNumExperts() + 1
                         << " entries, but got " << getOffsets().getType().getDimSize(0);
  // C2
  int64_t maxTokens = getMaxTokens();
  if (maxTokens < 0 || maxTokens > moe::kMaxIndex)
    return emitOpError() << "expects max_tokens in [0, " << moe::kMaxIndex << "], but got "
                         << maxTokens;
  if (auto function = (*this)->getParentOfType<func::FuncOp>())
    if (auto tokens = function->getAttrOfType<TokensAttr>(MoeKernelDialect::kTokensAttr))
      if (tokens.getMax() == -1 || tokens.getMax() > maxTokens)
        return emitOpError() << "expects max_tokens to cover the function's " << tokens
                             << ", but got " << maxTokens;
  return verifyIndexShared(*this, getSharedBytes());
}

//===----------------------------------------------------------------------===//
// Tile maps, padded offsets, positions
//===----------------------------------------------------------------------===//

int64_t TileMapsOp::getSharedBytes() {
  return getTileMapsSharedBytes(getNumExperts(), countMapArrays(getTileShapes().getValue()));
}

AffineMap TileMapsOp::getGrid() {
  AffineMap grid;
  for (Value map : getTiles()) {
    AffineMap blocks = ceilDivExtent(getLeadingExtent(map), getThreads());
    // The lowest map has the most entries; any grid covers the others.
    if (!grid || evaluateExtent(blocks, 1 << 20) > evaluateExtent(grid, 1 << 20))
      grid = blocks;
  }
  return minExtent(grid, getConstantExtent(getContext(), kMaxTileMapBlocks));
}

LogicalResult TileMapsOp::verify() {
  if (failed(verifyOffsets(*this, getOffsets())))
    return failure();
  // C2
  if (!isExtent(getRows()))
    return emitOpError() << "expects rows to be an affine map of one dimension with positive "
                            "divisors, but got "
                         << AffineMapAttr::get(getRows());
  // C1
  if (getTiles().empty())
    return emitOpError() << "expects at least one tile map";
  if (failed(verifyTileMaps(*this, getTiles(), getTileShapes(), getTickets(), getProgress(),
                            getRows(), getNumExperts())))
    return failure();
  return verifyIndexShared(*this, getSharedBytes());
}

int64_t PadOffsetsOp::getSharedBytes() { return 4 * (getNumExperts() + 1 + 32); }
bool PadOffsetsOp::takesTokens() { return false; }
AffineMap PadOffsetsOp::getGrid() { return getConstantExtent(getContext(), 1); }

LogicalResult PadOffsetsOp::verify() {
  // C1
  if (static_cast<int64_t>(getMultiple()) < 1)
    return emitOpError() << "expects a multiple of at least 1, but got "
                         << static_cast<int64_t>(getMultiple());
  if (failed(verifyOffsets(*this, getOffsets())))
    return failure();
  return verifySameType(*this, "offsets", getOffsets(), getPaddedOffsets());
}

AffineMap InvertRoutesOp::getGrid() {
  return ceilDivExtent(getLeadingExtent(getRoutes()), getThreads());
}

LogicalResult InvertRoutesOp::verify() {
  return verifyExtent(*this, "positions", getPositions(), getLeadingExtent(getRoutes()));
}
