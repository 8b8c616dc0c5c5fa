//===- Schedule.cpp - default schedules -----------------------------------===//

#include "compiler/Schedule/Schedule.h"
#include "compiler/Schedule/Tables.h"
#include "dialects/MoeKernel/IR/MatmulLegality.h"
#include "dialects/MoeKernel/IR/RowWalk.h"

#include "mlir/IR/Diagnostics.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace mlir;

namespace moec::schedule {

using kernel::LaunchAttr;
using kernel::ScheduleAttr;
using kernel::TargetAttr;

std::string toString(const MatmulProblem &problem) {
  std::ostringstream out;
  out << "experts=" << problem.experts << " columns=" << problem.columns
      << " reduction=" << problem.reduction << " rows_per_token=" << problem.rowsPerToken;
  if (problem.gated)
    out << " gated";
  if (problem.twoOutputs)
    out << " two_outputs";
  if (problem.transposed)
    out << " transposed";
  if (problem.hasBias)
    out << " bias";
  return out.str();
}

//===----------------------------------------------------------------------===//
// Waves of tiles
//===----------------------------------------------------------------------===//

/// Column tiles of a problem.
static int64_t columnTiles(const MatmulProblem &problem, const MatmulTile &tile) {
  return llvm::divideCeil(problem.columns, problem.gated ? tile.blockN / 2 : tile.blockN);
}

/// Waves that one row tile for each of `experts` makes of `tile`.
static double countWaves(double experts, const MatmulProblem &problem, const MatmulTile &tile,
                         TargetAttr target) {
  return experts * columnTiles(problem, tile) /
         double(std::max<int64_t>(target.getMultiprocessors(), 1));
}

/// Experts that `tokens` choose, if all are as likely: E (1 - (1 - k / E)^T).
static double expectChosen(int64_t experts, double rowsPerToken, int64_t tokens) {
  double missed = 1 - std::min(rowsPerToken / double(experts), 1.0);
  return experts * (1 - std::pow(missed, double(tokens)));
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// What a row has for the waves that `first`, one tile an expert, makes, or null. One wave that is
/// nearly full keeps all multiprocessors busy to its end and needs no smaller tiles.
static const FewTiles *findFewTiles(const MatmulProblem &problem, const MatmulRow &row,
                                    TargetAttr target) {
  double waves = countWaves(problem.experts, problem, row.first, target);
  if (waves > kFullWave && waves <= 1)
    return nullptr;
  const FewTiles *few =
      llvm::find_if(row.few, [&](const FewTiles &tiles) { return waves <= tiles.waves; });
  return few == row.few.end() ? nullptr : few;
}

/// Whether few weight rows of a tile are short pieces of lines: gate and up of transposed weights
/// lie apart.
static bool readsShortPieces(const MatmulProblem &problem) {
  return problem.transposed && problem.apart;
}

/// The tiles, best first, of a problem with too few for the multiprocessors; none where there are
/// enough.
static ArrayRef<MatmulTile> chooseScarceTiles(const MatmulProblem &problem, const MatmulRow &row,
                                              TargetAttr target) {
  ArrayRef<MatmulTile> tiles = getScarceTiles(target);
  if (tiles.empty() || row.meanRows <= kFewestRows || std::isinf(row.meanRows) ||
      readsShortPieces(problem) ||
      countWaves(problem.experts, problem, tiles.front(), target) >= kScarceWave)
    return {};
  auto isEnough = [&](const MatmulTile &tile) {
    double rowTiles = std::ceil(row.meanRows / double(tile.blockM));
    return countWaves(problem.experts * rowTiles, problem, tile, target) >= kEnoughTiles;
  };
  ArrayRef<MatmulTile> enough = tiles.drop_until(isEnough);
  if (enough.empty())
    return tiles.take_back();
  return enough.size() == tiles.size() ? ArrayRef<MatmulTile>() : enough;
}

/// Whether all tiles of the first of the tokens that `bucket` is for run at once.
static bool runsAtOnce(const MatmulProblem &problem, const Bucket &bucket, const MatmulTile &tile,
                       int64_t minBlocks, TargetAttr target) {
  double chosen =
      expectChosen(problem.experts, problem.rowsPerToken, std::max<int64_t>(bucket.decidedFor, 1));
  return countWaves(chosen, problem, tile, target) <= minBlocks;
}

bool weightsLeaveFirst(const MatmulProblem &problem, double meanRows) {
  double rows = meanRows * (problem.columns + problem.reduction);
  return problem.outputBytes == 2 && meanRows <= kSingleTileRows &&
         rows * problem.experts * problem.outputBytes <= kKeptBytes &&
         rows >= kKeptPart * problem.columns * problem.reduction;
}

/// Whether a matmul of small tiles lets the next one start while all of its own run: if the first
/// token's all run at once. Else those that come last get less of what the memory gives.
static bool releasesEarly(const MatmulProblem &problem, const Bucket &bucket,
                          const MatmulTile &tile, int64_t minBlocks, TargetAttr target) {
  if (tile.form != kernel::MatmulForm::Mma || problem.weighted || !usesDependentLaunch(target))
    return false;
  return runsAtOnce(problem, bucket, tile, minBlocks, target);
}

/// The tiles of a problem, best first; the last one is always legal.
static SmallVector<MatmulTile> chooseTiles(const MatmulProblem &problem, const MatmulRow &row,
                                           const Bucket &bucket, TargetAttr target) {
  SmallVector<MatmulTile> tiles = {row.first, row.other};
  if (int64_t count = columnTiles(problem, row.first); count % 2 != 0 && count <= row.fewOddColumns)
    tiles.front().cluster = 1;
  if (const FewTiles *few = findFewTiles(problem, row, target)) {
    tiles.insert(tiles.begin(), few->tile);
    tiles.front().dynamic &= !(few->fixesGathered && problem.gathered);
  }
  bool isFirstToken = bucket.maxTokens == 1 && bucket.decidedFor <= 1;
  if (const auto &tile = row.firstToken;
      tile && isFirstToken && runsAtOnce(problem, bucket, *tile, tile->minBlocks, target) &&
      !runsAtOnce(problem, bucket, row.first, row.first.minBlocks, target))
    tiles.insert(tiles.begin(), *tile);
  if (readsShortPieces(problem))
    for (size_t i = 0; i < tiles.size(); ++i)
      if (std::optional<MatmulTile> wider = getWiderTile(tiles[i]))
        tiles.insert(tiles.begin() + i++, *wider);
  if (weightsLeaveFirst(problem, row.meanRows))
    for (MatmulTile &tile : tiles)
      if (tile.weights == kernel::WeightPolicy::EvictLast && tile.cooperative && tile.cluster == 1)
        tile.weights = kernel::WeightPolicy::EvictFirst;
  ArrayRef<MatmulTile> scarce = chooseScarceTiles(problem, row, target);
  tiles.insert(tiles.begin(), scarce.begin(), scarce.end());
  return tiles;
}

ScheduleAttr getMatmulSchedule(MLIRContext *context, const MatmulProblem &problem,
                               const Bucket &bucket, TargetAttr target) {
  const MatmulRow &row = getMatmulTable(target)[bucket.matmulRow];
  kernel::MatmulTraits traits = getMatmulTraits(problem);

  // Legality is silent here: the table's tile, without its cluster, with fewer stages, a token step
  // lower, then a single block, which takes tiles from one end.
  ScopedDiagnosticHandler silence(context, [](Diagnostic &) { return success(); });
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(context)); };
  for (const MatmulTile &tile : chooseTiles(problem, row, bucket, target)) {
    // Steps longer than the reduction would only copy zeros.
    int64_t blockK = tile.blockK;
    while (tile.form == kernel::MatmulForm::Mma && blockK > 32 && blockK / 2 >= problem.reduction)
      blockK /= 2;
    bool mayWait = tile.form != kernel::MatmulForm::Mma && !problem.gathered;
    bool early = !mayWait || problem.reduction <= row.earlyReduction;
    bool isSwapped = tile.form == kernel::MatmulForm::WgmmaSwapped;
    int64_t leastM = isSwapped ? tile.blockM - tile.tokenStep : tile.blockM;
    for (int64_t minBlocks : {tile.minBlocks, int64_t(1)})
      for (int64_t blockM = tile.blockM; blockM >= leastM; blockM -= tile.tokenStep)
        for (int64_t stages = tile.stages; stages >= 2; --stages)
          for (int64_t cluster : {tile.cluster, int64_t(1)}) {
            bool bothEnds = tile.bothEnds && tile.dynamic && cluster == tile.cluster;
            auto schedule = ScheduleAttr::getChecked(
                emitError, context, tile.form, blockM, tile.blockN, blockK, stages, tile.warpsM,
                tile.warpsN, minBlocks, tile.tokenStep, tile.cooperative, tile.dynamic,
                bothEnds, cluster, tile.rasterGroup, tile.weights, early,
                releasesEarly(problem, bucket, tile, minBlocks, target));
            if (schedule && succeeded(verifyMatmulSchedule(schedule, traits, target, emitError)))
              return schedule;
          }
  }
  assert(false && "no tile of the table is legal");
  return {};
}

