// What varies between grouped matmul kernels: the problem, the schedule, and the sizes that follow.
//
// A generated kernel derives a struct from each of the two defaults below and overrides members;
// nothing else selects code. GroupedMatmulPlan checks the pair and holds every derived constant
// (README.md repeats the shared-memory formula for the compiler's verifier).
#pragma once
#include "moe/tile/swizzle.cuh"
#include "moe/tile/weight_rows.cuh"

namespace moe {

/// Where row i of the left operand lies: rows[i], or x[routes[i] / k] (zeros for routes[i] < 0).
enum class RowSource { contiguous, gathered };

/// Where results go.
enum class StoreForm {
  rows,          ///< out[i] = value, rows in sorted order
  weighted_rows, ///< out[i] = routing_weights[routes[i]] * value (0 for routes[i] < 0)
  accumulate,    ///< out[routes[i] / k] += routing_weights[routes[i]] * value, f32, any order
};

/// L2 treatment of weights; evict_last in the wgmma form only.
enum class WeightPolicy { normal, evict_first, evict_last };

struct NoBias {};

/// Members that a problem overrides: Element and kN, kK always, the rest where it differs.
struct GroupedMatmulProblem {
  using Element = bf16; ///< rows and weights: bf16 or f16
  using Output = bf16;  ///< bf16, f16 or float; float with StoreForm::accumulate
  using Bias = NoBias;  ///< float, bf16 or f16: bias laid out as the weights' rows
  static constexpr RowSource kRowSource = RowSource::contiguous;
  static constexpr int kTopK = 1; ///< routes are token * kTopK + slot
  static constexpr WeightForm kWeightForm = WeightForm::single;
  static constexpr bool kUpFirst = false;    ///< halves, interleaved: up rows come first
  static constexpr bool kTransposed = false; ///< weights are [E, K, rows] instead of [E, rows, K]
  static constexpr bool kTwoOutputs = false; ///< gated forms: store gate and up, no epilogue
  static constexpr StoreForm kStore = StoreForm::rows;
};

/// Members that a schedule overrides.
struct GroupedMatmulSchedule {
  static constexpr int kBlockM = 128; ///< rows of the tile map's entries
  static constexpr int kBlockN = 128; ///< weight rows a tile (gated: half as many columns)
  static constexpr int kBlockK = 64;
  static constexpr int kStages = 3;
  static constexpr int kWarpsM = 2;
  static constexpr int kWarpsN = 2;
  static constexpr int kMinBlocks = 1; ///< blocks an SM that registers must leave room for
  static constexpr WeightPolicy kWeightPolicy = WeightPolicy::normal;
  static constexpr bool kDependentLaunch = false; ///< launched with programmatic serialization
  /// Weights of the first stages are asked for before the grid before this one has ended. That one
  /// begins with a wait of its own, so what made the tile map has ended.
  static constexpr bool kEarlyWeights = false;
  /// There is one token, and blocks choose their expert among so many from its logits (0: they read
  /// the tile map); all is asked for before the grid before this one, which sorts, has ended.
  static constexpr int kEarlyExperts = 0;
  /// Lets the grid after this one start once all of this one's blocks run, not only once they have
  /// asked for all they need.
  static constexpr bool kEarlyRelease = false;
};

/// Whether gate and up rows alternate in memory, and so in what a K step multiplies: neighbours of
/// transposed weights come together.
template <class Problem>
inline constexpr bool kHasAdjacentPairs =
    Problem::kTransposed && Problem::kWeightForm == WeightForm::interleaved;

template <class Problem, class Schedule>
struct GroupedMatmulPlan : Problem, Schedule {
  using typename Problem::Bias;
  using typename Problem::Element;
  using typename Problem::Output;
  using RowMap = WeightRowMap<Problem::kWeightForm, Problem::kUpFirst, Problem::kN>;
  using P = Problem;
  using S = Schedule;

