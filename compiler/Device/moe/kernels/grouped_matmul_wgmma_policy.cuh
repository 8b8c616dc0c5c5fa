// The schedule of the Hopper grouped matmul, and the sizes that follow from problem and schedule.
#pragma once
#include "moe/kernels/grouped_matmul_policy.cuh"

namespace moe {

/// Members that a schedule of the wgmma form overrides. One block an SM: a producer warpgroup and
/// two consumer warpgroups.
struct WgmmaSchedule {
  static constexpr int kBlockM = 128; ///< rows a tile
  static constexpr int kBlockN = 192; ///< weight rows a tile (gated: half as many columns)
  /// Which operand is wgmma's M, in strips of 64: the rows, or with swapped operands the weights.
  /// The other one is its N; swapped tiles multiply only as many token columns as they have rows,
  /// rounded up to kTokenStep.
  static constexpr bool kSwapped = false;
  static constexpr int kTokenStep = 32;
  /// false (ping-pong): consumers take whole tiles in turn, one multiplies while the other stores.
  /// true: each takes every second strip of every tile, half the accumulators for the same tile.
  static constexpr bool kCooperative = false;
  /// Tiles are drawn from a counter as blocks get to them, instead of every gridDim.x-th.
  static constexpr bool kDynamic = false;
  /// Drawn tiles come from both ends of the map where it says so (scheduler/both_ends.cuh).
  static constexpr bool kBothEnds = false;
  /// Blocks that share the weights of neighbouring row tiles: each loads a part for all. An entry
  /// of the tile map has up to kBlockM rows for each of them.
  static constexpr int kCluster = 1;
  static constexpr int kStages = 5; ///< K steps of 64 in flight
  static constexpr WeightPolicy kWeightPolicy = WeightPolicy::normal;
  static constexpr bool kDependentLaunch = false; ///< launched with programmatic serialization
  static constexpr bool kReports = false;         ///< says which rows are stored
  static constexpr bool kEarlyStart = false;      ///< starts beside the matmul that makes its rows
  /// E, with kDependentLaunch and gathered rows: asks for weights while the kernels before run.
  static constexpr int kEarlyExperts = 0;
};

/// Where a box of the weight tile comes from.
struct WeightBox {
  int map; ///< 0, or 1: up's
  int row; ///< its first, of the map's: columns of the result, or of adjacent pairs weight rows
};

template <class Problem, class Schedule>
struct GroupedMatmulWgmmaPlan : Problem, Schedule {
  using typename Problem::Bias;
  using typename Problem::Element;
  using typename Problem::Output;
  using RowMap = WeightRowMap<Problem::kWeightForm, Problem::kUpFirst, Problem::kN>;
  using P = Problem;
  using S = Schedule;

  static constexpr int kBlockK = 64; ///< one 128-byte swizzled row
  static constexpr int kThreads = 384;
  /// Strips of a consumer: s * kStripStride (+ 1 for the second of cooperating consumers).
  static constexpr int kStripStride = S::kCooperative ? 2 : 1;
  static constexpr int kStrips = (S::kSwapped ? S::kBlockN : S::kBlockM) / 64 / kStripStride;
  static constexpr int kMmaN = S::kSwapped ? S::kBlockM : S::kBlockN;
  /// Swapped tiles multiply at least so many token columns: below 64 wgmma waits for the weights
  /// from shared memory, so fewer save little, and each width is more to compile.
  static constexpr int kLeastTokens =
      S::kBlockM > 64 && S::kTokenStep < 64 ? 64 - 64 % S::kTokenStep : S::kTokenStep;

  /// Swapped tiles of so many tokens that the producers' four warps have a quarter each to load.
  static constexpr bool kHasLargeTiles = S::kSwapped && S::kBlockM >= 128 && S::kBlockM % 32 == 0;

  /// Rows that cost a tile time come in these units.
  static constexpr int kRowUnit = S::kSwapped ? S::kTokenStep : 64;

  static constexpr bool kGated = RowMap::kGated;
  static constexpr bool kAdjacentPairs = kHasAdjacentPairs<Problem>;
  static constexpr bool kHasBias = !is_same<Bias, NoBias>;
  static constexpr int kTileColumns = kGated ? S::kBlockN / 2 : S::kBlockN;
  static constexpr int kColumnTiles = int(ceil_div(P::kN, kTileColumns));
  static constexpr int kSteps = int(ceil_div(P::kK, kBlockK));
  static constexpr bool kTailN = P::kN % kTileColumns != 0;