kernel::MatmulTraits getMatmulTraits(const MatmulProblem &problem) {
  return {problem.gated,    problem.twoOutputs,  problem.transposed,
          problem.hasBias,  problem.outputBytes, problem.reduction,
          problem.gathered, problem.weighted,    problem.epilogueCost};
}

/// The most of `threads` (halved down to a warp) whose shared memory `bytes(threads)` fits.
template <class BytesT>
static int64_t fitThreads(int64_t threads, BytesT bytes) {
  while (threads >= 32 && bytes(threads) > kernel::kSortSharedLimit)
    threads /= 2;
  return threads;
}

LaunchAttr getLaunch(MLIRContext *context, RowKernel kernel, int64_t experts, int64_t arrays) {
  int64_t threads = 256, perThread = 1;
  switch (kernel) {
  case RowKernel::Route:
    break;
  case RowKernel::RouteSort:
    threads = fitThreads(512, [&](int64_t) {
      return kernel::getRouteSortSharedBytes(experts, arrays, kRouteSortTokens, 32);
    });
    break;
  case RowKernel::Sort:
    threads =
        fitThreads(512, [&](int64_t t) { return kernel::getSortSharedBytes(experts, t, arrays); });
    break;
  case RowKernel::TileMaps:
    threads =
        fitThreads(256, [&](int64_t) { return kernel::getTileMapsSharedBytes(experts, arrays); });
    break;
  case RowKernel::Index:
    break;
  case RowKernel::Copy:
  case RowKernel::Activation:
    perThread = 2;
    break;
  case RowKernel::Combine:
    threads = 128;
    break;
  case RowKernel::Fill:
    perThread = 4;
    break;
  case RowKernel::Cast:
    break;
  }
  return threads < 32 ? LaunchAttr() : LaunchAttr::get(context, threads, perThread);
}

LaunchAttr getRouteSetsLaunch(MLIRContext *context, int64_t experts, int64_t topK) {
  return LaunchAttr::get(context, kernel::getRouteSetsThreads(kernel::getRouteLanes(experts, topK)),
                         /*perThread=*/1);
}

int64_t getHeldTokens(int64_t bytes) { return kHeldBytes / bytes; }

int64_t getRouteSortTokens() { return kRouteSortTokens; }

bool usesDependentLaunch(TargetAttr target) { return target.getComputeCapability() >= 90; }

} // namespace moec::schedule
