// Index maps and polynomials of the device code, evaluated on the host.
#include "moe/common/odd_ratio.cuh"
#include "moe/kernels/bounds.cuh"
#include "moe/kernels/grouped_matmul_policy.cuh"
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/scheduler/both_ends.cuh"
#include "moe/scheduler/raster.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <utility>
#include <vector>

using namespace moe;

namespace {

/// Every chunk has its own place, and eight rows of one chunk fall into eight bank groups (as four
/// rows do in a phase of narrower tiles).
template <int kChunks>
void expectSwizzle() {
  std::set<int> places;
  for (int row = 0; row < 64; ++row)
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const int offset = swizzled_offset<kChunks>(row, chunk);
      EXPECT_EQ(offset % kChunkBytes, 0);
      EXPECT_EQ(offset / (kChunks * kChunkBytes), row) << "a row keeps its bytes";
      EXPECT_TRUE(places.insert(offset).second);
    }
  for (int first = 0; first < 64; first += 8)
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      std::set<int> banks;
      for (int row = first; row < first + 8; ++row)
        banks.insert(swizzled_offset<kChunks>(row, chunk) % 128);
      EXPECT_EQ(banks.size(), 8u) << kChunks << " chunks, row " << first << ", chunk " << chunk;
    }
}

TEST(Swizzle, IsConflictFreePermutation) {
  expectSwizzle<4>();
  expectSwizzle<8>();
  expectSwizzle<16>();
  expectSwizzle<24>();
  expectSwizzle<32>();
}

template <int kChunks, int kStep>
void expectStrided() {
  for (int row = 0; row < kStep; ++row)
    for (int chunk = 0; chunk < kChunks; ++chunk)
      for (int i = 0; i < 8; ++i)
        EXPECT_EQ((strided_offset<kChunks, kStep>(swizzled_offset<kChunks>(row, chunk), i)),
                  swizzled_offset<kChunks>(row + i * kStep, chunk))
            << kChunks << " chunks, step " << kStep << ", row " << row << ", copy " << i;
}

TEST(Swizzle, StridedOffsetsFollowTheFirst) {
  expectStrided<4, 1>();
  expectStrided<4, 2>();
  expectStrided<4, 8>();
  expectStrided<4, 32>();
  expectStrided<8, 1>();
  expectStrided<8, 2>();
  expectStrided<8, 4>();
  expectStrided<8, 16>();
  expectStrided<16, 4>();
  expectStrided<16, 8>();
  expectStrided<32, 8>();
  expectStrided<32, 4>();
}

/// The slice number enters a K-contiguous tile's offset by XOR of two chunks.
TEST(Swizzle, SlicesFlipChunkBits) {
  for (int row = 0; row < 32; ++row)
    for (int half = 0; half < 2; ++half) {
      for (int slice = 0; slice < 2; ++slice)
        EXPECT_EQ(swizzled_offset<4>(row, half) ^ (slice * 32),
                  swizzled_offset<4>(row, half + 2 * slice));
      for (int slice = 0; slice < 16; ++slice)
        EXPECT_EQ(swizzled_offset<32>(row, half) ^ (slice * 32),
                  swizzled_offset<32>(row, half + 2 * slice));
    }
}

/// A 128-row tile of every gated form holds each (column, part) once, eight gate rows then eight up
/// rows, and locates distinct weight rows.
template <WeightForm kForm, bool kUpFirst>
void expectPairs() {
  using Map = WeightRowMap<kForm, kUpFirst, 64>;
  std::set<std::pair<int, int>> seen;
  std::set<std::pair<int, i64>> rows;
  for (int r = 0; r < 128; ++r) {
    EXPECT_EQ(Map::part(r), r / 8 % 2);
    EXPECT_GE(Map::column(r), 0);
    EXPECT_LT(Map::column(r), 64);
    EXPECT_TRUE(seen.insert({Map::column(r), Map::part(r)}).second);
    const WeightRow at = Map::locate(Map::column(r), Map::part(r));
    EXPECT_GE(at.row, 0);
    EXPECT_LT(at.row, Map::kMatrixRows);
    EXPECT_TRUE(rows.insert({at.matrix, at.row}).second);
    if (r % 16 < 8) {
      EXPECT_EQ(Map::column(r), Map::column(r + 8)) << "the pair of row " << r;
    }
  }
}

