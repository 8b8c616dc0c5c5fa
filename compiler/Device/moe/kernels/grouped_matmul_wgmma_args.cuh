// What a launch gives the Hopper grouped matmul.
#pragma once
#include "moe/epilogue/store_target.cuh"
#include "moe/ptx/tma.cuh"

namespace moe {

template <class Plan>
struct GroupedMatmulWgmmaArgs {
  const typename Plan::Element *rows; ///< gathered rows: x [T, K]
  const TensorMap *row_map;           ///< contiguous rows: (K, R), box (64, Plan::kRowBox)
  const i32 *routes;                  ///< [R]; gathered rows and weighted stores read it
  const int4 *tiles;                  ///< map for kBlockM * kCluster rows; entry 0's .w counts
  u32 *tickets;                       ///< kDynamic: zero at launch, this matmul's alone
  u32 *progress;                      ///< kReports: [kProgressWords], as the map's kernel set them
  const u32 *awaited;                 ///< kEarlyStart: `progress` of the matmul before
  const int4 *awaited_tiles;          ///< kEarlyStart: `tiles` of the matmul before
  const TensorMap *weights;           ///< (K, columns, E), box (64, Plan::kBoxRows, 1); transposed:
                                      ///< (columns, K, E), box (64, 64, 1)
  const TensorMap *up_weights;        ///< gated forms: the same for up; not of adjacent pairs
  int early_rows;                     ///< kEarlyExperts: R, the rows of all experts
  StoreTarget<Plan> store;
};

} // namespace moe
