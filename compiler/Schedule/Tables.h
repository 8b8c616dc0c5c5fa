//===- Tables.h - the numbers behind the default schedules ----------------===//

#ifndef MOEC_COMPILER_SCHEDULE_TABLES_H
#define MOEC_COMPILER_SCHEDULE_TABLES_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include <optional>

namespace moec::schedule {

/// A schedule as a line of a table.
struct MatmulTile {
  kernel::MatmulForm form;
  int64_t blockM, blockN, blockK, stages, warpsM, warpsN, minBlocks, tokenStep;
  bool cooperative, dynamic, bothEnds;
  int64_t cluster; ///< where the problem admits it, else 1
  int64_t rasterGroup;
  kernel::WeightPolicy weights;

  bool operator==(const MatmulTile &) const = default;
};

/// A row of the matmul table: up to `meanRows` rows an expert (T * k / E) `first` runs; `other`
/// takes over where a problem does not admit it. `few`, where there is one, comes before it if one
/// row tile an expert makes up to `fewWaves` waves of tiles of `first`, and not one that is full.
/// `narrow`, of half as many weight rows, comes before both for some of these waves (kNarrowWaves).
/// Wgmma forms start early where the reduction has at most `earlyReduction` elements.
struct MatmulRow {
  double meanRows; ///< inclusive; the last row has no bound
  MatmulTile first, other;
  int64_t earlyReduction = 0;
  std::optional<MatmulTile> few = std::nullopt;
  double fewWaves = 4;
  bool fixesFew = false; ///< whether the tiles of `few` are not drawn where rows are gathered
  /// Blocks of a cluster take half of the column tiles each. Where these are odd and at most so
  /// many, `first` runs without its cluster: one block would idle for too large a part of its
  /// turns.
  int64_t fewOddColumns = 0;
  std::optional<MatmulTile> narrow = std::nullopt;
  /// Where not 0, the row ends below `meanRows` if the experts that T tokens choose, of all with
  /// the same likelihood, make so many waves of the next row's tiles, the mean of all matmuls.
  double untilWaves = 0;
};

/// What runs instead of `tile` where it would read short pieces of lines: half of its weight rows,
/// those of gate or of up, lie side by side in transposed weights.
std::optional<MatmulTile> getWiderTile(const MatmulTile &tile);

/// What a problem runs that is too small for the multiprocessors: one row tile an expert of the
/// first of these tiles would keep less than `kScarceWave` of them busy. Then the first of these of
/// which a row's most rows keep at least `kEnoughTiles` of them busy, or the last. Not in rows that
/// end at `kFewestRows` or below, whose own tiles are as small.
llvm::ArrayRef<MatmulTile> getScarceTiles(kernel::TargetAttr target);
inline constexpr double kScarceWave = 0.25, kEnoughTiles = 0.6, kFewestRows = 8;

/// A single wave is full where more than this part of the multiprocessors have a tile (mixtral's
/// second matmul: 128 of 132).
inline constexpr double kFullWave = 0.9;

/// Up to so many waves of `few` a row's `narrow` runs: of contiguous rows where reductions are short,
/// so that stores take a good part of the time; else, where the last wave is at most half full.
inline constexpr double kNarrowWaves = 3, kNarrowHalfWaves = 2.5;
inline constexpr int64_t kNarrowReduction = 2048;

/// The rows for `target`, ascending in meanRows.
llvm::ArrayRef<MatmulRow> getMatmulTable(kernel::TargetAttr target);

/// Thresholds of the sort; see Tables.cpp.
inline constexpr int64_t kRouteSortTokens = 32, kTokenSetTokens = 8192;
inline constexpr int64_t kSingleBlockRoutes = 2048;
inline constexpr int64_t kFewSortBlocks = 16, kFewBlocksRoutes = 32768, kManySortBlocks = 64;

} // namespace moec::schedule

#endif // MOEC_COMPILER_SCHEDULE_TABLES_H
