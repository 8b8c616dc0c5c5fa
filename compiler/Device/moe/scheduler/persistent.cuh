// The tiles of a persistent block, in the order in which all its roles walk them.
#pragma once
#include "moe/scheduler/raster.cuh"

namespace moe {

/// A tile of results: rows [row_begin, row_begin + rows) of `expert`, column tile `column_tile`.
struct Tile {
  int expert;
  int row_begin;
  int rows;
  int column_tile;
};

/// Walks tiles first, first + stride, ... of the raster over the tile map's valid entries. Entry 0
/// of the map holds their number in its last word, so nothing is read on the host.
template <class Plan>
class TileWalk {
  const int4 *map_;
  int row_tiles_, count_, next_, stride_;

public:
  MOE_DEVICE TileWalk(const int4 *map, int first, int stride)
      : map_(map), row_tiles_(map[0].w), next_(first), stride_(stride) {
    count_ = row_tiles_ * Plan::kColumnTiles;
  }
  MOE_DEVICE bool done() const { return next_ >= count_; }
  MOE_DEVICE Tile take() {
    const TileIndex at = grouped_raster<Plan::kRasterGroup>(next_, row_tiles_, Plan::kColumnTiles);
    const int4 entry = map_[at.m];
    next_ += stride_;
    return {entry.x, entry.y, entry.z, at.n};
  }
};

} // namespace moe
