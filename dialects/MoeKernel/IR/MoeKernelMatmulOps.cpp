//===- MoeKernelMatmulOps.cpp - legality and launch of grouped matmuls ----===//

#include "dialects/MoeKernel/IR/KnownTargets.h"
#include "dialects/MoeKernel/IR/MatmulLegality.h"
#include "dialects/MoeKernel/IR/RowWalk.h"
#include "dialects/MoeKernel/IR/ScalarRegion.h"
#include "dialects/MoeKernel/IR/Verify.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec::kernel;

int64_t GroupedMatmulOp::getColumnTiles() {
  return llvm::divideCeil(getColumns(),
                          getMatmulTileColumns(getSchedule(), getMatmulTraits(*this)));
}

int64_t GroupedMatmulOp::getSharedBytes() {
  return getMatmulSharedBytes(getSchedule(), getMatmulTraits(*this));
}

AffineMap GroupedMatmulOp::getGrid() {
  int64_t cluster = getCluster();
  // An entry of a cluster's map stands for half of the column tiles.
  AffineMap tiles = scaleExtent(getLeadingExtent(getTiles()),
                                cluster * llvm::divideCeil(getColumnTiles(), cluster));
  if (!getSchedule().isHopper())
    return tiles;
  // Persistent blocks, one a multiprocessor.
  TargetAttr target = getTarget(*this);
  int64_t clusters = std::max<int64_t>((target ? target.getMultiprocessors() : 1) / cluster, 1);
  return minExtent(tiles, getConstantExtent(getContext(), clusters * cluster));
}

int64_t GroupedMatmulOp::getCluster() { return getSchedule().getCluster(); }

/// Of rows and weights in the wgmma forms.
static constexpr int64_t kElementBytes = 2;
/// What L2 fetches at most for a request, and from a multiple of.
static constexpr int64_t kFetchBytes = 256;

std::optional<CopyMap> GroupedMatmulOp::getRowMap() {
  if (!getSchedule().isHopper() || getGathered())
    return std::nullopt;
  // As the template has it; the emitted kernel asserts that.
  bool isSmall = getSchedule().isSwapped() && !getSchedule().hasLargeTiles();
  int64_t boxRows = isSmall ? 16 : getSchedule().getBlockM() / 4;
  CopyMap map;
  map.memref = getRows();
  map.extents = {getConstantExtent(getContext(), getReduction()), getLeadingExtent(getRows())};
  map.strides = {getReduction() * kElementBytes};
  map.box = {64, boxRows};
  return map;
}

SmallVector<AffineMap> GroupedMatmulOp::getPieceCounts() {
  constexpr int64_t kPiece = 8;
  SmallVector<AffineMap> counts;
  if (!getSchedule().isHopper())
    return counts;
  if (getGathered())
    counts.push_back(scaleExtent(getLeadingExtent(getRows()), getReduction() / kPiece));
  if (getProgress())
    counts.push_back(scaleExtent(getLeadingExtent(getOuts().front()), getColumns() / kPiece));
  return counts;
}

SmallVector<CopyMap> GroupedMatmulOp::getWeightMaps() {
  SmallVector<CopyMap> maps;
  if (!getSchedule().isHopper())
    return maps;
  int64_t columns = getColumns(), reduction = getReduction();
  int64_t matrixBytes = getWeightRows() * reduction * kElementBytes;
  for (int part = 0; part < (isGated() ? 2 : 1); ++part) {
    CopyMap map;
    map.memref = getWeights()[getWeights().size() == 2 ? part : 0];
    int64_t first = 0, second = 1; // weight rows of the first two columns
    if (auto layout = getGateLayout()) {
      first = layout->getEntry(0, columns, part == 0);
      second = layout->getEntry(1, columns, part == 0);
    }
    SmallVector<int64_t> extents;
    if (!getTransposed()) {
      int64_t rowBytes = reduction * kElementBytes;
      map.offset = first * rowBytes;
      extents = {reduction, columns};
      map.strides = {(second - first) * rowBytes, matrixBytes};
      // Gate and up come apart, and so do the halves that blocks of a cluster load for each other.
      bool halves = isGated() || getCluster() == 2;
      map.box = {64, halves ? getSchedule().getBlockN() / 2 : getSchedule().getBlockN(), 1};
    } else {
      // The copy engine takes neighbours only: gate and up that alternate come together.
      bool alternate = second - first != 1;
      map.offset = alternate ? 0 : first * kElementBytes;
      extents = {alternate ? getWeightRows() : columns, reduction};
      map.strides = {getWeightRows() * kElementBytes, matrixBytes};
      map.box = {64, 64, 1};
      // Boxes side by side are 256 bytes of a line, but not the 256 that L2 would fetch for them
      // where lines begin elsewhere.
      if (map.offset % kFetchBytes != 0 || map.strides.front() % kFetchBytes != 0)
        map.promotion = kFetchBytes / 2;
      if (alternate && part == 1)
        break;
    }
    for (int64_t extent : {extents[0], extents[1], getNumExperts()})
      map.extents.push_back(getConstantExtent(getContext(), extent));
    maps.push_back(map);
  }
  return maps;
}