TEST(WeightRows, GatedTilesAlternate) {
  expectPairs<WeightForm::halves, false>();
  expectPairs<WeightForm::halves, true>();
  expectPairs<WeightForm::interleaved, false>();
  expectPairs<WeightForm::interleaved, true>();
  expectPairs<WeightForm::separate, false>();
}

TEST(WeightRows, LocateFollowsTheCheckpoint) {
  EXPECT_EQ((WeightRowMap<WeightForm::single, false, 64>::locate(5, 0).row), 5);
  EXPECT_EQ((WeightRowMap<WeightForm::halves, false, 64>::locate(5, 0).row), 5);
  EXPECT_EQ((WeightRowMap<WeightForm::halves, false, 64>::locate(5, 1).row), 69);
  EXPECT_EQ((WeightRowMap<WeightForm::halves, true, 64>::locate(5, 0).row), 69);
  EXPECT_EQ((WeightRowMap<WeightForm::interleaved, false, 64>::locate(5, 0).row), 10);
  EXPECT_EQ((WeightRowMap<WeightForm::interleaved, false, 64>::locate(5, 1).row), 11);
  EXPECT_EQ((WeightRowMap<WeightForm::interleaved, true, 64>::locate(5, 1).row), 10);
  EXPECT_EQ((WeightRowMap<WeightForm::separate, false, 64>::locate(5, 1).row), 5);
  EXPECT_EQ((WeightRowMap<WeightForm::separate, false, 64>::locate(5, 1).matrix), 1);
}

/// The loader adds a constant of i to its first row's place: exact for first rows below a
/// power-of-two step.
template <WeightForm kForm, bool kUpFirst, int kStep>
void expectSplit() {
  using Map = WeightRowMap<kForm, kUpFirst, 512>;
  for (int first = 0; first < kStep; ++first)
    for (int i = 0; first + i * kStep < 256; ++i) {
      const int r = first + i * kStep;
      const i64 offset =
          Map::locate(Map::column(i * kStep), Map::part(i * kStep)).row - Map::locate(0, 0).row;
      EXPECT_EQ(Map::locate(Map::column(first), Map::part(first)).row + offset,
                Map::locate(Map::column(r), Map::part(r)).row)
          << "step " << kStep << " row " << r;
      EXPECT_EQ(Map::column(first) + Map::column(i * kStep), Map::column(r));
      EXPECT_EQ(Map::part(r), kStep % 16 == 0 ? Map::part(first) : Map::part(i * kStep));
    }
}

TEST(WeightRows, PlacesSplitByStep) {
  expectSplit<WeightForm::halves, false, 4>();
  expectSplit<WeightForm::halves, true, 8>();
  expectSplit<WeightForm::halves, true, 16>();
  expectSplit<WeightForm::interleaved, false, 4>();
  expectSplit<WeightForm::interleaved, true, 8>();
  expectSplit<WeightForm::interleaved, true, 32>();
  expectSplit<WeightForm::separate, false, 8>();
  expectSplit<WeightForm::separate, false, 64>();
}

/// The extents of a map over groups of the given rows.
std::vector<TileExtent> makeMap(TileShape shape, const std::vector<int> &groups) {
  std::vector<TileExtent> map;
  for (int rows : groups) {
    for (int i = 0; i < tile_entries(shape, rows); ++i)
      map.push_back(unpack_extent(pack(group_tile(shape, i, rows).extent)));
  }
  return map;
}

