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
// Variants
//===----------------------------------------------------------------------===//

/// Buckets of the rows of the matmul table; the least T above each is the next one's.
static std::vector<Bucket> getMatmulBuckets(const BlockProblem &problem, TargetAttr target) {
  std::vector<Bucket> buckets;
  ArrayRef<MatmulRow> table = getMatmulTable(target);
  int64_t next = 0;
  for (auto [index, row] : llvm::enumerate(table)) {
    bool last = problem.matmuls.empty() || index + 1 == table.size();
    int64_t max = -1;
    if (!last) {
      max = static_cast<int64_t>(std::floor(row.meanRows * problem.experts / problem.rowsPerToken));
      if (max < next)
        continue;
    }
    Bucket bucket;
    bucket.minTokens = next;
    bucket.maxTokens = max;
    bucket.matmulRow = index;
    buckets.push_back(bucket);
    if (last)
      break;
    next = max + 1;
  }
  return buckets;
}

/// Makes each range a bucket of its own, with the table's row of its first T.
static std::vector<Bucket> divide(std::vector<Bucket> buckets, ArrayRef<TokenRange> ranges) {
  for (const TokenRange &range : ranges) {
    std::vector<Bucket> parts;
    for (const Bucket &bucket : buckets) {
      bool isLast = bucket.maxTokens == -1;
      Bucket before = bucket, inside = bucket, after = bucket;
      before.maxTokens = isLast ? range.first - 1 : std::min(bucket.maxTokens, range.first - 1);
      inside.minTokens = range.first;
      inside.maxTokens = range.last;
      after.minTokens = std::max(bucket.minTokens, range.last + 1);
      if (before.minTokens <= before.maxTokens)
        parts.push_back(before);
      if (bucket.minTokens <= range.first && (isLast || range.first <= bucket.maxTokens))
        parts.push_back(inside);
      if (isLast || after.minTokens <= after.maxTokens)
        parts.push_back(after);
    }
    buckets = std::move(parts);
  }
  return buckets;
}

/// Whether two buckets run the same kernels.
static bool runsAlike(const BlockProblem &problem, const Bucket &a, const Bucket &b,
                      TargetAttr target) {
  return a.sort == b.sort && a.sortBlocks == b.sortBlocks &&
         llvm::all_of(problem.matmuls, [&](const MatmulProblem &matmul) {
           return getMatmulSchedule(target.getContext(), matmul, a, target) ==
                  getMatmulSchedule(target.getContext(), matmul, b, target);
         });
}

/// Makes one bucket of neighbours that run the same kernels, but for `ranges`, which stay apart.
static std::vector<Bucket> joinAlike(ArrayRef<Bucket> buckets, const BlockProblem &problem,
                                     TargetAttr target, ArrayRef<TokenRange> ranges) {
  std::vector<Bucket> joined;
  for (const Bucket &bucket : buckets) {
    bool bounds = llvm::any_of(ranges, [&](const TokenRange &range) {
      return bucket.minTokens == range.first || bucket.minTokens == range.last + 1;
    });
    if (!joined.empty() && !bounds && runsAlike(problem, joined.back(), bucket, target))
      joined.back().maxTokens = bucket.maxTokens;
    else
      joined.push_back(bucket);
  }
  return joined;
}

/// Ends a bucket at `tokens`, so that none reaches from there beyond.
static void splitAt(std::vector<Bucket> &buckets, int64_t tokens) {
  auto reaches = [&](const Bucket &bucket) {
    return bucket.minTokens <= tokens && (bucket.maxTokens == -1 || bucket.maxTokens > tokens);
  };
  auto bucket = llvm::find_if(buckets, reaches);
  if (bucket == buckets.end())
    return;
  Bucket rest = *bucket;
  bucket->maxTokens = tokens;
  rest.minTokens = tokens + 1;
  // One that was kept for counts beyond, and reaches down, stays decided for them.
  rest.decidedFor = std::max(rest.decidedFor, tokens + 1);
  buckets.insert(bucket + 1, rest);
}

/// Small tiles of one token's gathered rows are a variant of their own, as their blocks need not
/// wait for the sort. It comes on top of the one that it is taken from, and so after those to keep
/// are chosen.
static std::vector<Bucket> splitFirstToken(std::vector<Bucket> buckets, const BlockProblem &problem,
                                           TargetAttr target) {
  const Bucket &first = buckets.front();
  if (first.sort == SortForm::RouteSort && usesDependentLaunch(target) &&
      llvm::any_of(problem.matmuls, [](const MatmulProblem &matmul) { return matmul.gathered; }) &&
      getMatmulTable(target)[first.matmulRow].first.form == kernel::MatmulForm::Mma)
    splitAt(buckets, 1);
  return buckets;
}

