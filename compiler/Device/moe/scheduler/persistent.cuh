// The tiles of a persistent block: the producers walk them and pass each on to the consumers.
#pragma once
#include "moe/ptx/ld_st.cuh"
#include "moe/scheduler/raster.cuh"
#include "moe/tile/pipeline.cuh"

namespace moe {

/// A tile of results: rows [row_begin, row_begin + rows) of `expert`, column tile `column_tile`.
/// rows == 0: there are no more tiles.
struct Tile {
  int expert;
  int row_begin;
  int rows;
  int column_tile;
};

/// Walks tiles blockIdx.x, blockIdx.x + gridDim.x, ... of the raster over the tile map's valid
/// entries. Entry 0 of the map holds their number in its last word, so nothing is read on the host.
template <class Plan>
class TileWalk {
  const int4 *map_;
  int row_tiles_, count_, next_;

public:
  explicit MOE_DEVICE TileWalk(const int4 *map)
      : map_(map), row_tiles_(map[0].w), next_(blockIdx.x) {
    count_ = row_tiles_ * Plan::kColumnTiles;
  }
  MOE_DEVICE Tile take() {
    if (next_ >= count_)
      return {0, 0, 0, 0};
    const TileIndex at = grouped_raster<Plan::kRasterGroup>(next_, row_tiles_, Plan::kColumnTiles);
    const int4 entry = map_[at.m];
    next_ += gridDim.x;
    return {entry.x, entry.y, entry.z, at.n};
  }
};

/// Two slots of shared memory through which producers hand tiles to consumers: the tile, and what
/// stores need of each of its rows. Tile t uses slot t % 2. Barriers: two "full", two "empty".
template <class Plan>
struct TileSlots {
  u32 barriers;
  u32 slots;
  u32 failure_flag;
  u32 slot = 0;
  u32 phase = 0;

  MOE_DEVICE TileSlots(u32 stage_barriers)
      : barriers(stage_barriers + Plan::kStages * 16 + 16), slots(barriers + 32),
        failure_flag(stage_barriers + Plan::kStages * 16) {}
  MOE_DEVICE u32 address() const { return slots + slot * Plan::kSlotBytes; }
  /// What stores need of row `row`.
  MOE_DEVICE u32 target(int row) const { return address() + 16 + row * Plan::kTargetBytes; }
  MOE_DEVICE u32 full() const { return barriers + slot * 8; }
  MOE_DEVICE u32 empty() const { return barriers + 16 + slot * 8; }
  MOE_DEVICE void put(const Tile &tile) const {
    ptx::st_shared_16(
        address(), {u32(tile.expert), u32(tile.row_begin), u32(tile.rows), u32(tile.column_tile)});
  }
  MOE_DEVICE Tile get() const {
    const uint4 v = ptx::ld_shared_16(address());
    return {int(v.x), int(v.y), int(v.z), int(v.w)};
  }
  MOE_DEVICE void wait_full() const { bounded_wait(full(), phase, failure_flag); }
  MOE_DEVICE void wait_empty() const { bounded_wait(empty(), phase ^ 1, failure_flag); }
  MOE_DEVICE void advance() {
    slot ^= 1;
    phase ^= slot ^ 1;
  }
};

} // namespace moe