TEST(TileMap, TilesShareAGroupsRows) {
  for (TileShape shape : {TileShape{128}, TileShape{176, 16, 8}, TileShape{192, 64, 3}})
    for (int rows : {1, 15, 16, 17, 127, 128, 129, 176, 177, 193, 352, 384, 528, 1000, 4097}) {
      EXPECT_LE(tile_height(shape, rows), shape.height) << rows << " rows";
      int sum = 0, most = 0, tiles = 0;
      for (const TileExtent &extent : makeMap(shape, {rows})) {
        sum += extent.rows;
        most = std::max(most, extent.rows);
        ++tiles;
      }
      EXPECT_EQ(sum, rows);
      EXPECT_LE(most, shape.height);
      EXPECT_LE(tiles, (rows + shape.height - 1) / shape.height);
    }
  EXPECT_EQ(tile_height({192, 16, 8}, 193), 112) << "two tiles of 112 and 81 rows, not 192 and 1";
  EXPECT_EQ(tile_height({192}, 193), 192);
}

TEST(TileMap, ClustersShareAnEntrysRows) {
  for (int unit : {16, 64})
    for (int rows = 1; rows <= 2 * 192; ++rows) {
      const int share = cluster_share(rows, 2, unit), rest = std::max(rows - share, 0);
      EXPECT_EQ(share % unit, 0);
      EXPECT_LE(share - rest, 2 * unit - 1) << rows;
      EXPECT_GE(2 * share, rows);
    }
  EXPECT_EQ(cluster_share(352, 2, 16), 176) << "an entry of 2 * 176 rows fills both blocks";
  EXPECT_EQ(cluster_share(10, 2, 16), 16) << "the second block has none";
}

/// Every row meets every column tile once, whatever a cluster shares or deals.
void expectClusterCovers(TileShape shape, int rows, int columns) {
  const int entries = tile_entries(shape, rows), turns = entry_turns(columns, shape.cluster);
  EXPECT_LE(entries, tile_map_bound(rows, 1, shape.height));
  std::vector<int> seen(size_t(rows) * size_t(columns));
  for (int entry = 0; entry < entries; ++entry) {
    const GroupTile tile = group_tile(shape, entry, rows);
    const bool dealt = tile.extent.part == ColumnPart::dealt;
    EXPECT_EQ(dealt, entry == entries - 1 && entries % 2 == 1);
    for (int turn = 0; turn < turns; ++turn) {
      int column[2];
      for (int rank = 0; rank < 2; ++rank) {
        const BlockTile own = block_tile(tile.extent, turn, rank, 2, columns, shape.unit);
        column[rank] = own.column_tile;
        EXPECT_GE(own.rows, 0);
        EXPECT_LE(own.rows, tile_height(shape, rows)) << "no higher than without a cluster";
        EXPECT_EQ(own.shares_weights, !dealt);
        for (int row = 0; row < own.rows; ++row)
          ++seen[size_t(tile.begin + own.begin + row) * size_t(columns) + size_t(own.column_tile)];
      }
      EXPECT_EQ(column[1] - column[0], dealt ? 1 : 0);
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), i64(seen.size())) << rows << ' ' << columns;
}

TEST(TileMap, ClustersTakePairsAndShareTheColumnsOfWhatIsLeft) {
  for (TileShape shape :
       {TileShape{176, 16, 4, 2}, TileShape{64, 64, 1, 2}, TileShape{32, 32, 3, 2}})
    for (int rows : {1, 16, 32, 33, 64, 65, 100, 176, 177, 352, 353, 500, 529, 1024, 3000})
      for (int columns : {1, 2, 5, 12})
        expectClusterCovers(shape, rows, columns);
  const GroupTile left = group_tile({176, 16, 4, 2}, 2, 500); // three tiles of 176, 176 and 148
  EXPECT_EQ(left.begin, 352);
  EXPECT_EQ(left.extent.rows, 148);
}

/// In each turn of a band its entries have the same two column tiles, that of the left-over tile
/// among them: who reads the same weights reads them at one time.
TEST(TileMap, ABandsEntriesHaveTheSameColumns) {
  const TileShape shape = {192, 16, 4, 2};
  for (int rows : {500, 900, 1024, 2100, 4100})
    for (int columns : {5, 12}) {
      const std::vector<TileExtent> map = makeMap(shape, {rows});
      const int turns = entry_turns(columns, 2);
      for (int position = 0; position < int(map.size()) * turns; ++position) {
        const TileIndex at = tile_at(position, turns, map[band_entry(position, turns)]);
        for (int rank = 0; rank < 2; ++rank) {
          const BlockTile own = block_tile(map[at.m], at.n, rank, 2, columns, shape.unit);
          EXPECT_EQ(own.column_tile / 2, at.n) << rows << " rows, position " << position;
        }
      }
      EXPECT_EQ(map.back().part == ColumnPart::dealt, map.size() % 2 == 1);
    }
  const std::vector<TileExtent> three = makeMap(shape, {500});
  EXPECT_EQ(three.size(), 3u);
  for (const TileExtent &extent : three)
    EXPECT_EQ(extent.band, 3);
}

