// One generated-looking caller of every routing kernel, in the form the emitter prints: compiled by
// NVRTC for each target as a gate on registers, spills and compile time.
#include "moe/kernels/accumulate.cuh"
#include "moe/kernels/activation.cuh"
#include "moe/kernels/combine.cuh"
#include "moe/kernels/copy_rows.cuh"
#include "moe/kernels/pad.cuh"
#include "moe/kernels/route_sort.cuh"
#include "moe/kernels/sort_sets.cuh"

using Route = moe::RouteConfig<128, 8, moe::SoftmaxOver::kSelected, 256>;
extern "C" __global__ void __launch_bounds__(256)
    route_kernel(const float *logits, float *weights, int *experts, int tokens) {
  moe::route<Route>(logits, weights, experts, tokens);
}

using ManyRoute = moe::RouteConfig<2000, 32, moe::SoftmaxOver::kAll, 256>;
extern "C" __global__ void __launch_bounds__(256)
    route_many_kernel(const float *logits, float *weights, int *experts, int tokens) {
  moe::route<ManyRoute>(logits, weights, experts, tokens);
}

using WideRoute = moe::RouteConfig<1024, 8, moe::SoftmaxOver::kAll, 256>;
extern "C" __global__ void __launch_bounds__(256)
    route_wide_kernel(const float *logits, float *weights, int *experts, int tokens) {
  moe::route<WideRoute>(logits, weights, experts, tokens);
}

using SmallSort = moe::SortConfig<128, 1024, false, false, moe::TileShape{16}, moe::TileShape{64}, moe::TileShape{128}>;
extern "C" __global__ void __launch_bounds__(1024)
    sort_kernel(const int *experts, int *offsets, int *routes, int *positions, int4 *map0, int4 *map1,
                int4 *map2, int tokens) {
  moe::sort_routes<SmallSort>(experts, nullptr, offsets, routes, positions, {{map0, map1, map2}},
                              tokens * 8);
}

using LargeSort = moe::SortConfig<128, 512, true, true, moe::TileShape{64}, moe::TileShape{128}>;
extern "C" __global__ void __launch_bounds__(512)
    count_kernel(const int *experts, int *block_counts, int tokens) {
  moe::count_routes<LargeSort>(experts, block_counts, tokens * 8);
}
extern "C" __global__ void __launch_bounds__(512)
    sort_multi_kernel(const int *experts, const int *block_counts, int *offsets, int *routes,
                      int *positions, int4 *map0, int4 *map1, int tokens) {
  moe::sort_routes<LargeSort>(experts, block_counts, offsets, routes, positions, {{map0, map1}},
                              tokens * 8);
}

using FusedRoute = moe::RouteConfig<128, 8, moe::SoftmaxOver::kSelected, 1024>;
using RouteSort = moe::RouteSortConfig<FusedRoute, moe::SortConfig<128, 1024, false, false, moe::TileShape{16}>, 64>;
extern "C" __global__ void __launch_bounds__(1024)
    route_sort_kernel(const float *logits, float *weights, int *experts, int *offsets, int *routes,
                      int *positions, int4 *map0, int tokens) {
  moe::route_sort<RouteSort>(logits, weights, experts, offsets, routes, positions, {{map0}}, tokens);
}

// A variant for no token at all.
using NoRouteSort = moe::RouteSortConfig<FusedRoute, moe::SortConfig<128, 1024, false, true, moe::TileShape{64, 16, 8, 2}>, 0>;
extern "C" __global__ void __launch_bounds__(1024)
    no_route_sort_kernel(const float *logits, float *weights, int *experts, int *offsets, int *routes,
                         int *positions, int4 *map0, moe::u32 *tickets0, int tokens) {
  moe::route_sort<NoRouteSort>(logits, weights, experts, offsets, routes, positions,
                               {{map0}, {tickets0}}, tokens);
}

using SetsRoute = moe::RouteConfig<128, 8, moe::SoftmaxOver::kSelected, 256>;
extern "C" __global__ void __launch_bounds__(SetsRoute::kThreads)
    route_sets_kernel(const float *logits, float *weights, int *experts, moe::u32 *sets, int tokens) {
  moe::route_sets<SetsRoute>(logits, weights, experts, sets, tokens);
}
using SetsSort = moe::SortConfig<128, 512, false, false, moe::TileShape{176, 16, 8}, moe::TileShape{192, 16, 8, 2, true}>;
extern "C" __global__ void __launch_bounds__(512)
    sort_sets_kernel(const int *experts, const moe::u32 *sets, int *offsets, int *routes, int *positions,
                     int4 *map0, int4 *map1, moe::u32 *tickets0, int tokens) {
  moe::sort_sets<SetsSort, 8>(experts, sets, offsets, routes, positions, {{map0, map1}, {tickets0}},
                              tokens);
}

