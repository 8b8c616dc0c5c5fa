// The two ends of the accumulating combine (the grouped matmul's epilogue adds into f32 [T,H]):
// clearing the accumulator, and rounding it to the output type. Also the inverse of `routes`, for a
// combine whose routes come from outside.
#pragma once

#include "moe/kernels/rows.cuh"

namespace moe {

/// Kernel body. Grid ceil(count / (4 * kThreads * kPerThread)), block kThreads. Sets `count` 32-bit
/// words (a multiple of 4, buffer 16-byte aligned) to `bits`.
template <int kThreads, int kPerThread>
MOE_DEVICE void fill_words(u32 *buffer, u32 bits, i64 count) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  const i64 first = i64(blockIdx.x) * kThreads * kPerThread + threadIdx.x;
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const i64 word = 4 * (first + i * kThreads);
    if (word + 4 <= count)
      ptx::st_global_16(buffer + word, uint4{bits, bits, bits, bits});
    else
      for (i64 rest = word; rest < count; ++rest)
        buffer[rest] = bits;
  }
}

/// Kernel body. Grid row_walk_grid(rows, kColumns / Vector16<T>::kElements, kThreads), block
/// kThreads. accumulator f32 [rows, kColumns] to output T [rows, kColumns], round to nearest even.
template <class T, int kColumns, int kThreads>
MOE_DEVICE void cast_rows(const float *accumulator, T *output, int rows) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  using Vector = Vector16<T>;
  const RowWalk<T, kColumns, kThreads, 1> walk;
  const i64 row = walk.first_row + walk.row(0);
  if (row >= rows)
    return;
  const float *from = accumulator + row * kColumns + walk.vector(0) * Vector::kElements;
  float values[Vector::kElements];
#pragma unroll
  for (int i = 0; i < Vector::kElements; i += 4) {
    const uint4 four = ptx::ld_global_nc_stream_16(from + i);
    values[i + 0] = __uint_as_float(four.x);
    values[i + 1] = __uint_as_float(four.y);
    values[i + 2] = __uint_as_float(four.z);
    values[i + 3] = __uint_as_float(four.w);
  }
  ptx::st_global_16(row_vector<T, kColumns>(output, row, walk.vector(0)), Vector::pack(values));
}

/// Kernel body, after fill_words(positions, -1). Grid ceil(routes / kThreads), block kThreads.
/// positions[sorted_routes[i]] = i for every route in range.
template <int kThreads>
MOE_DEVICE void invert_routes(const int *sorted_routes, int *positions, int routes) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  const i64 row = i64(blockIdx.x) * kThreads + threadIdx.x;
  if (row >= routes)
    return;
  const int route = sorted_routes[row];
  if (u32(route) < u32(routes))
    positions[route] = int(row);
}

} // namespace moe