void expectRaster(TileShape shape, const std::vector<int> &groups, int columns) {
  const std::vector<TileExtent> map = makeMap(shape, groups);
  std::vector<int> groupOf; // of each entry
  for (size_t g = 0; g < groups.size(); ++g)
    groupOf.resize(groupOf.size() + makeMap(shape, {groups[g]}).size(), int(g));
  std::set<std::pair<int, int>> seen;
  int last = -1;
  for (int position = 0; position < int(map.size()) * columns; ++position) {
    const TileIndex at = tile_at(position, columns, map[band_entry(position, columns)]);
    ASSERT_TRUE(at.m >= 0 && at.m < int(map.size()) && at.n >= 0 && at.n < columns);
    EXPECT_TRUE(seen.insert({at.m, at.n}).second);
    EXPECT_EQ(groupOf[at.m], groupOf[band_entry(position, columns)]) << "a band has one group";
    EXPECT_LE(map[at.m].band, shape.cluster * shape.band + shape.cluster - 1);
    const int first = at.m - map[at.m].place;
    EXPECT_GE(first, last) << "bands in order";
    last = first;
  }
}

TEST(Raster, VisitsEveryTileOnce) {
  for (int columns : {1, 2, 7, 24})
    for (int band : {1, 3, 8, 255}) {
      expectRaster({128, 0, band}, {1}, columns);
      expectRaster({128, 0, band}, {0, 37, 0, 1300, 128, 129, 0}, columns);
      expectRaster({16, 16, band}, {5000, 3, 160}, columns);
      expectRaster({176, 16, band}, {1024, 1000, 90, 4000}, columns);
      expectRaster({176, 16, band, 2}, {1024, 1000, 90, 4000, 0, 500, 1}, columns);
    }
  expectRaster({192, 16, 255, 2}, {100000}, 3); // more tiles than a band's bits can count
}

TEST(Raster, RowTilesShareWeightTiles) {
  // 9 tiles in bands of at most 4: three bands of three.
  const std::vector<TileExtent> map = makeMap({128, 0, 4}, {9 * 128});
  EXPECT_EQ(map[0].band, 3);
  const TileIndex a = tile_at(2, 6, map[0]), b = tile_at(3, 6, map[0]);
  EXPECT_EQ(a.m, 2);
  EXPECT_EQ(a.n, 0);
  EXPECT_EQ(b.m, 0);
  EXPECT_EQ(b.n, 1);
  EXPECT_EQ(tile_at(18, 6, map[band_entry(18, 6)]).m, 3);
}

/// That blocks begin where `expected_first_tile` says if all experts have `rows` rows.
void expectFirstTiles(TileShape shape, int rows, int columns) {
  constexpr int kExperts = 11, kBlocks = 132;
  const std::vector<TileExtent> map = makeMap(shape, std::vector<int>(kExperts, rows));
  const int entries = tile_entries(shape, rows), turns = entry_turns(columns, shape.cluster);
  for (int block = 0; block < kBlocks; ++block) {
    const int position = block / shape.cluster;
    if (position >= int(map.size()) * turns)
      break;
    const TileIndex at = tile_at(position, turns, map[band_entry(position, turns)]);
    const int column = shape.cluster == 1 ? at.n
                                          : block_tile(map[at.m], at.n, block % shape.cluster,
                                                       shape.cluster, columns, shape.unit)
                                                .column_tile;
    const FirstTile first = expected_first_tile(block, rows * kExperts, kExperts, shape.height);
    EXPECT_EQ(first.tile / columns, at.m / entries) << rows << " rows, block " << block;
    EXPECT_EQ(first.tile % columns, column) << rows << " rows, block " << block;
    EXPECT_EQ(first.sharers, entries);
    EXPECT_EQ(first.tile * first.sharers + first.sharer, block);
  }
}

