// Rows as 16-byte vectors: element types, and how a grid walks a row-major matrix.
#pragma once

#include "moe/common/convert.cuh"
#include "moe/kernels/bounds.cuh"
#include "moe/ptx/ld_st.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

/// 16 bytes of T as f32 numbers: 8 of bf16 or f16, 4 of float.
template <class T> struct Vector16 {
  static constexpr int kElements = 16 / int(sizeof(T));

  static MOE_DEVICE void unpack(uint4 bits, float (&values)[kElements]) {
    const u32 words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (is_same<T, float>) {
        values[i] = __uint_as_float(words[i]);
      } else {
        values[2 * i] = unpack_lo<T>(words[i]);
        values[2 * i + 1] = unpack_hi<T>(words[i]);
      }
    }
  }

  static MOE_DEVICE uint4 pack(const float (&values)[kElements]) {
    u32 words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (is_same<T, float>)
        words[i] = __float_as_uint(values[i]);
      else
        words[i] = pack2<T>(values[2 * i], values[2 * i + 1]);
    }
    return {words[0], words[1], words[2], words[3]};
  }
};

/// A matrix of kColumns T a row, walked as one run of 16-byte vectors: a block takes kThreads *
/// kPerThread neighbours, thread i every kThreads-th of them, so that no lane idles whatever the
/// row's length.
template <class T, int kColumns, int kThreads_, int kPerThread_> struct RowWalk {
  static constexpr int kThreads = kThreads_, kPerThread = kPerThread_;
  static constexpr int kElements = Vector16<T>::kElements;
  static constexpr int kVectors = kColumns / kElements; // a row
  static constexpr int kTile = kThreads * kPerThread;   // vectors a block
  /// Rows that a block's tile can touch.
  static constexpr int kTileRows = (kTile + kVectors - 2) / kVectors + 1;

  static_assert(kColumns % kElements == 0, "rows: a row must be whole 16-byte vectors");
  static_assert(kThreads % 32 == 0 && kThreads >= 32 && kThreads <= 1024,
                "rows: threads must be a multiple of 32 up to 1024");
  static_assert(kPerThread >= 1 && kPerThread <= 16, "rows: 1 to 16 vectors a thread");

  i64 first_row; // row of the block's first vector
  int offset;    // its place in that row

  MOE_DEVICE RowWalk() {
    const i64 first = i64(blockIdx.x) * kTile;
    first_row = first / kVectors;
    offset = int(first - first_row * kVectors);
  }

  /// This thread's vector number i: its row relative to first_row, and its place in the row.
  MOE_DEVICE int row(int i) const { return (offset + i * kThreads + int(threadIdx.x)) / kVectors; }
  MOE_DEVICE int vector(int i) const {
    return (offset + i * kThreads + int(threadIdx.x)) % kVectors;
  }
};

/// Blocks that walk `rows` rows of `vectors` vectors.
MOE_HOST_DEVICE constexpr i64 row_walk_grid(i64 rows, int vectors, int tile) {
  return ceil_div(rows * vectors, tile);
}

/// Address of vector `vector` of row `row` in a row-major matrix of T.
template <class T, int kColumns> MOE_DEVICE const T *row_vector(const T *matrix, i64 row, int vector) {
  return matrix + row * kColumns + vector * Vector16<T>::kElements;
}
template <class T, int kColumns> MOE_DEVICE T *row_vector(T *matrix, i64 row, int vector) {
  return matrix + row * kColumns + vector * Vector16<T>::kElements;
}

} // namespace moe
