// Block index to output tile.
//
// Row tiles come from the device-side tile map, whose length the host knows as an upper bound only.
// Blocks that run at the same time should share row tiles and weight tiles in L2: the raster walks
// groups of kGroup row tiles, the row tile fastest inside a group, then the column tile.
#pragma once
#include "moe/common/types.cuh"

namespace moe {

struct TileIndex {
  int m; ///< entry of the tile map
  int n; ///< column tile
};

/// Every (m, n) of m_tiles x n_tiles exactly once for block in [0, m_tiles * n_tiles).
template <int kGroup>
MOE_HOST_DEVICE constexpr TileIndex grouped_raster(int block, int m_tiles, int n_tiles) {
  static_assert(kGroup >= 1, "raster group expects at least 1");
  const int group = block / (kGroup * n_tiles);
  const int first = group * kGroup;
  const int height = min_of(kGroup, m_tiles - first);
  const int inside = block - first * n_tiles;
  return {first + inside % height, inside / height};
}

} // namespace moe