TEST(Raster, FirstTilesAreKnownWhereExpertsAreAlike) {
  for (int columns : {1, 6, 7, 12, 200})
    for (int rows : {1, 63, 64, 65, 176, 177, 352, 700, 1400})
      for (TileShape shape : {TileShape{64, 64, 255}, TileShape{176, 16, 8}})
        expectFirstTiles(shape, rows, columns);
  for (int columns : {2, 6, 12, 200})
    for (int rows : {1, 64, 192, 193, 384})
      expectFirstTiles({192, 16, 8, 2}, rows, columns);
  EXPECT_EQ(expected_first_tile(5, 0, 8, 64).sharers, 1);
}

/// That `blocks` blocks that draw in a random order take every tile once, the front ones ascending
/// from the first and the others descending from the last, and leave the counter to be cleared.
void expectEnds(bool bothEnds, int tiles, int blocks, std::mt19937 &random) {
  const int fronts = BothEnds::count_fronts(bothEnds, tiles, blocks);
  const BothEnds ends = {tiles, blocks, fronts};
  std::vector<int> working, taken;
  int front = -1, back = tiles, cleared = 0;
  u32 counter = 0;
  auto take = [&](int block, int tile) {
    taken.push_back(tile);
    working.push_back(block);
    if (ends.is_front(block))
      EXPECT_EQ(tile, ++front);
    else
      EXPECT_EQ(tile, --back);
  };
  for (int block = 0; block < blocks; ++block)
    if (int tile = ends.first(block); tile != BothEnds::kNone)
      take(block, tile);
  while (!working.empty()) {
    std::swap(working[random() % working.size()], working.back());
    const int block = working.back();
    working.pop_back();
    const u32 before = counter;
    counter += ends.step(ends.is_front(block));
    if (ends.is_last(before)) {
      counter = 0;
      ++cleared;
    }
    if (int tile = ends.next(ends.is_front(block), before); tile != BothEnds::kNone)
      take(block, tile);
  }
  std::sort(taken.begin(), taken.end());
  ASSERT_EQ(int(taken.size()), tiles) << blocks << " blocks, " << fronts << " of them front";
  for (int i = 0; i < tiles; ++i)
    ASSERT_EQ(taken[i], i);
  EXPECT_EQ(cleared, tiles ? 1 : 0);
  EXPECT_EQ(counter, 0u);
}

TEST(BothEnds, EveryTileIsTakenOnce) {
  std::mt19937 random(5);
  for (int blocks : {1, 2, 3, 8, 66, 132})
    for (int tiles : {0, 1, 2, 3, 8, 65, 66, 67, 500, 0xffff, 0x10000, 150000})
      for (bool bothEnds : {false, true})
        expectEnds(bothEnds, tiles, blocks, random);
}

TEST(BothEnds, FiveEighthsOfTheBlocksAreFront) {
  EXPECT_EQ(BothEnds::count_fronts(true, 1000, 66), 41);
  EXPECT_EQ(BothEnds::count_fronts(true, 1000, 1), 1);
  EXPECT_EQ(BothEnds::count_fronts(false, 1000, 66), 66) << "all, from one end";
  EXPECT_EQ(BothEnds::count_fronts(true, 0x10000, 66), 66) << "more than half a counter counts";
}

IdleTime idleTime(const std::vector<int> &groups) {
  IdleTime all;
  for (int rows : groups)
    all.add(IdleTime::of(rows));
  return all;
}