  /// A consumer's strips of each part: swapped and gated, of gate, and as many of up behind them
  /// (adjacent pairs: of the first and the second half of 64 columns).
  static constexpr int kPartStrips = kStrips / (S::kSwapped && kGated ? 2 : 1);
  /// Swapped: those of them that hold columns in the last column tile, where kN may end early.
  MOE_HOST_DEVICE static constexpr int last_strips(int consumer) {
    const int all = int(ceil_div(P::kN - (kColumnTiles - 1) * kTileColumns, 64));
    return int(ceil_div(max_of(all - consumer, 0), kStripStride));
  }
  static constexpr bool kShortLastTile = S::kSwapped && last_strips(kStripStride - 1) < kPartStrips;
  /// How many a consumer has there if neither none nor all: one number, since cooperating consumers
  /// have at most two.
  MOE_HOST_DEVICE static constexpr int few_strips(int consumer) {
    return last_strips(consumer) < kPartStrips ? last_strips(consumer) : 0;
  }
  static constexpr int kFewStrips =
      kShortLastTile ? max_of(few_strips(0), few_strips(kStripStride - 1)) : 0;

  /// Stores of swapped operands go through shared memory, whole lines of a row at a time.
  /// Cooperating consumers, whose tensor cores wait meanwhile, take a stage of the ring for it,
  /// which the producers leave to them after each tile, half of it to each. Ping-pong ones with
  /// large tiles have memory of their own, for half of a tile's tokens at a time.
  static constexpr bool kStagesResults = S::kSwapped && sizeof(Output) == 2;
  static constexpr bool kLendsStage = kStagesResults && S::kCooperative && S::kBlockM <= S::kBlockN;
  static constexpr bool kOwnStaging = kStagesResults && !S::kCooperative && kHasLargeTiles;
  static constexpr bool kStaged = kLendsStage || kOwnStaging;
  static constexpr int kStagedTokens = kOwnStaging ? S::kBlockM / 2 : S::kBlockM;
  static constexpr int kStagingBytes = kOwnStaging ? kStagedTokens * 128 : 0; ///< a consumer's own

  /// Results stay in L2 for the kernel that reads them, where the weights, which are read once,
  /// leave it first.
  static constexpr bool kKeepsResults =
      S::kWeightPolicy == WeightPolicy::evict_first && sizeof(Output) == 2;

  /// Whether a tile of `rows` rows does little but wait for its weights: it gives a stage back as
  /// soon as it is multiplied, for one more under way. From both ends few blocks have such tiles at
  /// a time, and need that; where all blocks wait for the memory, more under way only lengthens
  /// its queue (STEPS.md, step 55).
  MOE_HOST_DEVICE static constexpr bool is_stream(int rows) {
    return S::kBothEnds && S::kSwapped && S::kCooperative && rows <= 64;
  }

  /// Contiguous rows come by the copy engine, in boxes of so many: one for each of the producers'
  /// warps, which take some 80 clocks for each, or of smaller swapped tiles few enough that a
  /// tile's last box brings little of the next tile.
  static constexpr bool kRowBoxes = P::kRowSource == RowSource::contiguous;
  static constexpr int kRowBox = S::kSwapped && !kHasLargeTiles ? 16 : S::kBlockM / 4;

  static constexpr int kRowTileBytes = S::kBlockM * 128;
  static constexpr int kWeightTileBytes = S::kBlockN * 128;
  /// Weight rows that one request to the copy engine brings: gate and up come apart, and so do the
  /// parts that blocks of a cluster load for each other. Transposed: those of a line of 128 bytes.
  static constexpr int kBoxRows = P::kTransposed              ? 64
                                  : kGated || S::kCluster > 1 ? S::kBlockN / 2
                                                              : S::kBlockN;
  static constexpr int kBoxes = S::kBlockN / kBoxRows; ///< of a K step
  /// Box `box` of the tile whose first column is `column`: gate's boxes, then up's. Of adjacent
  /// pairs both come at once, and swapped operands take the boxes with the pairs of the first and
  /// the second 32 of 64 columns for the two parts.
  MOE_HOST_DEVICE static constexpr WeightBox weight_box(int column, int box) {
    constexpr int kPartBoxes = kBoxes / (kGated ? 2 : 1);
    const int part = kGated ? box / kPartBoxes : 0, place = box - part * kPartBoxes;
    if (kAdjacentPairs)
      return {0, 2 * column + 64 * (S::kSwapped ? 2 * place + part : box)};
    return {part, column + place * kBoxRows};
  }
  static constexpr int kStageBytes = kRowTileBytes + kWeightTileBytes;

