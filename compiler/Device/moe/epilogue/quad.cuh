// Transposes inside a quad of lanes and inside a warp, by shuffles: from the fragment layout of the
// matrix instructions to runs of consecutive columns.
#pragma once
#include "moe/common/types.cuh"

namespace moe {

/// Lane q of a quad holds four words, word g being the columns (2q, 2q + 1) of group g of eight;
/// afterwards it holds the eight consecutive columns of group q.
MOE_DEVICE void transpose_quad(u32 (&w)[4], int q) {
  const bool odd = q & 1, high = q & 2;
  const u32 a = __shfl_xor_sync(~0u, odd ? w[0] : w[1], 1);
  const u32 b = __shfl_xor_sync(~0u, odd ? w[2] : w[3], 1);
  if (odd) {
    w[0] = a;
    w[2] = b;
  } else {
    w[1] = a;
    w[3] = b;
  }
  const u32 c = __shfl_xor_sync(~0u, high ? w[0] : w[2], 2);
  const u32 d = __shfl_xor_sync(~0u, high ? w[1] : w[3], 2);
  if (high) {
    w[0] = c;
    w[1] = d;
  } else {
    w[2] = c;
    w[3] = d;
  }
}

/// Eight results of 16 bits in the order of adjacent pairs (fragment_layout.cuh), where a plan has
/// such, in their own.
template <class Plan>
MOE_DEVICE uint4 straighten(uint4 v) {
  if constexpr (Plan::kAdjacentPairs)
    return {__byte_perm(v.x, v.y, 0x5410), __byte_perm(v.z, v.w, 0x5410),
            __byte_perm(v.x, v.y, 0x7632), __byte_perm(v.z, v.w, 0x7632)};
  return v;
}

/// An 8x8 matrix of 16-bit elements, lane l holding elements 2 (l % 4) + {0, 1} of row l / 4.
MOE_DEVICE u32 transpose_8x8(u32 pair) {
  u32 r;
  asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(r) : "r"(pair));
  return r;
}

} // namespace moe