TEST(BothEnds, OnlyWhereSomeExpertsMultiplyAndOthersStream) {
  EXPECT_FALSE(idleTime({}).is_uneven());
  EXPECT_FALSE(idleTime(std::vector<int>(128, 40)).is_uneven()) << "nobody multiplies for long";
  EXPECT_FALSE(idleTime(std::vector<int>(128, 4000)).is_uneven()) << "nobody streams";
  EXPECT_FALSE(idleTime({180, 200, 190, 195, 210, 185}).is_uneven()) << "neither does much";
  EXPECT_TRUE(idleTime({0, 900, 20, 30, 10, 40}).is_uneven());
  EXPECT_FALSE(idleTime({0, 900, 0, 0, 0, 0}).is_uneven()) << "who has no rows does not stream";
  const IdleTime idle = idleTime({300, 0, 100});
  EXPECT_EQ(idle.memory, 108);
  EXPECT_EQ(idle.products, 92);
  EXPECT_EQ(idle.all, 492);
}

TEST(BothEnds, BothSidesMustIdleForATwelfth) {
  EXPECT_TRUE((IdleTime{101, 101, 1200}.is_uneven()));
  EXPECT_FALSE((IdleTime{101, 100, 1200}.is_uneven()));
  EXPECT_FALSE((IdleTime{100, 101, 1200}.is_uneven()));
  EXPECT_TRUE((EndCost{6, 6}.is_late()));
  EXPECT_FALSE((EndCost{6, 4}.is_late()));
  EXPECT_FALSE((EndCost{4, 6}.is_late()));
}

TEST(Progress, WordsAreApart) {
  // Counters of two parts, the number of matmuls that began, then words that are not cleared.
  EXPECT_EQ(kProgressBegun, 2);
  EXPECT_EQ(kProgressCounters, kProgressBegun + 1);
  EXPECT_GE(kProgressEarlyRows, kProgressCounters);
  EXPECT_NE(kProgressRows, kProgressEarlyRows);
  EXPECT_EQ(kProgressWords, std::max(kProgressRows, kProgressEarlyRows) + 1);
}

TEST(BothEnds, ExpertsComeLateWhereTheSidesMeet) {
  // 2 x 1600 + 192 n units of the front, 20 x 240 - 240 n of the back: they meet at n = 3.7, and
  // one has two thirds of the other's at n = 0 and n = 7.7.
  std::vector<int> groups = {1000, 1000};
  groups.resize(22, 20);
  std::vector<int> late;
  EndCost at;
  for (int rows : groups)
    at.back += EndCost::of(rows).back;
  for (int rows : groups) {
    late.push_back(at.is_late());
    at.front += EndCost::of(rows).front;
    at.back -= EndCost::of(rows).back;
  }
  EXPECT_EQ(at.front, 2u * 1600 + 20 * 192);
  EXPECT_EQ(at.back, 0u);
  EXPECT_FALSE(late.front());
  EXPECT_FALSE(late.back());
  int first = int(std::find(late.begin(), late.end(), 1) - late.begin());
  int end = int(std::find(late.begin() + first, late.end(), 0) - late.begin());
  EXPECT_EQ(std::count(late.begin(), late.end(), 1), end - first) << "neighbours";
  EXPECT_EQ(first, 2 + 1);
  EXPECT_EQ(end, 2 + 8);
  EXPECT_EQ(EndCost::of(0).front + EndCost::of(0).back, 0u) << "an expert without rows";
}

TEST(BothEnds, HeadsUnpack) {
  for (int entries : {0, 1, 77, (1 << 29) - 1})
    for (bool bothEnds : {false, true}) {
      const MapHead head = unpack_head(pack_head({entries, bothEnds}));
      EXPECT_EQ(head.entries, entries);
      EXPECT_EQ(head.both_ends, bothEnds);
    }
  EXPECT_EQ(pack_head({77, false}), 77) << "as forms that know one end read it";
}

struct GateUp : GroupedMatmulProblem {
  static constexpr int kN = 768, kK = 2048;
  static constexpr WeightForm kWeightForm = WeightForm::halves;
};
struct Streaming : GroupedMatmulSchedule {
  static constexpr int kBlockM = 16, kBlockN = 64, kBlockK = 128, kStages = 4, kWarpsM = 1,
                       kWarpsN = 4;
};

struct FloatOut : GroupedMatmulProblem {
  using Output = float;
  static constexpr int kN = 256, kK = 64;
};
struct Shallow : GroupedMatmulSchedule {
  static constexpr int kBlockK = 32, kStages = 2;
};