bool GroupedMatmulOp::takesTokens() { return getEarlyWeights() && getSchedule().isHopper(); }

/// C1: what is multiplied.
static LogicalResult verifyWeights(GroupedMatmulOp op) {
  if (op.getWeights().empty() || op.getWeights().size() > 2)
    return op.emitOpError() << "expects one or two weights, but got " << op.getWeights().size();
  MemRefType weight = op.getWeightType();
  if (!weight.hasStaticShape())
    return op.emitOpError() << "expects weights of static shape, but got " << weight;
  if (op.getWeights().size() == 2 &&
      failed(verifySameType(op, "weights", op.getWeights()[0], op.getWeights()[1])))
    return failure();
  if (weight.getElementType() != getType(op.getRows()).getElementType())
    return op.emitOpError() << "expects rows and weights of one element type, but got "
                            << getType(op.getRows()).getElementType() << " and "
                            << weight.getElementType();
  if (failed(verifyColumns(op, "rows", op.getRows(), op.getReduction())))
    return failure();
  if (!op.getBias().empty() && op.getBias().size() != op.getWeights().size())
    return op.emitOpError() << "expects a bias for each weight or none, but got "
                            << op.getBias().size() << " for " << op.getWeights().size();
  for (Value bias : op.getBias())
    if (getType(bias).getShape() != ArrayRef<int64_t>{op.getNumExperts(), op.getWeightRows()})
      return op.emitOpError() << "expects a bias of " << op.getNumExperts() << " x "
                              << op.getWeightRows() << ", but got " << bias.getType();
  if (op.getBias().size() == 2 &&
      failed(verifySameType(op, "biases", op.getBias()[0], op.getBias()[1])))
    return failure();
  return success();
}

/// C3: operands and attributes that go together.
static LogicalResult verifyIndices(GroupedMatmulOp op) {
  bool accumulates = op.getStore() == StoreForm::Accumulate;
  bool weighs = op.getStore() != StoreForm::Rows;
  if (op.getTopK().has_value() != (op.getGathered() || accumulates))
    return op.emitOpError() << "expects top_k exactly with gathered or store(accumulate), but got "
                            << (op.getTopK() ? "it without" : "none with") << " them";
  if (op.getTopK() && static_cast<int64_t>(*op.getTopK()) < 1)
    return op.emitOpError() << "expects top_k of at least 1, but got "
                            << static_cast<int64_t>(*op.getTopK());
  if (static_cast<bool>(op.getRoutes()) != (op.getGathered() || weighs))
    return op.emitOpError() << "expects routes exactly with gathered or a weighted store, but got "
                            << (op.getRoutes() ? "them without" : "none with") << " either";
  if (static_cast<bool>(op.getRoutingWeights()) != weighs)
    return op.emitOpError() << "expects routing_weights exactly with a weighted store, but got "
                            << (op.getRoutingWeights() ? "them" : "none") << " with store("
                            << stringifyStoreForm(op.getStore()) << ')';
  return success();
}

/// C5: where results go.
static LogicalResult verifyOuts(GroupedMatmulOp op) {
  bool accumulates = op.getStore() == StoreForm::Accumulate;
  for (Value out : op.getOuts()) {
    if (failed(verifyColumns(op, "an out", out, op.getColumns())))
      return failure();
    Type element = getType(out).getElementType();
    if (accumulates != element.isF32())
      return op.emitOpError() << "expects an out of f32 exactly with store(accumulate), but got "
                              << element << " with store(" << stringifyStoreForm(op.getStore())
                              << ')';
    AffineMap rows = getLeadingExtent(out);
    Value sorted = op.getRoutes() ? op.getRoutes() : op.getRows();
    if (failed(accumulates
                   ? verifyExtent(op, "routes", op.getRoutes(), scaleExtent(rows, *op.getTopK()))
                   : verifyExtent(op, "an out", out, getLeadingExtent(sorted))))
      return failure();
  }
  return success();
}

