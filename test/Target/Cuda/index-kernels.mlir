// The callers of the kernels that work on indices.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

#r = affine_map<(d0) -> (d0 * 2)>
#w = affine_map<(d0) -> (d0 ceildiv 32)>
#p = affine_map<(d0) -> (d0 * 2 + 28, d0 * 16)>
#t16 = affine_map<(d0) -> (d0 floordiv 8 + 4, d0 * 2 + d0 floordiv 8)>
#t64 = affine_map<(d0) -> (d0 floordiv 32 + 4, d0 * 2 + d0 floordiv 32)>
#t192 = affine_map<(d0) -> ((d0 * 2) floordiv 192 + 4, (d0 * 2) floordiv 192 + d0 * 2)>
#tp = affine_map<(d0) -> ((d0 * 2 + 28) floordiv 64 + 4, d0 * 2 + (d0 * 2 + 28) floordiv 64 + 28, d0 floordiv 4 + 4, d0 * 16 + d0 floordiv 4)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%logits: memref<?x4xf32> {moe.name = "logits"}, %w: memref<?x2xf32> {moe.name = "w", moe_kernel.output},
      %ids: memref<?x2xi32> {moe.name = "ids", moe_kernel.output}, %o: memref<5xi32> {moe.name = "o", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, 64>} {
    %routes = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
    %positions = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
    %m16 = moe_kernel.buffer "m16" size(#t16) : memref<?x4xi32>
    %m64 = moe_kernel.buffer "m64" size(#t64) : memref<?x4xi32>
    // CHECK-LABEL: // moe_route_sort_0:
    // CHECK: #include "moe/kernels/route_sort.cuh"
    // CHECK-EMPTY:
    // CHECK-NEXT: using Route = moe::RouteConfig<4, 2, moe::SoftmaxOver::kSelected, 256, 2>;
    // CHECK-NEXT: using Sort = moe::SortConfig<4, 256, false, false, moe::TileShape{16, 0, 8}, moe::TileShape{64, 0, 8}>;
    // CHECK-NEXT: using RouteSort = moe::RouteSortConfig<Route, Sort, 64>;
    // CHECK-NEXT: static_assert(RouteSort::kSharedBytes == {{[0-9]+}}, "shared memory of the launch");
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C" __global__ void __launch_bounds__(256)
    // CHECK-NEXT: moe_route_sort_0(const float *logits, float *weights, int *experts, int *offsets, int *routes,
    // CHECK-NEXT:     int *positions, int4 *map0, int4 *map1, int tokens) {
    // CHECK-NEXT:   moe::route_sort<RouteSort>(logits, weights, experts, offsets, routes, positions, {{[{][{]}}map0, map1}}, tokens);
    // CHECK-NEXT: }
    moe_kernel.route_sort ins(%logits : memref<?x4xf32>) outs(%w, %ids : memref<?x2xf32>, memref<?x2xi32>)
      sorted(%o, %routes, %positions : memref<5xi32>, memref<?xi32>, memref<?xi32>)
      tiles(%m16, %m64 : memref<?x4xi32>, memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>, #moe_kernel.tile_shape<rows = 64>] softmax(selected) max_tokens(64)
      schedule<threads = 256>
    return
  }

  func.func @b_t65(%logits: memref<?x4xf32> {moe.name = "logits"}, %w: memref<?x2xf32> {moe.name = "w", moe_kernel.output},
      %ids: memref<?x2xi32> {moe.name = "ids", moe_kernel.output}, %o: memref<5xi32> {moe.name = "o", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<65, -1>} {
    %routes = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
    %positions = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
    %m192 = moe_kernel.buffer "m192" size(#t192) : memref<?x4xi32>
    %tickets = moe_kernel.buffer "tickets" : memref<1xi32>
    %counts = moe_kernel.buffer "counts" : memref<16x4xi32>
    %sets = moe_kernel.buffer "sets" size(#w) : memref<?x4xi32>
    %po = moe_kernel.buffer "po" : memref<5xi32>
    %mp = moe_kernel.buffer "mp" size(#tp) : memref<?x4xi32>
    // CHECK-LABEL: // moe_route_0:
    // CHECK: using Route = moe::RouteConfig<4, 2, moe::SoftmaxOver::kAll, 128, 2>;
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C" __global__ void __launch_bounds__(128)
    // CHECK-NEXT: moe_route_0(const float *logits, float *weights, int *experts, int tokens) {
    // CHECK-NEXT:   moe::route<Route>(logits, weights, experts, tokens);
    // CHECK-NEXT: }
    moe_kernel.route ins(%logits : memref<?x4xf32>) outs(%w, %ids : memref<?x2xf32>, memref<?x2xi32>) softmax(all)
      schedule<threads = 128>
    // Blocks of 32 tokens where these have few lanes each.
    // CHECK-LABEL: // moe_route_1:
    // CHECK: #include "moe/kernels/sort_sets.cuh"
    // CHECK: using Route = moe::RouteConfig<4, 2, moe::SoftmaxOver::kSelected, 64, 2>;
    // CHECK: moe_route_1(const float *logits, float *weights, int *experts, moe::u32 *sets, int tokens) {
    // CHECK-NEXT:   moe::route_sets<Route>(logits, weights, experts, sets, tokens);
    moe_kernel.route ins(%logits : memref<?x4xf32>) outs(%w, %ids : memref<?x2xf32>, memref<?x2xi32>)
      sets(%sets : memref<?x4xi32>) softmax(selected) schedule<threads = 64>
    // CHECK-LABEL: // moe_sort_routes_0:
    // CHECK: #include "moe/kernels/sort_sets.cuh"
    // CHECK: using Sort = moe::SortConfig<4, 256, false, false, moe::TileShape{192, 16, 4}>;
    // CHECK-NEXT: static_assert(moe::sort_sets_shared_bytes(Sort::kExperts, Sort::kArrays) == {{[0-9]+}}, "shared memory of the launch");
    // CHECK: moe_sort_routes_0(const int *experts, const moe::u32 *sets, int *offsets, int *routes,
    // CHECK:   moe::sort_sets<Sort, 2>(experts, sets, offsets, routes, positions, {{[{][{]}}map0}, {tickets0}}, tokens);
    moe_kernel.sort_routes ins(%ids : memref<?x2xi32>) sets(%sets : memref<?x4xi32>)
      outs(%o, %routes, %positions : memref<5xi32>, memref<?xi32>, memref<?xi32>)
      tiles(%m192 : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 192, unit = 16, band = 4>]
      tickets(%tickets : memref<1xi32>) schedule<threads = 256> dependent
    // CHECK-LABEL: // moe_count_routes_0:
    // CHECK: using Sort = moe::SortConfig<4, 256, true, false>;
    // CHECK: moe_count_routes_0(const int *experts, int *block_counts, int tokens) {
    // CHECK-NEXT:   moe::count_routes<Sort>(experts, block_counts, tokens * 2);
    moe_kernel.count_routes ins(%ids : memref<?x2xi32>) outs(%counts : memref<16x4xi32>) schedule<threads = 256> dependent
    // CHECK-LABEL: // moe_sort_routes_1:
    // CHECK: using Sort = moe::SortConfig<4, 256, true, false, moe::TileShape{192, 16, 4, 1, true}>;
    // CHECK-NEXT: static_assert(Sort::kSharedBytes == {{[0-9]+}}, "shared memory of the launch");
    // CHECK: moe_sort_routes_1(const int *experts, const int *block_counts, int *offsets, int *routes,
    // CHECK-NEXT:     int *positions, int4 *map0, moe::u32 *tickets0, int tokens) {
    // CHECK-NEXT:   moe::sort_routes<Sort>(experts, block_counts, offsets, routes, positions, {{[{][{]}}map0}, {tickets0}}, tokens * 2);
    moe_kernel.sort_routes ins(%ids : memref<?x2xi32>) counts(%counts : memref<16x4xi32>)
      outs(%o, %routes, %positions : memref<5xi32>, memref<?xi32>, memref<?xi32>)
      tiles(%m192 : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 192, unit = 16, band = 4, both_ends = true>]
      tickets(%tickets : memref<1xi32>) schedule<threads = 256> dependent
    // CHECK-LABEL: // moe_sort_routes_2:
    // CHECK: using Sort = moe::SortConfig<4, 256, false, false>;
    // CHECK: moe::sort_routes<Sort>(experts, nullptr, offsets, routes, positions, {{[{][{]}}}}, tokens * 2);
    moe_kernel.sort_routes ins(%ids : memref<?x2xi32>)
      outs(%o, %routes, %positions : memref<5xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = []
      schedule<threads = 256>
    // CHECK-LABEL: // moe_pad_offsets_0:
    // CHECK: moe_pad_offsets_0(const int *offsets, int *padded_offsets) {
    // CHECK-NEXT:   moe::pad_offsets<4, 8, 128>(offsets, padded_offsets);
    moe_kernel.pad_offsets ins(%o : memref<5xi32>) outs(%po : memref<5xi32>) multiple(8) schedule<threads = 128>
    // CHECK-LABEL: // moe_tile_maps_0:
    // CHECK: using Maps = moe::TileMapConfig<4, 256, false, moe::TileShape{64, 0, 8}>;
    // CHECK: moe_tile_maps_0(const int *offsets, int4 *map0, int tokens) {
    // CHECK-NEXT:   moe::tile_maps<Maps>(offsets, {{[{][{]}}map0}}, int(min(((moe::i64(tokens) * 2ll) + 28ll), (moe::i64(tokens) * 16ll))));
    moe_kernel.tile_maps ins(%po : memref<5xi32>) tiles(%mp : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>] rows(#p)
      schedule<threads = 256>
    // CHECK-LABEL: // moe_fill_0:
    // CHECK: moe_fill_0(moe::u32 *buffer, int tokens) {
    // CHECK-NEXT:   moe::fill_words<256, 4>(buffer, 4294967295u, moe::i64(tokens * 2) * 1);
    moe_kernel.fill outs(%positions : memref<?xi32>) bits(-1) schedule<threads = 256, per_thread = 4>
    // CHECK-LABEL: // moe_invert_routes_0:
    // CHECK: moe_invert_routes_0(const int *routes, int *positions, int tokens) {
    // CHECK-NEXT:   moe::invert_routes<256>(routes, positions, tokens * 2);
    moe_kernel.invert_routes ins(%routes : memref<?xi32>) outs(%positions : memref<?xi32>) schedule<threads = 256>
    return
  }
}
