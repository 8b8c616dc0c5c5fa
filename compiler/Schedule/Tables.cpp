//===- Tables.cpp - the numbers behind the default schedules --------------===//
//
// The one place to write measured results into (test/bench/RESULTS.md has the measurements).
//
// Rows are chosen by m = T * k / E, the mean rows of an expert, since m and not T decides whether
// the weights' stream or the tensor cores limit a grouped matmul (the crossover lies near m = 185
// for every bf16 block on an H200). Every row brings two kernels to a block, hence only so many.
//
// sm_90a (measured; where the two differ, an H200 decides):
// * up to m = 3: nothing but weights moves, with few tokens few experts' weights. A 16-row mma tile
//   of 32 weight rows, steps of 128 and four stages, four blocks a multiprocessor, keep 128 KiB under
//   way and cut the work finely enough that even one token fills the card. Weights are read once, so
//   they leave L2 first. Of the wgmma tiles below it is 1 to 3 % faster on an H200 from T = 4 on, under
//   zipf:1.2 equal (4 % faster to 3 slower), and 1 to 2 % slower on an H100.
//   Where the first token's tiles all run at once, the next kernel's blocks come in beside them and ask
//   for their weights: 4 to 5 % of one token (H100). Where they do not, those that start last get less of
//   the memory's bandwidth for it: 1 to 2 % slower with 8 experts, 1 % with 128 of 2880 columns. Tiles
//   of 64 weight rows, three stages, do where those of 32 do not: 1.5 to 10 % of one token (H200).
// * m <= 8: swapped ping-pong tiles of 64 tokens by 256 weight rows, five stages, drawn: one pass over the
//   weights where 16-row tiles need several, and 160 KiB of weights under way. What was here before, 64
//   rows by 128 weight rows not swapped, which streams as fast on an H100 (3 TB/s), takes 1 to 6 % longer on
//   an H200 (4.6), 4 to 14 under zipf:1.2. Up to two waves, of which half have nothing to do for long, that
//   one runs (32 experts of short rows: 3 to 12 % faster), and where it makes less than a wave, mma.
// * m <= 18 with up to eight waves, m <= 32 with up to four: the same. With more waves the next tile is as
//   fast, and 3 to 7 % faster under zipf:1.2 from m = 16 on.
// * more: swapped operands, two cooperating consumers, 176 tokens by 256 weight rows. The largest
//   tile reads the fewest bytes from L2 for a product, its tokens fit each expert in steps of 16,
//   and of the heights that leave room for four stages 176 divides rows of 128 n best (m = 512 and
//   1024). Drawn tiles and weights that stay in L2 keep blocks on the same weights: without them
//   they drift apart, and DRAM reads grow two- to fourfold (17.5 to 5.5 GB at K = 4096, m = 1024).
//   Where experts have one row tile and L2 has room for what the block's matmuls store, which stays
//   there then, weights leave it first: 2 to 4 % of a block, 0 to 3 under zipf:1.2 (H200: 128, 64, 60
//   and 32 experts of short rows at m = 32 to 128). Where that is little of what moves, weights do
//   better as before: half of each 256 bytes of them is for the next step, and is to stay so long.
// * up to 72, where one row tile an expert makes up to two waves (32 experts of short rows): ping-pong,
//   96 tokens by 128 weight rows, twice as many tiles: 7 % faster, 3 under zipf:1.2 (H100).
// * more than 72, or 160 with up to eight waves of such tiles: the same in pairs of blocks, 192 tokens
//   each, which load weights for each other where an expert has several row tiles: 1 to 5 % faster,
//   under zipf:1.2 too. Data that blocks on both sides of L2 read crosses between its two partitions;
//   the blocks of a pair are on one side. With up to four waves single blocks are as fast up to 320,
//   or 0.7 % faster.
//   From both ends of the map where experts are uneven: up to 7 % under zipf:1.2 (128 and 256 experts at
//   m = 128 to 512, 8 at 256). With few waves, as single blocks mostly have here, 3 % slower; single blocks
//   of up to seven K steps, which clusters do not admit, too: 2 to 5 % under zipf:1.2 (H100).
// * an odd number of column tiles, in one of whose turns a block of a pair idles: single blocks of 192 tokens
//   up to 160 rows, 0.2 to 2.5 % faster under zipf:1.2 and 0.9 faster to 0.8 slower under uniform routing (11
//   and 23 tiles, which are 1408 and 2880 gated columns). Above 320 with eleven, 2 % faster at m = 512 (1 %
//   under zipf:1.2 or none); with 23 pairs are 1 % faster there, since a pair's left-over tile has its columns
//   when the pairs have them; between them not measured (H100).
// * more than 72, up to 160, with up to 0.4 waves: ping-pong, 192 tokens by 128 weight rows, twice as many
//   tiles: 9 to 20 % faster (H200, four experts). At half a wave 7 % faster, but 18 slower under zipf:1.2,
//   whose busy experts make a second one; with more waves 0 to 6 % slower, and 2 to 16 under zipf:1.2.
// * a few experts' matmul that gives less than a quarter of the multiprocessors a tile of 256 weight rows
//   (one and two experts of most models, and up to eight of short ones) has tiles so small that six tenths
//   of them are busy, above m = 8: 0.52 to 0.98 of the block's time at m = 12 to 500 (H200; 1.03 and 1.05
//   in mixtral's two under zipf:1.2). For this the rows end at 640 and 1280, too.
// * few waves of gathered rows are not drawn: 1.9 % of a block with 32 experts at m = 256, 0.8 % with
//   64 at m = 128 (H100). The second matmul's are: 1.5 to 3.6 % of a block under zipf:1.2.
// * early start: 1 to 2 % of a block where weights are read once (m <= 160), and up to 5 % above, with
//   pairs and reductions of up to 2880. With long ones (K = 14336) it costs as much at m >= 1024:
//   blocks that start together read weights together, those that start one by one read them again.
// * transposed weights whose gate and up lie apart: 128 columns of a tile, 256 bytes of a line, instead of
//   16 or 64: 12 to 21 % of a block up to T = 4 (mma's 32 bytes; a single token with K = 2048 is 1 to 2 %
//   slower, as mma's blocks start sooner), 3 to 10 up to m = 32. Up to 72, where ping-pong tiles of 96
//   tokens run else, 2 % at m = 64 (H100). Interleaved ones are as fast with the tiles of untransposed
//   weights.
//
// Portable mma, for what the wgmma forms do not admit and for other cards:
// * m <= 16: the stream with 32 rows; 128 weight rows a tile halve the re-reads of the rows.
// * m <= 64: 64-row tiles still read weights once for most experts; 2 x 2 warps of 32 x 64 each
//   have enough independent products to hide ldmatrix.
// * more: 128 x 128 with four 64 x 64 warps, the most arithmetic per shared-memory byte that the
//   registers of two blocks allow. Eight row tiles share each weight tile in L2.
//
// Sort thresholds: one block that routes and sorts saves a launch while it has at most a few rounds
// of tokens; beyond, up to a few thousand tokens, a sort by the sets of tokens that route leaves saves the
// launch that counts (2 to 3 us); ids that the block is given are sorted by one block up to 2048 routes,
// the time that the second launch costs.
//
//===----------------------------------------------------------------------===//