/// What writes the tile map of `op` in its function; maps from outside are the caller's business.
template <class FunctionT>
static LogicalResult forEachMapWriter(GroupedMatmulOp op, FunctionT function) {
  for (Operation *user : op.getTiles().getUsers())
    if (failed(llvm::TypeSwitch<Operation *, LogicalResult>(user)
                   .Case<SortRoutesOp, RouteSortOp, TileMapsOp>(function)
                   .Default(success())))
      return failure();
  return success();
}

/// `cleared`: the counters that a kernel which makes tiles clears.
template <class ClearedT>
static LogicalResult verifyCleared(GroupedMatmulOp op, Value counters, StringRef name,
                                   ClearedT cleared) {
  return forEachMapWriter(op, [&](auto writer) -> LogicalResult {
    if (llvm::is_contained(cleared(writer), counters) ||
        !llvm::is_contained(writer.getTiles(), op.getTiles()))
      return success();
    return op.emitOpError() << "expects the kernel that makes the tiles to clear the " << name;
  });
}

/// C7
static LogicalResult verifyTileShape(GroupedMatmulOp op) {
  TileShapeAttr wanted = op.getSchedule().getTileShape();
  return forEachMapWriter(op, [&](auto writer) -> LogicalResult {
    for (auto [map, shape] : llvm::zip(
             writer.getTiles(), writer.getTileShapes().template getAsRange<TileShapeAttr>())) {
      if (map != op.getTiles())
        continue;
      if (shape != wanted)
        return op.emitOpError() << "expects tiles of " << wanted << ", but they are made for "
                                << shape;
      if (writer.getNumExperts() != op.getNumExperts())
        return op.emitOpError() << "expects tiles of the weights' " << op.getNumExperts()
                                << " experts, but they are made for " << writer.getNumExperts();
    }
    return success();
  });
}

/// C8
static LogicalResult verifyTickets(GroupedMatmulOp op) {
  Value tickets = op.getTickets();
  bool dynamic = op.getSchedule().getDynamic();
  if (static_cast<bool>(tickets) != dynamic)
    return op.emitOpError() << "expects tickets exactly with a dynamic schedule, but got "
                            << (dynamic ? "none with" : "them without") << " one";
  if (!tickets)
    return success();
  if (getType(tickets).getShape() != ArrayRef<int64_t>{1})
    return op.emitOpError() << "expects tickets of one counter, but got " << tickets.getType();
  for (Operation *user : tickets.getUsers())
    if (isa<GroupedMatmulOp>(user) && user != op)
      return op.emitOpError() << "expects tickets that no other matmul draws from";
  return verifyCleared(op, tickets, "tickets", [](auto writer) { return writer.getTickets(); });
}

/// C9
static LogicalResult verifyProgress(GroupedMatmulOp op) {
  Value progress = op.getProgress();
  if (!progress)
    return success();
  if (!op.getSchedule().isHopper() || op.getOuts().size() != 1)
    return op.emitOpError() << "expects progress with a wgmma form and one out only";
  if (getType(progress).getShape() != ArrayRef<int64_t>{kProgressWords})
    return op.emitOpError() << "expects progress of " << kProgressWords << " words, but got "
                            << progress.getType();
  for (Operation *user : progress.getUsers())
    if (auto other = dyn_cast<GroupedMatmulOp>(user);
        other && other != op && other.getProgress() == progress)
      return op.emitOpError() << "expects progress that no other matmul reports";
  return verifyCleared(op, progress, "progress", [](auto writer) { return writer.getProgress(); });
}

Operation *moec::kernel::getKernelBefore(Operation *op) {
  Operation *kernel = op->getPrevNode();
  while (kernel && !isa<KernelOpInterface>(kernel))
    kernel = kernel->getPrevNode();
  return kernel;
}

GroupedMatmulOp moec::kernel::getMatmulBefore(Operation *op) {
  return dyn_cast_or_null<GroupedMatmulOp>(getKernelBefore(op));
}

