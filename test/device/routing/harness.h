// Shared by the parts of routing_check: device buffers with guards, launch wrappers of the kernel
// templates, error counting. Needs the CUDA runtime; a program of its own, not part of the library.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "moe/kernels/accumulate.cuh"
#include "moe/kernels/activation.cuh"
#include "moe/kernels/combine.cuh"
#include "moe/kernels/copy_rows.cuh"
#include "moe/kernels/pad.cuh"
#include "moe/kernels/early_experts.cuh"
#include "moe/kernels/route_sort.cuh"
#include "moe/kernels/sort_sets.cuh"

namespace check {

#define CUDA_OK(call)                                                                              \
  do {                                                                                             \
    const cudaError_t error_ = (call);                                                             \
    if (error_ != cudaSuccess) {                                                                   \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error_));       \
      std::exit(5);                                                                                \
    }                                                                                              \
  } while (0)

/// Counts of the whole program; a check prints its first few mismatches only.
struct Totals {
  long cases = 0, failed = 0;
};
Totals &totals();

/// Ends a case: counts it and says what went wrong.
void report(const std::string &name, long mismatches, const std::string &first);

/// Device memory of `count` T behind which 64 guard elements must stay untouched. Poisoned with
/// 0xff bytes (NaN, -1) before every run.
template <class T> class Buffer {
public:
  explicit Buffer(size_t count) : count(count) {
    CUDA_OK(cudaMalloc(&pointer, (count + kGuard) * sizeof(T)));
    poison();
  }
  explicit Buffer(const std::vector<T> &values) : Buffer(values.size()) {
    CUDA_OK(cudaMemcpy(pointer, values.data(), count * sizeof(T), cudaMemcpyHostToDevice));
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() { cudaFree(pointer); }

  void poison() { CUDA_OK(cudaMemset(pointer, 0xff, (count + kGuard) * sizeof(T))); }
  T *get() const { return pointer; }
  size_t size() const { return count; }

  /// The contents; a write beyond the end counts as a failed case.
  std::vector<T> read(const std::string &name) const {
    std::vector<T> values(count + kGuard);
    CUDA_OK(cudaMemcpy(values.data(), pointer, values.size() * sizeof(T), cudaMemcpyDeviceToHost));
    const auto *guard = reinterpret_cast<const unsigned char *>(values.data() + count);
    for (size_t i = 0; i < kGuard * sizeof(T); ++i)
      if (guard[i] != 0xff) {
        report(name, 1, "wrote beyond the end");
        break;
      }
    values.resize(count);
    return values;
  }

private:
  static constexpr size_t kGuard = 64;
  size_t count;
  T *pointer = nullptr;
};

/// Compares integers exactly.
template <class T>
void expect_equal(const std::string &name, const std::vector<T> &got, const std::vector<T> &want) {
  long bad = 0;
  std::string first;
  for (size_t i = 0; i < want.size() && i < got.size(); ++i)
    if (std::memcmp(&got[i], &want[i], sizeof(T)) != 0 && bad++ == 0)
      first = "index " + std::to_string(i);
  if (got.size() != want.size()) {
    ++bad;
    first = "size";
  }
  if (bad && sizeof(T) == 4) {
    size_t i = std::strtoul(first.c_str() + (first.size() > 6 ? 6 : 0), nullptr, 10);
    int a, b;
    std::memcpy(&a, &got[i], 4);
    std::memcpy(&b, &want[i], 4);
    first += " got " + std::to_string(a) + " expected " + std::to_string(b);
  }
  report(name, bad, first);
}

/// Host twins of the element types.
inline float to_host(float value) { return value; }
float to_host(moe::bf16 value);
float to_host(moe::f16 value);
template <class T> T from_host(float value);
/// Unit roundoff of one store.
template <class T> constexpr double kRoundoff = sizeof(T) == 4 ? 1e-6 : 0.0;
template <> inline constexpr double kRoundoff<moe::bf16> = 0.00391;
template <> inline constexpr double kRoundoff<moe::f16> = 0.000489;

/// What a result near zero may be off: f16 rounds to its subnormal spacing, and the f32 arithmetic
/// behind the others may flush subnormal numbers.
template <class T> constexpr double kNearZero = 1e-37;
template <> inline constexpr double kNearZero<moe::f16> = 0x1p-24;

/// Compares within |got - want| <= max(scale[i] * tolerance, kNearZero<T>); NaN matches nothing.
template <class T>
void expect_near(const std::string &name, const std::vector<T> &got,
                 const std::vector<double> &want, const std::vector<double> &scale,
                 double tolerance) {
  long bad = 0;
  std::string first;
  for (size_t i = 0; i < want.size(); ++i) {
    const double value = to_host(got[i]);
    const double allowed = std::max(scale[i] * tolerance, kNearZero<T>);
    if (!(std::fabs(value - want[i]) <= allowed) && bad++ == 0)
      first = "index " + std::to_string(i) + " got " + std::to_string(value) + " expected " +
              std::to_string(want[i]);
  }
  report(name, bad, first);
}

/// Sets the dynamic shared memory limit of a kernel where it needs more than the default.
template <class KernelT> void allow_shared(KernelT kernel, int bytes) {
  if (bytes > 48 * 1024)
    CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

/// Threads of a `route_sets` block as the compiler chooses them: 8 to 32 tokens.
constexpr int route_sets_threads(int experts, int top_k) {
  return moe::min_of(32 * moe::route_lanes(experts, top_k), 256);
}

// Kernels: the thin callers, one a template.
template <class Route>
__global__ void __launch_bounds__(Route::kThreads)
    route_kernel(const float *logits, float *weights, int *experts, int tokens) {
  moe::route<Route>(logits, weights, experts, tokens);
}
template <class Sort>
__global__ void __launch_bounds__(Sort::kThreads)
    count_kernel(const int *experts, int *block_counts, int routes) {
  moe::count_routes<Sort>(experts, block_counts, routes);
}
template <class Sort>
__global__ void __launch_bounds__(Sort::kThreads)
    sort_kernel(const int *experts, const int *block_counts, int *offsets, int *sorted_routes,
                int *positions, moe::TileMapPointers maps, int routes) {
  moe::sort_routes<Sort>(experts, block_counts, offsets, sorted_routes, positions, maps, routes);
}
template <class RouteSort>
__global__ void __launch_bounds__(RouteSort::Route::kThreads)
    route_sort_kernel(const float *logits, float *weights, int *experts, int *offsets,
                      int *sorted_routes, int *positions, moe::TileMapPointers maps, int tokens) {
  moe::route_sort<RouteSort>(logits, weights, experts, offsets, sorted_routes, positions, maps,
                             tokens);
}
template <class Route>
__global__ void __launch_bounds__(Route::kThreads)
    route_sets_kernel(const float *logits, float *weights, int *experts, moe::u32 *sets,
                      int tokens) {
  moe::route_sets<Route>(logits, weights, experts, sets, tokens);
}
template <class Sort, int kTopK>
__global__ void __launch_bounds__(Sort::kThreads)
    sort_sets_kernel(const int *experts, const moe::u32 *sets, int *offsets, int *sorted_routes,
                     int *positions, moe::TileMapPointers maps, int tokens) {
  moe::sort_sets<Sort, kTopK>(experts, sets, offsets, sorted_routes, positions, maps, tokens);
}
template <class TileMap>
__global__ void __launch_bounds__(TileMap::kThreads)
    tile_maps_kernel(const int *offsets, moe::TileMapPointers maps, int rows) {
  moe::tile_maps<TileMap>(offsets, maps, rows);
}
template <int kExperts, int kMultiple>
__global__ void __launch_bounds__(256) pad_offsets_kernel(const int *offsets, int *padded) {
  moe::pad_offsets<kExperts, kMultiple, 256>(offsets, padded);
}
template <class Copy, class SourceT>
__global__ void __launch_bounds__(Copy::kThreads, Copy::kMinBlocks)
    copy_kernel(const typename Copy::T *input, typename Copy::T *output, SourceT source, int rows) {
  moe::copy_rows<Copy>(input, output, source, rows);
}
template <class Activation, class FunctionT>
__global__ void __launch_bounds__(Activation::kThreads, Activation::kMinBlocks)
    activation_kernel(const typename Activation::T *a, const typename Activation::T *b,
                      typename Activation::T *output, int rows) {
  moe::activation<Activation, FunctionT>(a, b, output, rows);
}
template <class Combine>
__global__ void __launch_bounds__(Combine::kThreads, Combine::kMinBlocks)
    combine_kernel(const typename Combine::T *rows, const int *positions, const float *weights,
                   typename Combine::T *output, int tokens) {
  moe::combine<Combine>(rows, positions, weights, output, tokens);
}
template <int kThreads, int kPerThread>
__global__ void __launch_bounds__(kThreads)
    fill_kernel(moe::u32 *buffer, moe::u32 bits, moe::i64 count) {
  moe::fill_words<kThreads, kPerThread>(buffer, bits, count);
}
template <class T, int kColumns>
__global__ void __launch_bounds__(256) cast_kernel(const float *from, T *to, int rows) {
  moe::cast_rows<T, kColumns, 256>(from, to, rows);
}
inline __global__ void __launch_bounds__(256)
    invert_kernel(const int *sorted_routes, int *positions, int routes) {
  moe::invert_routes<256>(sorted_routes, positions, routes);
}

struct SiluGate {
  static __host__ __device__ float apply(float gate, float up) {
    return gate / (1.0f + expf(-gate)) * up;
  }
};

/// Blocks of the two-launch sort: a block takes at least `least` routes.
inline int sort_blocks(int routes, int least, int most) {
  const int blocks = (routes + least - 1) / least;
  return blocks < most ? blocks : most;
}

// The parts of the program.
void check_route();
void check_sort();
void check_rows();
void check_combine();
void time_all(const std::string &only);

} // namespace check