/// The formula that README.md gives to the compiler's verifier.
TEST(Plan, SharedMemoryFormula) {
  using Plan = GroupedMatmulPlan<GateUp, Streaming>;
  EXPECT_EQ(Plan::kSharedBytes, 4 * (16 + 64) * 128 * 2);
  EXPECT_EQ(Plan::kThreads, 128);
  EXPECT_EQ(Plan::kColumnTiles, 24);
  EXPECT_EQ(grouped_matmul_blocks<Plan>(10), 240);
  EXPECT_EQ((GroupedMatmulPlan<FloatOut, Shallow>::kSharedBytes), 128 * (128 + 8) * 4)
      << "the tile of results decides";
}

template <int kColumns, bool kPaired>
struct Columns : GroupedMatmulProblem {
  static constexpr int kN = kColumns, kK = 512;
  static constexpr WeightForm kWeightForm = kPaired ? WeightForm::halves : WeightForm::single;
};
template <int kRows, int kWidth, bool kShared>
struct Swapped : WgmmaSchedule {
  static constexpr int kBlockM = kRows, kBlockN = kWidth, kStages = 4, kTokenStep = 16;
  static constexpr bool kSwapped = true, kCooperative = kShared;
};

/// A consumer multiplies a strip of the last column tile exactly if the strip holds columns.
template <class Problem, class Schedule>
void expectLastStrips() {
  using Plan = GroupedMatmulWgmmaPlan<Problem, Schedule>;
  const int left = Plan::kN - (Plan::kColumnTiles - 1) * Plan::kTileColumns;
  bool isShort = false;
  for (int consumer = 0; consumer < Plan::kStripStride; ++consumer) {
    for (int s = 0; s < Plan::kPartStrips; ++s)
      EXPECT_EQ(s < Plan::last_strips(consumer), 64 * (Plan::kStripStride * s + consumer) < left)
          << Plan::kN << " columns, consumer " << consumer << ", strip " << s;
    const int strips = std::min(Plan::last_strips(consumer), Plan::kPartStrips);
    isShort |= strips < Plan::kPartStrips;
    if (strips != 0 && strips != Plan::kPartStrips)
      EXPECT_EQ(strips, Plan::kFewStrips) << Plan::kN << " columns";
  }
  EXPECT_EQ(Plan::kShortLastTile, isShort) << Plan::kN << " columns";
}

template <bool kPaired, class Schedule>
void expectLastStripsOfColumns() {
  expectLastStrips<Columns<8, kPaired>, Schedule>();
  expectLastStrips<Columns<64, kPaired>, Schedule>();
  expectLastStrips<Columns<72, kPaired>, Schedule>();
  expectLastStrips<Columns<128, kPaired>, Schedule>();
  expectLastStrips<Columns<136, kPaired>, Schedule>();
  expectLastStrips<Columns<192, kPaired>, Schedule>();
  expectLastStrips<Columns<200, kPaired>, Schedule>();
  expectLastStrips<Columns<256, kPaired>, Schedule>();
  expectLastStrips<Columns<1408, kPaired>, Schedule>();
  expectLastStrips<Columns<1856, kPaired>, Schedule>();
  expectLastStrips<Columns<2880, kPaired>, Schedule>();
}

/// Relative to what double precision says, from the smallest numbers to where the function ends.
template <class Ratio>
void expectRatio(double (*exact)(double)) {
  double worst = 0;
  for (float x = 1e-30f; x < Ratio::kEnd; x *= 1.0005f) {
    const double value = x * Ratio::numerator(x * x) / Ratio::denominator(x * x);
    worst = std::max(worst, std::abs(value / exact(x) - 1));
  }
  EXPECT_LT(worst, 6 * 6e-8);
  EXPECT_GT(worst, 0);
  EXPECT_EQ(float(exact(Ratio::kEnd)), 1.0f);
}

TEST(OddRatio, IsErfAndTanhToSixUlp) {
  expectRatio<ErfRatio>(std::erf);
  expectRatio<TanhRatio>(std::tanh);
}

template <class Schedule>
struct Ends : Schedule {
  static constexpr bool kDynamic = true, kBothEnds = true;
};