std::vector<Bucket> getBuckets(const BlockProblem &problem, TargetAttr target,
                               ArrayRef<int64_t> representatives, ArrayRef<TokenRange> ranges) {
  std::vector<Bucket> buckets = divide(getMatmulBuckets(problem, target), ranges);
  for (Bucket &bucket : buckets) {
    bucket.decidedFor = bucket.minTokens;
    double routes = bucket.maxTokens * problem.rowsPerToken;
    bool bounded = bucket.maxTokens != -1;
    bucket.sort =
        bounded && routes <= kSingleBlockRoutes ? SortForm::SingleBlock : SortForm::MultiBlock;
    bucket.sortBlocks = bounded && routes <= kFewBlocksRoutes ? kFewSortBlocks : kManySortBlocks;
  }
  buckets = joinAlike(buckets, problem, target, ranges);
  // The splits that are not a matmul's: few tokens are routed and sorted at once, some thousands
  // are sorted by what their route leaves.
  if (problem.routes) {
    splitAt(buckets, kRouteSortTokens);
    splitAt(buckets, kTokenSetTokens);
    for (Bucket &bucket : buckets) {
      if (bucket.maxTokens == -1 || bucket.maxTokens > kTokenSetTokens)
        continue;
      if (bucket.maxTokens <= kRouteSortTokens)
        bucket.sort = SortForm::RouteSort;
      else
        bucket.tokenSets = true;
    }
  }
  if (representatives.empty())
    return splitFirstToken(std::move(buckets), problem, target);

  std::vector<Bucket> kept;
  for (const Bucket &bucket : buckets)
    if (llvm::any_of(representatives, [&](int64_t tokens) {
          return tokens >= bucket.minTokens &&
                 (bucket.maxTokens == -1 || tokens <= bucket.maxTokens);
        }))
      kept.push_back(bucket);
  // A form for few tokens cannot serve more of them: without a later bucket it gives way.
  if (kept.back().sort == SortForm::RouteSort) {
    Bucket last = kept.back();
    last.minTokens = last.maxTokens + 1;
    last.sort = SortForm::MultiBlock;
    last.sortBlocks = kManySortBlocks;
    last.tokenSets = false;
    kept.push_back(last);
  }
  for (size_t i = 0; i < kept.size(); ++i)
    kept[i].minTokens = i == 0 ? 0 : kept[i - 1].maxTokens + 1;
  kept.back().maxTokens = -1;
  return splitFirstToken(std::move(kept), problem, target);
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

/// Whether a matmul of small tiles lets the next one start while all of its own run: if the first
/// token's all run at once. Else those that come last get less of what the memory gives.
static bool releasesEarly(const MatmulProblem &problem, const Bucket &bucket,
                          const MatmulTile &tile, int64_t minBlocks, TargetAttr target) {
  if (tile.form != kernel::MatmulForm::Mma || problem.weighted || !usesDependentLaunch(target))
    return false;
  double chosen =
      expectChosen(problem.experts, problem.rowsPerToken, std::max<int64_t>(bucket.decidedFor, 1));
  return countWaves(chosen, problem, tile, target) <= minBlocks;
}

ScheduleAttr getMatmulSchedule(MLIRContext *context, const MatmulProblem &problem,
                               const Bucket &bucket, TargetAttr target) {
  const MatmulRow &row = getMatmulTable(target)[bucket.matmulRow];
  kernel::MatmulTraits traits = getMatmulTraits(problem);

  // Legality is silent here: the table's tile, without its cluster, with fewer stages, a token step
  // lower, then a single block, which takes tiles from one end.
  ScopedDiagnosticHandler silence(context, [](Diagnostic &) { return success(); });
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(context)); };
  SmallVector<MatmulTile> tiles = {row.first, row.other};
  if (int64_t count = columnTiles(problem, row.first); count % 2 != 0 && count <= row.fewOddColumns)
    tiles.front().cluster = 1;
  if (const FewTiles *few = findFewTiles(problem, row, target)) {
    tiles.insert(tiles.begin(), few->tile);
    tiles.front().dynamic &= !(few->fixesGathered && problem.gathered);
  }
  ArrayRef<MatmulTile> scarce = chooseScarceTiles(problem, row, target);
  tiles.insert(tiles.begin(), scarce.begin(), scarce.end());
  if (readsShortPieces(problem))
    for (size_t i = 0; i < tiles.size(); ++i)
      if (std::optional<MatmulTile> wider = getWiderTile(tiles[i]))
        tiles.insert(tiles.begin() + i++, *wider);
  for (const MatmulTile &tile : tiles) {
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

int64_t getRouteSortTokens() { return kRouteSortTokens; }

bool usesDependentLaunch(TargetAttr target) { return target.getComputeCapability() >= 90; }

} // namespace moec::schedule