  // Derived sizes.
  static constexpr bool kGated = RowMap::kGated;
  static constexpr bool kHasBias = !is_same<Bias, NoBias>;
  /// Gate and up of a pair are neighbouring columns of one fragment.
  static constexpr bool kAdjacentPairs = kHasAdjacentPairs<Problem>;
  static constexpr int kWarps = S::kWarpsM * S::kWarpsN;
  static constexpr int kThreads = kWarps * 32;
  static constexpr int kWarpM = S::kBlockM / S::kWarpsM;
  static constexpr int kWarpN = S::kBlockN / S::kWarpsN;
  static constexpr int kTileColumns = kGated ? S::kBlockN / 2 : S::kBlockN;
  static constexpr int kColumnTiles = int(ceil_div(P::kN, kTileColumns));
  static constexpr int kSteps = int(ceil_div(P::kK, S::kBlockK));
  static constexpr bool kTailK = P::kK % S::kBlockK != 0;
  static constexpr bool kTailN = P::kN % kTileColumns != 0;

  // Shared memory: a ring of stages, reused by the tile of results.
  static constexpr int kRowTileBytes = S::kBlockM * S::kBlockK * 2;
  static constexpr int kWeightTileBytes = S::kBlockN * S::kBlockK * 2;
  static constexpr int kStageBytes = kRowTileBytes + kWeightTileBytes;
  static constexpr int kResultColumns = kGated && !P::kTwoOutputs ? S::kBlockN / 2 : S::kBlockN;
  /// The padding puts eight rows of a fragment into different banks.
  static constexpr int kResultPitch = (kResultColumns + 8) * int(sizeof(Output));
  static constexpr int kResultBytes = S::kBlockM * kResultPitch;
  static constexpr int kSharedBytes = max_of(S::kStages * kStageBytes, kResultBytes);

  static constexpr bool is_power_of_two(int v) { return v > 0 && (v & (v - 1)) == 0; }
  static constexpr int kWeightChunks = (P::kTransposed ? S::kBlockN : S::kBlockK) / kChunkElements;

  static_assert(is_same<Element, bf16> || is_same<Element, f16>, "Element expects bf16 or f16");
  static_assert(P::kN % 8 == 0 && P::kK % 8 == 0, "kN and kK expect multiples of 8");
  static_assert(P::kTopK >= 1, "kTopK expects at least 1");
  static_assert(!P::kTwoOutputs || kGated, "kTwoOutputs expects a gated weight form");
  static_assert(!P::kTwoOutputs || P::kStore == StoreForm::rows, "kTwoOutputs expects plain rows");
  static_assert(P::kStore != StoreForm::accumulate || is_same<Output, float>,
                "accumulation expects float outputs");
  static_assert(kWarpM % 16 == 0 && kWarpM * S::kWarpsM == S::kBlockM,
                "kBlockM expects a multiple of 16 * kWarpsM");
  static_assert(kWarpN % 16 == 0 && kWarpN * S::kWarpsN == S::kBlockN,
                "kBlockN expects a multiple of 16 * kWarpsN");
  static_assert(S::kBlockK == 32 || S::kBlockK == 64 || S::kBlockK == 128 || S::kBlockK == 256,
                "kBlockK expects 32, 64, 128 or 256");
  static_assert(S::kStages >= 2, "kStages expects at least 2");
  static_assert(!S::kEarlyWeights ||
                    (S::kDependentLaunch && P::kRowSource == RowSource::contiguous),
                "kEarlyWeights expects kDependentLaunch and contiguous rows");
  static_assert(S::kEarlyExperts == 0 ||
                    (S::kDependentLaunch && P::kRowSource == RowSource::gathered),
                "kEarlyExperts expects kDependentLaunch and gathered rows");
  static_assert(kWarpM * kWarpN <= 64 * 64, "a warp tile expects at most 4096 accumulators");
  static_assert(is_power_of_two(kThreads) && kThreads <= 1024,
                "warps expect a power of two, at most 32");
  static_assert(kThreads % (S::kBlockK / kChunkElements) == 0,
                "threads expect a multiple of kBlockK / 8");
  static_assert(is_swizzle_width(kWeightChunks), "transposed kBlockN expects 32 or 64 * n");
  static_assert(!P::kTransposed || kThreads % kWeightChunks == 0,
                "transposed weights expect threads that are a multiple of kBlockN / 8");
  static_assert(kSharedBytes <= 232448, "a block has at most 232448 bytes of shared memory");
};

/// Blocks to launch for `row_tiles` entries of the tile map: gridDim.x.
template <class Plan>
MOE_HOST_DEVICE constexpr i64 grouped_matmul_blocks(i64 row_tiles) {
  return row_tiles * Plan::kColumnTiles;
}

} // namespace moe