TEST(WgmmaPlan, StreamsAreTilesOfFewRowsFromBothEnds) {
  using Problem = Columns<256, false>;
  using Both = GroupedMatmulWgmmaPlan<Problem, Ends<Swapped<192, 256, true>>>;
  EXPECT_TRUE(Both::is_stream(64));
  EXPECT_FALSE(Both::is_stream(65));
  EXPECT_FALSE((GroupedMatmulWgmmaPlan<Problem, Swapped<192, 256, true>>::is_stream(64)))
      << "all blocks may wait for the memory";
  EXPECT_FALSE((GroupedMatmulWgmmaPlan<Problem, Ends<Swapped<96, 128, false>>>::is_stream(64)))
      << "only measured where consumers share a tile";
}

struct Step48 : Swapped<192, 256, true> {
  static constexpr int kTokenStep = 48;
};
struct FloatSums : Columns<256, false> {
  using Output = float;
};

TEST(WgmmaPlan, LeastTokensAreWholeSteps) {
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<192, 256, true>>::kLeastTokens),
            64);
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Step48>::kLeastTokens), 48);
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<48, 256, true>>::kLeastTokens),
            16);
}

TEST(WgmmaPlan, OnlyResultsOfTwoBytesAreStaged) {
  EXPECT_TRUE((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<176, 256, true>>::kStaged));
  EXPECT_FALSE((GroupedMatmulWgmmaPlan<FloatSums, Swapped<176, 256, true>>::kStaged));
  EXPECT_FALSE((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<96, 256, false>>::kStaged));
  EXPECT_TRUE((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<192, 128, false>>::kStaged));
  EXPECT_FALSE((GroupedMatmulWgmmaPlan<FloatSums, Swapped<160, 128, false>>::kStaged));
}

/// Cooperating consumers stage their results in a stage of the ring; ping-pong ones, of which one
/// multiplies from it meanwhile, in memory of their own.
TEST(WgmmaPlan, StagingIsLentOrOwn) {
  using Shared = GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<192, 256, true>>;
  EXPECT_TRUE(Shared::kLendsStage);
  EXPECT_EQ(Shared::kStagingBytes, 0);
  EXPECT_EQ(Shared::kStagedTokens, 192) << "64 columns of all of a tile's tokens at a time";
  EXPECT_LE(2 * Shared::kStagedTokens * 128, Shared::kStageBytes) << "half a stage for each";
  using Turns = GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<192, 128, false>>;
  EXPECT_FALSE(Turns::kLendsStage);
  EXPECT_EQ(Turns::kStagedTokens, 96);
  EXPECT_EQ(Turns::kStagingBytes, 96 * 128);
  EXPECT_EQ(Turns::kSharedBytes, 1024 + 4 * (192 + 128) * 128 + 2 * 96 * 128 +
                                     Turns::kBarrierBytes + 2 * Turns::kSlotBytes);
}

/// One box for each of the producers' warps, or of tiles that are not large boxes of 16 rows.
TEST(WgmmaPlan, BoxesOfRows) {
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<192, 256, true>>::kRowBox), 48);
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<128, 128, false>>::kRowBox), 32);
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<176, 256, true>>::kRowBox), 16);
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, Swapped<96, 256, true>>::kRowBox), 16);
  EXPECT_EQ((GroupedMatmulWgmmaPlan<Columns<256, false>, WgmmaSchedule>::kRowBox), 32);
}

TEST(WgmmaPlan, LastColumnTileHasTheStripsOfItsColumns) {
  expectLastStripsOfColumns<false, Swapped<192, 256, true>>();
  expectLastStripsOfColumns<true, Swapped<192, 256, true>>();
  expectLastStripsOfColumns<false, Swapped<96, 128, true>>();
  expectLastStripsOfColumns<false, Swapped<96, 128, false>>();
  expectLastStripsOfColumns<true, Swapped<96, 128, false>>();
  expectLastStripsOfColumns<false, Swapped<96, 256, false>>();
  expectLastStripsOfColumns<true, Swapped<96, 256, false>>();
}

} // namespace
