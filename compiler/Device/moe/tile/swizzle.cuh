// Where a 16-byte chunk of a tile row lies in shared memory.
//
// A tile row of `chunks` chunks is stored contiguously, its chunks permuted by the row number so
// that eight consecutive rows of one logical chunk fall into eight different 16-byte bank groups:
// ldmatrix and the row-wise copies are then free of bank conflicts without padding.
#pragma once
#include "moe/common/types.cuh"

namespace moe {

inline constexpr int kChunkBytes = 16;
inline constexpr int kChunkElements = 8; // of 16 bits

/// Tile rows are legal when their chunks are 4 or a multiple of 8.
MOE_HOST_DEVICE constexpr bool is_swizzle_width(int chunks) {
  return chunks == 4 || (chunks > 0 && chunks % 8 == 0);
}

/// The permutation's operand: rows narrower than 128 bytes change it every second row.
template <int kChunks>
MOE_HOST_DEVICE constexpr int swizzle_key(int row) {
  static_assert(is_swizzle_width(kChunks), "tile rows expect 4 or a multiple of 8 chunks");
  return kChunks == 4 ? (row >> 1) & 3 : row & 7;
}

/// Byte offset of logical chunk `chunk` of row `row` from the start of the tile.
template <int kChunks>
MOE_HOST_DEVICE constexpr int swizzled_offset(int row, int chunk) {
  return (row * kChunks + (chunk ^ swizzle_key<kChunks>(row))) * kChunkBytes;
}

/// Where a thread that owns chunk c of rows r0, r0 + kStep, ... copies to, without recomputing the
/// swizzle: `first` is the offset of its row r0 < kStep, kStep a power of two.
template <int kChunks, int kStep>
MOE_HOST_DEVICE constexpr int strided_offset(int first, int i) {
  static_assert((kStep & (kStep - 1)) == 0, "row step expects a power of two");
  return (first ^ (swizzle_key<kChunks>(i * kStep) * kChunkBytes)) +
         i * kStep * kChunks * kChunkBytes;
}

} // namespace moe
