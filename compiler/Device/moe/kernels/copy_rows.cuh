// Row copies: every output row is a whole input row or zero. One kernel; where a row comes from is
// the policy: gather by route, pad groups to a multiple, or undo that.
#pragma once

#include "moe/kernels/rows.cuh"
#include "moe/kernels/tile_map.cuh"

namespace moe {

/// Row i is the token of route routes[i]; zeros for a route of -1.
template <int kTopK> struct GatherSource {
  const int *routes; // [rows]
  int tokens;

  MOE_DEVICE i64 operator()(int row) const {
    const int route = routes[row];
    const int token = route / kTopK;
    return route >= 0 && token < tokens ? token : -1;
  }
};

/// Padded row to row: the rows of group e start at padded_offsets[e]; zeros behind them.
template <int kExperts> struct PadSource {
  const int *offsets, *padded_offsets; // [E+1] each

  MOE_DEVICE i64 operator()(int row) const {
    if (row >= padded_offsets[kExperts])
      return -1;
    const int e = find_group<kExperts>(padded_offsets, row);
    const int source = offsets[e] + row - padded_offsets[e];
    return source < offsets[e + 1] ? source : -1;
  }
};

/// Row to padded row; zeros beyond the last group.
template <int kExperts> struct UnpadSource {
  const int *offsets, *padded_offsets; // [E+1] each

  MOE_DEVICE i64 operator()(int row) const {
    if (row >= offsets[kExperts])
      return -1;
    const int e = find_group<kExperts>(offsets, row);
    return padded_offsets[e] + row - offsets[e];
  }
};

/// What `copy_rows` is compiled for. kMinBlocks goes to __launch_bounds__ with kThreads.
template <class T_, int kColumns_, int kThreads_ = 256, int kPerThread_ = 4,
          int kMinBlocks_ = 1024 / kThreads_>
struct CopyConfig {
  using T = T_;
  static constexpr int kColumns = kColumns_;
  static constexpr int kThreads = kThreads_, kPerThread = kPerThread_, kMinBlocks = kMinBlocks_;
  using Walk = RowWalk<T, kColumns, kThreads, kPerThread>;
};

/// Kernel body. Grid row_walk_grid(rows, Walk::kVectors, Walk::kTile), block Walk::kThreads, no
/// dynamic shared memory. input T [*, kColumns], output T [rows, kColumns], both 16-byte aligned;
/// source(row) is the input row, or -1 for zeros.
template <class Copy, class SourceT>
MOE_DEVICE void copy_rows(const typename Copy::T *input, typename Copy::T *output, SourceT source,
                          int rows) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  using T = typename Copy::T;
  using Walk = typename Copy::Walk;
  constexpr int kColumns = Copy::kColumns, kThreads = Copy::kThreads, kPerThread = Copy::kPerThread;
  const Walk walk;

  // The few rows of the tile are looked up once.
  __shared__ i64 sources[Walk::kTileRows];
  for (int i = threadIdx.x; i < Walk::kTileRows; i += kThreads)
    sources[i] = walk.first_row + i < rows ? source(int(walk.first_row) + i) : -1;
  __syncthreads();

  uint4 vectors[kPerThread];
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const i64 from = sources[walk.row(i)];
    vectors[i] = uint4{0, 0, 0, 0};
    if (from >= 0)
      vectors[i] = ptx::ld_global_nc_16(row_vector<T, kColumns>(input, from, walk.vector(i)));
  }
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const i64 to = walk.first_row + walk.row(i);
    if (to < rows)
      ptx::st_global_16(row_vector<T, kColumns>(output, to, walk.vector(i)), vectors[i]);
  }
}

} // namespace moe
