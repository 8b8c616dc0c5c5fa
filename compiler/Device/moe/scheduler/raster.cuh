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
/// multiples of `unit` that divide `height`. A band has at most `band` row tiles.
struct TileShape {
  int height;
  int unit = 0;
  int band = 8;
};
inline constexpr int kMaxTileHeight = 0xffff, kMaxBand = 255;

/// Words in which a matmul reports its progress (scheduler/progress.cuh); cleared with the maps.
inline constexpr int kProgressWords = 3;

/// Rows that each block of a cluster takes of an entry's `rows`, but the last ones.
MOE_HOST_DEVICE constexpr int cluster_share(int rows, int blocks, int unit) {
  return (rows + blocks * unit - 1) / (blocks * unit) * unit;
}

/// Rows of a group's tiles but the last.
MOE_HOST_DEVICE constexpr int tile_height(TileShape shape, int group_rows) {
  if (shape.unit == 0 || group_rows == 0)
    return shape.height;
  const int tiles = (group_rows + shape.height - 1) / shape.height;
  return (group_rows + tiles * shape.unit - 1) / (tiles * shape.unit) * shape.unit;
}

/// The third word of an entry {expert, first row, rows and band, number of tiles}.
struct TileExtent {
  int rows;  ///< 0: no tile
  int place; ///< row tiles of the band before this one
  int band;  ///< row tiles of the band
};
MOE_HOST_DEVICE constexpr int pack(const TileExtent &extent) {
  return int(u32(extent.rows) | u32(extent.place) << 16 | u32(extent.band) << 24);
}
MOE_HOST_DEVICE constexpr TileExtent unpack_extent(int word) {
  return {int(u32(word) & 0xffffu), int(u32(word) >> 16 & 0xffu), int(u32(word) >> 24)};
}
/// Tile number `tile` of a group's `tiles`, of `rows` rows: bands of one height, but the last.
MOE_HOST_DEVICE constexpr TileExtent tile_extent(TileShape shape, int tile, int tiles, int rows) {
  const int bands = (tiles + shape.band - 1) / shape.band;
  const int height = (tiles + bands - 1) / bands, place = tile % height;
  return {rows, place, min_of(height, tiles - (tile - place))};
}

struct TileIndex {
  int m; ///< entry of the tile map
  int n; ///< column tile
};

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