/// C10
static LogicalResult verifyAwaited(GroupedMatmulOp op) {
  Value awaited = op.getAwaited();
  if (static_cast<bool>(awaited) != static_cast<bool>(op.getAwaitedTiles()))
    return op.emitOpError() << "expects awaited progress and tiles together";
  if (!awaited)
    return success();
  if (!op.getSchedule().isHopper() || !op.getSchedule().getEarlyStart() || op.getGathered() ||
      !op.getDependent())
    return op.emitOpError() << "expects awaits with a wgmma form, early_start, contiguous rows and "
                               "dependent only";
  GroupedMatmulOp before = getMatmulBefore(op);
  if (!before || before.getProgress() != awaited ||
      !llvm::is_contained(before.getOuts(), op.getRows()) ||
      before.getTiles() != op.getAwaitedTiles())
    return op.emitOpError()
           << "expects awaits with the progress and the tiles of the kernel before, "
              "which makes the rows";
  return success();
}

/// C11
static LogicalResult verifyEarlyWeights(GroupedMatmulOp op) {
  if (!op.getEarlyWeights())
    return success();
  if (!op.getDependent())
    return op.emitOpError() << "expects early_weights with dependent only";
  if (op.getSchedule().isHopper()) {
    if (!op.getGathered())
      return op.emitOpError() << "expects early_weights of a wgmma form with gathered rows only";
    return success();
  }
  if (!op.getSchedule().getEarlyStart() || op.getGathered())
    return op.emitOpError() << "expects early_weights of the mma form with early_start and "
                               "contiguous rows only";
  GroupedMatmulOp before = getMatmulBefore(op);
  if (!before || before.getSchedule().isHopper())
    return op.emitOpError() << "expects early_weights behind a matmul in the mma form";
  return success();
}

/// C12
static LogicalResult verifyLogits(GroupedMatmulOp op) {
  if (!op.getLogits())
    return success();
  if (op.getSchedule().isHopper() || !op.getGathered() || !op.getDependent())
    return op.emitOpError() << "expects logits with the mma form, gathered rows and dependent only";
  auto before = dyn_cast_or_null<RouteSortOp>(getKernelBefore(op));
  if (!before || before.getLogits() != op.getLogits() || before.getRoutes() != op.getRoutes() ||
      !llvm::is_contained(before.getTiles(), op.getTiles()))
    return op.emitOpError() << "expects logits behind their route_sort, which makes the tiles and "
                               "the routes";
  if (before.getTopK() != static_cast<int64_t>(*op.getTopK()))
    return op.emitOpError() << "expects logits with the route_sort's top_k of " << before.getTopK()
                            << ", but got " << *op.getTopK();
  if (before.getMaxTokens() != 1)
    return op.emitOpError() << "expects logits behind a route_sort of max_tokens(1), but got "
                            << before.getMaxTokens();
  if (!keepsLogits(before.getNumExperts(), before.getTopK()))
    return op.emitOpError() << "expects logits that stay in registers, up to 32 a lane, but got "
                            << before.getNumExperts();
  return success();
}

LogicalResult GroupedMatmulOp::verify() {
  if (failed(verifyWeights(*this)))
    return failure();
  // C2
  if (getColumns() < 8 || getReduction() < 8 || getColumns() % 8 != 0 || getReduction() % 8 != 0)
    return emitOpError() << "expects columns and reduction to be positive multiples of 8, but got "
                         << getColumns() << " and " << getReduction();
  if (failed(verifyIndices(*this)))
    return failure();
  // C4
  if (getGateLayout() && (getWeights().size() != 1 || !hasEpilogue() || getWeightRows() % 2 != 0))
    return emitOpError() << "expects layout with one weight of an even number of columns and an "
                            "epilogue";
  size_t outs = getWeights().size() == 2 && !hasEpilogue() ? 2 : 1;
  if (getOuts().size() != outs)
    return emitOpError() << "expects " << outs << (outs == 1 ? " out" : " outs") << ", but got "
                         << getOuts().size();
  if (outs == 2 && getStore() != StoreForm::Rows)
    return emitOpError() << "expects store(rows) with two outs, but got store("
                         << stringifyStoreForm(getStore()) << ')';
  if (failed(verifyOuts(*this)) || failed(verifyColumns(*this, "tiles", getTiles(), 4)) ||
      failed(verifyTileShape(*this)) || failed(verifyTickets(*this)) ||
      failed(verifyProgress(*this)) || failed(verifyAwaited(*this)) ||
      failed(verifyEarlyWeights(*this)) || failed(verifyLogits(*this)))
    return failure();
  // C6
  return verifyMatmulSchedule(getSchedule(), getMatmulTraits(*this), getTarget(*this),
                              [&] { return emitOpError(); });
}

LogicalResult GroupedMatmulOp::verifyRegions() {
  return hasEpilogue() ? verifyScalarRegion(*this, getEpilogue(), isGated() ? 2 : 1) : success();
}