  // Shared memory: stages, consumers' own staging, the stages' barriers, the failure flag, a word
  // for `known_tile`, two words of drawn tiles and their barrier, `first_part`, the tile slots'
  // barriers, the two tile slots with what stores need of each row (weighted: the factor;
  // accumulated: the token, too), and the producers' table of gathered rows; before it all up to
  // 1023 bytes of alignment.
  static constexpr int kTargetBytes = P::kStore == StoreForm::rows            ? 0
                                      : P::kStore == StoreForm::weighted_rows ? 4
                                                                              : 8;
  static constexpr int kSlotBytes = 16 + S::kBlockM * kTargetBytes;
  static constexpr int kBarrierBytes = S::kStages * 16 + 64;
  static constexpr int kSourceBytes = P::kRowSource == RowSource::gathered ? S::kBlockM * 4 : 0;
  static constexpr int kSharedBytes = 1024 + S::kStages * kStageBytes + 2 * kStagingBytes +
                                      kBarrierBytes + 2 * kSlotBytes + kSourceBytes;

  /// False where ptxas (CUDA 13.0) spills or serialises products (C7511): right but slow.
  static constexpr bool kManyValues =
      sizeof(Output) != 2 || (!S::kSwapped && (P::kTwoOutputs || (kGated && kHasBias)));
  static constexpr bool kWellCompiled =
      kSteps > 1 && kStrips * kMmaN / 2 <= (!kManyValues ? 192 : S::kSwapped ? 176 : 128);

  /// 168 registers a thread at entry; the producers give theirs to the consumers.
  static constexpr int kProducerRegisters = 56;
  static constexpr int kConsumerRegisters = 224;

  static_assert(is_same<Element, bf16> || is_same<Element, f16>, "Element expects bf16 or f16");
  static_assert(P::kN % 8 == 0 && P::kK % 8 == 0, "kN and kK expect multiples of 8");
  static_assert(kStrips >= 1 &&
                    kStrips * kStripStride * 64 == (S::kSwapped ? S::kBlockN : S::kBlockM),
                "wgmma's M expects strips of 64 for each consumer");
  static_assert(S::kBlockM <= 256 && S::kBlockN <= 256, "a tile has at most 256 rows and columns");
  static_assert(!kGated || S::kBlockN % 32 == 0, "a gated kBlockN expects a multiple of 32");
  static_assert(!P::kTransposed || S::kBlockN % (kGated || S::kCluster > 1 ? 128 : 64) == 0,
                "transposed weights expect boxes of 64 rows for each part");
  static_assert(!S::kSwapped || !kGated || kStrips % 2 == 0,
                "swapped operands of a gated form expect strips of gate and up for each consumer");
  static_assert(!S::kSwapped || S::kBlockM % S::kTokenStep == 0,
                "kBlockM of swapped operands expects a multiple of kTokenStep");
  static_assert(S::kTokenStep % 16 == 0, "kTokenStep expects a multiple of 16");
  static_assert(kMmaN % 16 == 0 && kMmaN >= 16 && kMmaN <= 256,
                "wgmma's N expects a multiple of 16, at most 256");
  static_assert(kStrips * kMmaN / 2 <= 192, "a consumer has at most 192 accumulators");
  static_assert(S::kStages >= 2, "kStages expects at least 2");
  static_assert(!S::kEarlyStart || (kRowBoxes && S::kDependentLaunch),
                "kEarlyStart expects contiguous rows and a dependent launch");
  static_assert(S::kEarlyExperts == 0 || (!kRowBoxes && S::kDependentLaunch),
                "kEarlyExperts expects gathered rows and a dependent launch");
  static_assert(!S::kBothEnds || S::kDynamic, "kBothEnds expects kDynamic");
  static_assert(S::kCluster == 1 || S::kCluster == 2, "kCluster expects 1 or 2");
  static_assert(S::kCluster == 1 || kSteps > S::kStages + 3,
                "a cluster expects more steps of K than stages, by 4 or more");
  static_assert(kBoxRows % 8 == 0, "a weight tile expects boxes of a multiple of 8 rows");
  static_assert(kSharedBytes <= 232448, "a block has at most 232448 bytes of shared memory");
};

} // namespace moe
