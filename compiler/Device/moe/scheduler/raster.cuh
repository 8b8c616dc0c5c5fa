// Position in the raster to output tile, and the tile map's entries that say so.
//
// Blocks that run at the same time should share row tiles and weight tiles in L2. The raster walks
// bands: a few row tiles of one expert, the row tile fastest inside a band, then the column tile. A
// band never holds rows of two experts, whose weights would be read once more for the next band.
#pragma once
#include "moe/common/types.cuh"

namespace moe {

/// What a map is cut for. Tiles have at most `height` rows. `unit` 0: all have `height` but an
/// expert's last; else an expert's rows are shared evenly among as many tiles, or fewer, in
/// multiples of `unit` that divide `height`. A band has at most `band` row tiles, or what a cluster
/// takes together.
///
/// The blocks of a cluster (`cluster`: 1 or 2) work on an entry together: on as many tiles of an
/// expert, for which each loads a part of the weights. Of a tile that is left over they take the
/// column tiles in turn: to share its rows would leave each with half of the loads under way that a
/// stream of weights needs. That takes half as many turns, so every entry of a cluster's map stands
/// for half of the column tiles of its rows, every second one, and comes twice. In a turn all
/// entries of a band, a tile that is left over among them, have the same two column tiles: who had
/// them later would read their weights from memory again.
///
/// `both_ends`: where experts are uneven they come by size (scheduler/both_ends.cuh).
struct TileShape {
  int height;
  int unit = 0;
  int band = 8;
  int cluster = 1;
  bool both_ends = false;
};
inline constexpr int kMaxTileHeight = 0x1fff, kMaxBand = 255;

/// Words in which a matmul reports its progress (scheduler/progress.cuh): counters, cleared with
/// the maps, and the rows of the parts of a map by size.
inline constexpr int kProgressBegun = 2, kProgressCounters = 3; // behind the counters of two parts
inline constexpr int kProgressEarlyRows = 3, kProgressRows = 4;
inline constexpr int kProgressWords = 5;

/// Rows that each block of a cluster takes of an entry's `rows`, but the last ones.
MOE_HOST_DEVICE constexpr int cluster_share(int rows, int blocks, int unit) {
  return (rows + blocks * unit - 1) / (blocks * unit) * unit;
}
/// Turns that an entry of a cluster's map takes: half of the column tiles.
MOE_HOST_DEVICE constexpr int entry_turns(int column_tiles, int blocks) {
  return (column_tiles + blocks - 1) / blocks;
}

/// Rows of a group's tiles but the last.
MOE_HOST_DEVICE constexpr int tile_height(TileShape shape, int group_rows) {
  if (shape.unit == 0 || group_rows == 0)
    return shape.height;
  const int tiles = (group_rows + shape.height - 1) / shape.height;
  return (group_rows + tiles * shape.unit - 1) / (tiles * shape.unit) * shape.unit;
}

/// Which column tiles an entry stands for.
enum class ColumnPart : u32 {
  even,  ///< every second one from the first on, or without a cluster all
  odd,   ///< every second one from the second on
  dealt, ///< all, dealt to the blocks of the cluster in turn
};

/// The third word of an entry {expert, first row, rows and band, number of entries}.
struct TileExtent {
  int rows;  ///< 0: no tile
  int place; ///< entries of the band before this one
  int band;  ///< entries of the band
  ColumnPart part = ColumnPart::even;
};
MOE_HOST_DEVICE constexpr int pack(const TileExtent &extent) {
  return int(u32(extent.rows) | u32(extent.part) << 14 | u32(extent.place) << 16 |
             u32(extent.band) << 24);
}
MOE_HOST_DEVICE constexpr TileExtent unpack_extent(int word) {
  return {int(u32(word) & 0x3fffu), int(u32(word) >> 16 & 0xffu), int(u32(word) >> 24),
          ColumnPart(u32(word) >> 14 & 3u)};
}

/// Entries of a group of `rows` rows: as many as tiles, whatever the cluster.
MOE_HOST_DEVICE constexpr int tile_entries(TileShape shape, int rows) {
  const int height = tile_height(shape, rows);
  return (rows + height - 1) / height;
}
/// Of an entry: where its rows begin in the group's, and the rest.
struct GroupTile {
  int begin;
  TileExtent extent;
};
/// Entry number `entry` of a group of `rows` rows: bands of as many entries, but for the last, at
/// whose end the tile is that a cluster leaves over.
MOE_HOST_DEVICE constexpr GroupTile group_tile(TileShape shape, int entry, int rows) {
  const int tiles = tile_entries(shape, rows), height = tile_height(shape, rows) * shape.cluster;
  if (tiles == 1) // few rows, and no time for the divisions below
    return {0, {rows, 0, 1, shape.cluster == 1 ? ColumnPart::even : ColumnPart::dealt}};
  const int whole = tiles / shape.cluster, left = tiles - whole * shape.cluster;
  const int most = min_of(shape.band, (kMaxBand - 1) / shape.cluster);
  const int bands = (whole + most - 1) / most, full = (whole + bands - 1) / bands;
  // The last band's first, where a tile that is left over comes behind it.
  const int first = min_of(entry / (full * shape.cluster), bands - 1) * full;
  const int shared = min_of(full, whole - first), place = entry - first * shape.cluster;
  const int band = shared * shape.cluster + (first + shared == whole ? left : 0);
  if (place == shared * shape.cluster)
    return {whole * height, {rows - whole * height, place, band, ColumnPart::dealt}};
  const int begin = (first + place % shared) * height;
  return {begin, {min_of(height, rows - begin), place, band, ColumnPart(place / shared)}};
}

/// What block `rank` of a cluster does in turn `turn` of an entry. Where the number of column tiles
/// is odd, `column_tile` may lie behind the last one, and `rows` is 0.
struct BlockTile {
  int begin; ///< of its rows in the entry's
  int rows;
  int column_tile;
  bool shares_weights; ///< the blocks have the same weights, and load them for each other
};
MOE_HOST_DEVICE constexpr BlockTile block_tile(const TileExtent &extent, int turn, int rank,
                                               int blocks, int column_tiles, int unit) {
  const bool dealt = extent.part == ColumnPart::dealt;
  const int column = turn * blocks + (dealt ? rank : int(extent.part));
  const int share = dealt ? extent.rows : cluster_share(extent.rows, blocks, unit);
  const int begin = dealt ? 0 : min_of(rank * share, extent.rows);
  return {begin, column < column_tiles ? min_of(share, extent.rows - begin) : 0, column, !dealt};
}

struct TileIndex {
  int m; ///< entry of the tile map
  int n; ///< column tile
};

/// With what a block begins, as far as can be told before the map is made.
struct FirstTile {
  int tile;    ///< expert * column tiles + column tile
  int sharer;  ///< of the blocks that begin with the same weights, which one this is ...
  int sharers; ///< ... and how many there are
};
/// Right where all experts have as many rows, one or two tiles of `height` rows each (in a
/// cluster's map with an even number of column tiles), or up to a band of them without clusters.
MOE_HOST_DEVICE constexpr FirstTile expected_first_tile(int block, int rows, int experts,
                                                        int height) {
  const int sharers = max_of(int(ceil_div(rows, experts * height)), 1);
  return {block / sharers, block % sharers, sharers};
}

/// The entry from whose extent `tile_at` tells the tile at `position`: it lies in the same band.
MOE_HOST_DEVICE constexpr int band_entry(int position, int column_tiles) {
  return position / column_tiles;
}
/// Every (m, n) of the valid entries and column tiles exactly once for positions in
/// [0, entries * column_tiles).
MOE_HOST_DEVICE constexpr TileIndex tile_at(int position, int column_tiles,
                                            const TileExtent &extent) {
  const int first = band_entry(position, column_tiles) - extent.place;
  const int inside = position - first * column_tiles;
  return {first + inside % extent.band, inside / extent.band};
}

} // namespace moe
