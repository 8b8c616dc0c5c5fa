//===- Tables.h - the numbers behind the default schedules ----------------===//

#ifndef MOEC_COMPILER_SCHEDULE_TABLES_H
#define MOEC_COMPILER_SCHEDULE_TABLES_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "llvm/ADT/ArrayRef.h"

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

/// What takes the place of a row's `first` where that makes few waves of tiles.
struct FewTiles {
  double waves; ///< up to so many, of one row tile an expert
  MatmulTile tile;
  bool fixesGathered = false; ///< whether tiles are not drawn where rows are gathered
};

/// A row of the matmul table: up to `meanRows` rows an expert (T * k / E) `first` runs; `other`
/// takes over where a problem does not admit it. Of `few`, ascending in waves, the first that has
/// the waves of a problem comes before both, unless the problem makes one wave that is full. Wgmma
/// forms start early where the reduction has at most `earlyReduction` elements.
struct MatmulRow {
  double meanRows; ///< inclusive; the last row has no bound
  MatmulTile first, other;
  int64_t earlyReduction = 0;
  llvm::ArrayRef<FewTiles> few = {};
  /// Blocks of a cluster take half of the column tiles each. Where these are odd and at most so
  /// many, `first` runs without its cluster: one block would idle for too large a part of its
  /// turns.
  int64_t fewOddColumns = 0;
  /// Runs a single token whose tiles of this kind all run at once where those of `first` do not.
  std::optional<MatmulTile> firstToken = std::nullopt;
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

/// The rows for `target`, ascending in meanRows.
llvm::ArrayRef<MatmulRow> getMatmulTable(kernel::TargetAttr target);

/// Bytes of rows between two kernels that L2 (50 MB of an H100 or H200) holds until the second one
/// has read them.
inline constexpr int64_t kHeldBytes = 40'000'000;

/// Weights of a row's tiles leave L2 first instead of last up to so many rows an expert, of which
/// most experts then have one tile ...
inline constexpr double kSingleTileRows = 160;
/// ... where what the block's two matmuls store is at most so many bytes ...
inline constexpr double kKeptBytes = 54e6;
/// ... and at least this part of the weights, counted without gate's.
inline constexpr double kKeptPart = 0.055;

/// Thresholds of the sort; see Tables.cpp.
inline constexpr int64_t kRouteSortTokens = 32, kTokenSetTokens = 8192;
inline constexpr int64_t kSingleBlockRoutes = 2048;
inline constexpr int64_t kFewSortBlocks = 16, kFewBlocksRoutes = 32768, kManySortBlocks = 64;

} // namespace moec::schedule

#endif // MOEC_COMPILER_SCHEDULE_TABLES_H
