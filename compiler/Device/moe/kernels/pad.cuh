// Metadata of the padded form: where the groups start once each was padded to a multiple.
// The rows themselves move by copy_rows with PadSource and UnpadSource.
#pragma once

#include "moe/kernels/tile_map.cuh"

namespace moe {

/// Kernel body. Grid 1, block kThreads, dynamic shared memory 4 * (kExperts + 1 + 32) bytes.
/// offsets i32 [E+1] to padded_offsets i32 [E+1]: every group's size rounded up to kMultiple.
template <int kExperts, int kMultiple, int kThreads>
MOE_DEVICE void pad_offsets(const int *offsets, int *padded_offsets) {
  static_assert(kMultiple >= 1, "pad: groups are padded to a multiple of at least one row");
  static_assert(kThreads % 32 == 0 && kThreads >= 32 && kThreads <= 1024,
                "pad: threads must be a multiple of 32 up to 1024");
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  extern __shared__ __align__(16) int moe_sort_shared[];
  scan_groups<kExperts, kThreads, TileShapes<>>(moe_sort_shared, padded_offsets, nullptr, [&](int e) {
    return round_up(max(offsets[e + 1] - offsets[e], 0), kMultiple);
  });
}

} // namespace moe