using Maps = moe::TileMapConfig<128, 256, false, moe::TileShape{16}, moe::TileShape{128}>;
extern "C" __global__ void __launch_bounds__(256)
    tile_maps_kernel(const int *offsets, int4 *map0, int4 *map1, int tokens) {
  moe::tile_maps<Maps>(offsets, {{map0, map1}}, tokens * 8);
}

extern "C" __global__ void __launch_bounds__(256)
    pad_offsets_kernel(const int *offsets, int *padded_offsets) {
  moe::pad_offsets<128, 8, 256>(offsets, padded_offsets);
}
using Rows = moe::CopyConfig<moe::bf16, 2880>;
using HalfRows = moe::CopyConfig<moe::f16, 2048>;
extern "C" __global__ void __launch_bounds__(Rows::kThreads, Rows::kMinBlocks)
    gather_kernel(const moe::bf16 *x, const int *routes, moe::bf16 *rows, int tokens) {
  moe::copy_rows<Rows>(x, rows, moe::GatherSource<8>{routes, tokens}, tokens * 8);
}
extern "C" __global__ void __launch_bounds__(Rows::kThreads, Rows::kMinBlocks)
    pad_kernel(const moe::bf16 *rows, const int *offsets, const int *padded_offsets,
               moe::bf16 *padded, int tokens) {
  moe::copy_rows<Rows>(rows, padded,
                                          moe::PadSource<128>{offsets, padded_offsets},
                                          moe::padded_rows_bound(tokens * 8, 128, 8));
}
extern "C" __global__ void __launch_bounds__(HalfRows::kThreads, HalfRows::kMinBlocks)
    unpad_kernel(const moe::f16 *padded, const int *offsets, const int *padded_offsets,
                 moe::f16 *rows, int tokens) {
  moe::copy_rows<HalfRows>(padded, rows,
                                         moe::UnpadSource<128>{offsets, padded_offsets}, tokens * 8);
}

struct SiluGate {
  static MOE_DEVICE float apply(float gate, float up) {
    return gate / (1.0f + expf(-gate)) * up;
  }
};
using Halves = moe::ActivationConfig<moe::bf16, 768, moe::GateLayout::kHalves, true, 256, 2>;
extern "C" __global__ void __launch_bounds__(Halves::kThreads, Halves::kMinBlocks)
    activation_kernel(const moe::bf16 *input, moe::bf16 *output, int tokens) {
  moe::activation<Halves, SiluGate>(input, nullptr, output, tokens * 8);
}

using Combine = moe::CombineConfig<moe::bf16, 2048, 8, true, 128>;
extern "C" __global__ void __launch_bounds__(Combine::kThreads, Combine::kMinBlocks)
    combine_kernel(const moe::bf16 *rows, const int *positions, const float *weights,
                   moe::bf16 *output, int tokens) {
  moe::combine<Combine>(rows, positions, weights, output, tokens);
}
using ManyCombine = moe::CombineConfig<moe::f16, 2880, 32, true, 128>;
extern "C" __global__ void __launch_bounds__(ManyCombine::kThreads, ManyCombine::kMinBlocks)
    combine_many_kernel(const moe::f16 *rows, const int *positions, const float *weights,
                        moe::f16 *output, int tokens) {
  moe::combine<ManyCombine>(rows, positions, weights, output, tokens);
}

using EarlyCombine = moe::CombineConfig<moe::f16, 2880, 32, false, 128, 1, true>;
extern "C" __global__ void __launch_bounds__(EarlyCombine::kThreads, EarlyCombine::kMinBlocks)
    combine_early_kernel(const moe::f16 *rows, const int *positions, moe::f16 *output, int tokens) {
  moe::combine<EarlyCombine>(rows, positions, nullptr, output, tokens);
}

extern "C" __global__ void __launch_bounds__(256) fill_kernel(moe::u32 *buffer, int tokens) {
  moe::fill_words<256, 4>(buffer, 0u, moe::i64(tokens) * 2048);
}
extern "C" __global__ void __launch_bounds__(256)
    cast_kernel(const float *accumulator, moe::bf16 *output, int tokens) {
  moe::cast_rows<moe::bf16, 2048, 256>(accumulator, output, tokens);
}
extern "C" __global__ void __launch_bounds__(256)
    invert_kernel(const int *routes, int *positions, int tokens) {
  moe::invert_routes<256>(routes, positions, tokens * 8);
}