#include "compiler/Schedule/Tables.h"

#include <limits>

namespace moec::schedule {

using kernel::MatmulForm;
using kernel::WeightPolicy;

static constexpr double kUnbounded = std::numeric_limits<double>::infinity();
static constexpr int64_t kAnyK = std::numeric_limits<int64_t>::max();
static constexpr MatmulForm kMma = MatmulForm::Mma, kWgmma = MatmulForm::Wgmma;
static constexpr MatmulForm kSwap = MatmulForm::WgmmaSwapped;
static constexpr WeightPolicy kAsUsual = WeightPolicy::Normal, kOnce = WeightPolicy::EvictFirst,
                              kKeep = WeightPolicy::EvictLast;

// clang-format off
//                                            M    N    K  stages wM wN min step coop   dyn   ends  cluster raster weights
static constexpr MatmulTile kStream16  {kMma,   16,  32, 128, 4, 1, 2, 4, 32, false, false, false, 1, 1, kOnce};
static constexpr MatmulTile kStream64  {kMma,   16,  64, 128, 3, 1, 2, 3, 32, false, false, false, 1, 1, kOnce};
static constexpr MatmulTile kStream32  {kMma,   32,  64, 128, 4, 1, 4, 2, 32, false, false, false, 1, 1, kOnce};
static constexpr MatmulTile kMiddle64  {kMma,   64, 128,  64, 4, 2, 2, 2, 32, false, false, false, 1, 4, kAsUsual};
static constexpr MatmulTile kLarge128  {kMma,  128, 128,  64, 3, 2, 2, 2, 32, false, false, false, 1, 8, kAsUsual};
static constexpr MatmulTile kSm80Middle{kMma,   64, 128,  64, 3, 2, 2, 2, 32, false, false, false, 1, 4, kAsUsual};
static constexpr MatmulTile kSm80Large {kMma,  128, 128,  32, 4, 2, 2, 2, 32, false, false, false, 1, 8, kAsUsual};
static constexpr MatmulTile kHopper64  {kWgmma, 64, 128,  64, 8, 1, 1, 1, 32, false, true,  false, 1, 8, kOnce};
static constexpr MatmulTile kWide64    {kSwap,  64, 256,  64, 5, 1, 1, 1, 16, false, true,  false, 1, 8, kOnce};
static constexpr MatmulTile kTokens96  {kSwap,  96, 128,  64, 8, 1, 1, 1, 16, false, true,  false, 1, 8, kOnce};
static constexpr MatmulTile kWide96    {kSwap,  96, 256,  64, 5, 1, 1, 1, 16, true,  true,  false, 1, 8, kOnce};
static constexpr MatmulTile kTokens176 {kSwap, 176, 256,  64, 4, 1, 1, 1, 16, true,  true,  false, 1, 8, kKeep};
static constexpr MatmulTile kNarrow192 {kSwap, 192, 128,  64, 5, 1, 1, 1, 16, false, true,  false, 1, 8, kKeep};
static constexpr MatmulTile kPairs192  {kSwap, 192, 256,  64, 4, 1, 1, 1, 16, true,  true,  true,  2, 8, kKeep};

//                                          waves  tile
static constexpr FewTiles kFewTo8[]      {{0.45, kStream16}, {2, kHopper64}};
static constexpr FewTiles kFewTo18[]     {{2,    kHopper64}, {8, kWide64}};
static constexpr FewTiles kFewTo32[]     {{2,    kHopper64}, {4, kWide64}};
static constexpr FewTiles kFewTo72[]     {{2,    kTokens96}};
static constexpr FewTiles kFewTo160[]    {{0.4,  kNarrow192}, {8, kTokens176, true}};
static constexpr FewTiles kFewTo320[]    {{4,    kTokens176, true}};

//    m <=         first        other       early   few        odd columns  first token
static constexpr MatmulRow kHopperRows[] = {
    {3,          kStream16,   kStream16,  0,      {},         0,  kStream64},
    {8,          kWide64,     kStream16,  kAnyK,  kFewTo8},
    {18,         kTokens176,  kStream32,  kAnyK,  kFewTo18},
    {32,         kTokens176,  kMiddle64,  kAnyK,  kFewTo32},
    {72,         kTokens176,  kMiddle64,  kAnyK,  kFewTo72},
    {160,        kPairs192,   kMiddle64,  kAnyK,  kFewTo160, 23},
    {320,        kPairs192,   kLarge128,  4096,   kFewTo320},
    {640,        kPairs192,   kLarge128,  4096,   {},        15},
    {1280,       kPairs192,   kLarge128,  4096,   {},        15},
    {kUnbounded, kPairs192,   kLarge128,  4096,   {},        15},
};
static constexpr MatmulRow kSm80Rows[] = {
    {8,          kStream16,   kStream16},
    {16,         kStream32,   kStream32},
    {64,         kSm80Middle, kSm80Middle},
    {kUnbounded, kSm80Large,  kSm80Large},
};
// clang-format on

static constexpr MatmulTile kScarce[] = {kTokens176, kNarrow192, kTokens96,
                                         kHopper64,  kStream32,  kStream16};

llvm::ArrayRef<MatmulTile> getScarceTiles(kernel::TargetAttr target) {
  if (target.getArch() == "sm_90a")
    return kScarce;
  return {};
}

std::optional<MatmulTile> getWiderTile(const MatmulTile &tile) {
  if (tile == kStream16 || tile == kStream64 || tile == kHopper64)
    return kWide64;
  if (tile == kNarrow192)
    return kTokens176;
  return tile == kTokens96 ? std::optional(kWide96) : std::nullopt;
}

llvm::ArrayRef<MatmulRow> getMatmulTable(kernel::TargetAttr target) {
  if (target.getArch() == "sm_90a")
    return kHopperRows;
  return kSm80Rows;
}

} // namespace moec::schedule
