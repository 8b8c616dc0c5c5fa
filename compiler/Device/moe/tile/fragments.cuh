// Shared memory to mma fragments, and the warp's products.
#pragma once
#include "moe/kernels/grouped_matmul_policy.cuh"
#include "moe/ptx/mma.cuh"

namespace moe {

/// Fragments of one k16 slice of a warp tile.
template <class Plan>
struct Fragments {
  static constexpr int kStripsM = Plan::kWarpM / 16;
  static constexpr int kPairsN = Plan::kWarpN / 16;
  u32 rows[kStripsM][4];
  u32 weights[kPairsN][4]; // {k0-7, k8-15} of n8 group 0, the same of group 1
};

/// Lane-dependent parts of the ldmatrix addresses of a warp tile.
template <class Plan>
class FragmentLoader {
  using Frag = Fragments<Plan>;
  static constexpr int kChunksK = Plan::kBlockK / kChunkElements;
  static constexpr int kChunksN = Plan::kBlockN / kChunkElements;
  static constexpr int kLaneWords = Plan::kTransposed ? Frag::kPairsN : 1;

  int rows_;
  int weights_[kLaneWords];

public:
  MOE_DEVICE FragmentLoader(int warp_m, int warp_n, int lane) {
    // Matrices of a row fragment: rows 0-7 and 8-15 at k0-7, then at k8-15.
    rows_ = swizzled_offset<kChunksK>(warp_m + lane % 16, lane / 16);
    if constexpr (Plan::kTransposed) {
      // k0-7 and k8-15 at n0-7, then at n8-15; each transposed on the way.
#pragma unroll
      for (int j = 0; j < Frag::kPairsN; ++j)
        weights_[j] = swizzled_offset<kChunksN>(lane % 16, warp_n / 8 + 2 * j + lane / 16);
    } else {
      // n0-7 at k0-7 and k8-15, then n8-15.
      weights_[0] =
          swizzled_offset<kChunksK>(warp_n + (lane / 16) * 8 + lane % 8, (lane / 8) % 2);
    }
  }

  /// Slice `slice` of the stage whose row tile starts at shared address `stage`. A slice is two
  /// chunks, so its number enters the swizzled K chunk by XOR.
  MOE_DEVICE void load(Frag &frag, u32 stage, int slice) const {
    const u32 flip = slice * 2 * kChunkBytes;
    const u32 rows = stage + (rows_ ^ flip);
#pragma unroll
    for (int i = 0; i < Frag::kStripsM; ++i)
      ptx::ldmatrix_x4(frag.rows[i], rows + i * 16 * kChunksK * kChunkBytes);
    const u32 tile = stage + Plan::kRowTileBytes;
    if constexpr (Plan::kTransposed) {
      const u32 slice_rows = slice * 16 * kChunksN * kChunkBytes;
#pragma unroll
      for (int j = 0; j < Frag::kPairsN; ++j)
        ptx::ldmatrix_x4_trans(frag.weights[j], tile + weights_[j] + slice_rows);
    } else {
      const u32 weights = tile + (weights_[0] ^ flip);
#pragma unroll
      for (int j = 0; j < Frag::kPairsN; ++j)
        ptx::ldmatrix_x4(frag.weights[j], weights + j * 16 * kChunksK * kChunkBytes);
    }
  }
};

/// f32 accumulators of a warp tile: [16-row strip][n8 group][row half, column pair].
template <class Plan>
struct Accumulators {
  static constexpr int kStripsM = Plan::kWarpM / 16;
  static constexpr int kGroupsN = Plan::kWarpN / 8;
  float v[kStripsM][kGroupsN][4];

  MOE_DEVICE void clear() {
#pragma unroll
    for (int i = 0; i < kStripsM; ++i)
#pragma unroll
      for (int j = 0; j < kGroupsN; ++j)
#pragma unroll
        for (int c = 0; c < 4; ++c)
          v[i][j][c] = 0.0f;
  }

  /// Every second strip walks the groups backwards: neighbouring products share an operand.
  MOE_DEVICE void multiply(const Fragments<Plan> &frag) {
#pragma unroll
    for (int i = 0; i < kStripsM; ++i)
#pragma unroll
      for (int n = 0; n < kGroupsN; ++n) {
        const int j = i % 2 ? kGroupsN - 1 - n : n;
        ptx::mma_m16n8k16<typename Plan::Element>(v[i][j], frag.rows[i],
                                                  frag.weights[j / 2][j % 2 * 2],
                                                  frag.weights[j / 2][j % 2 * 2 + 1]);
      }
  }
};

} // namespace moe
