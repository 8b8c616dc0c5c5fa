// Every op prints what it parses.
// RUN: moe-opt %s --verify-roundtrip | moe-opt | FileCheck %s

#rows = affine_map<(d0) -> (d0 * 8)>
#padded = affine_map<(d0) -> (d0 * 8 + 896, d0 * 64)>
#tiles64 = affine_map<(d0) -> ((d0 * 8) floordiv 64 + 128, (d0 * 8) floordiv 64 + d0 * 8)>
#padded_tiles = affine_map<(d0) -> ((d0 * 8 + 896) floordiv 64 + 128, (d0 * 8 + 896) floordiv 64 + d0 * 8 + 896,
                                    d0 + 128, d0 + d0 * 64)>

// CHECK: module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>}
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  // CHECK-LABEL: func.func @sets
  func.func @sets(%logits: memref<?x128xf32>, %weights: memref<?x8xf32>, %experts: memref<?x8xi32>, %offsets: memref<129xi32>,
      %routes: memref<?xi32> {moe_kernel.size = #rows}, %positions: memref<?xi32> {moe_kernel.size = #rows},
      %sets: memref<?x128xi32> {moe_kernel.size = affine_map<(d0) -> (d0 ceildiv 32)>}) {
    // CHECK: moe_kernel.route ins({{.*}}) outs({{.*}}) sets(%{{.*}} : memref<?x128xi32>) softmax(selected) schedule<threads = 256>
    moe_kernel.route ins(%logits : memref<?x128xf32>) outs(%weights, %experts : memref<?x8xf32>, memref<?x8xi32>)
      sets(%sets : memref<?x128xi32>) softmax(selected) schedule<threads = 256>
    // CHECK: moe_kernel.sort_routes ins({{.*}}) sets(%{{.*}} : memref<?x128xi32>) outs({{.*}}) tile_shapes = [] schedule<threads = 512> dependent
    moe_kernel.sort_routes ins(%experts : memref<?x8xi32>) sets(%sets : memref<?x128xi32>)
      outs(%offsets, %routes, %positions : memref<129xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = []
      schedule<threads = 512> dependent
    return
  }
  // CHECK-LABEL: func.func @block_t0
  // CHECK-SAME: moe_kernel.block = "block"
  // CHECK-SAME: moe_kernel.tokens = #moe_kernel.tokens<0, 63>
  func.func @block_t0(%logits: memref<?x128xf32> {moe.name = "logits"}, %x: memref<?x2048xbf16> {moe.name = "x"},
      %w: memref<128x1536x2048xbf16> {moe.name = "w"}, %d: memref<128x2048x768xbf16> {moe.name = "d"},
      %y: memref<?x2048xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "block", moe_kernel.tokens = #moe_kernel.tokens<0, 63>} {
    %weights = moe_kernel.buffer "weights" size(affine_map<(d0) -> (d0)>) : memref<?x8xf32>
    %experts = moe_kernel.buffer "experts" size(affine_map<(d0) -> (d0)>) : memref<?x8xi32>
    // CHECK: moe_kernel.buffer "offsets" : memref<129xi32>
    %offsets = moe_kernel.buffer "offsets" : memref<129xi32>
    // CHECK: moe_kernel.buffer "routes" size(#{{.*}}) : memref<?xi32>
    %routes = moe_kernel.buffer "routes" size(#rows) : memref<?xi32>
    %positions = moe_kernel.buffer "positions" size(#rows) : memref<?xi32>
    %tiles = moe_kernel.buffer "tiles" size(#tiles64) : memref<?x4xi32>
    %h = moe_kernel.buffer "h" size(#rows) : memref<?x768xbf16>
    %out = moe_kernel.buffer "out" size(#rows) : memref<?x2048xbf16>
    // CHECK: moe_kernel.route_sort ins(%{{.*}} : memref<?x128xf32>)
    // CHECK-SAME: softmax(selected) max_tokens(64) schedule<threads = 256>
    moe_kernel.route_sort ins(%logits : memref<?x128xf32>)
      outs(%weights, %experts : memref<?x8xf32>, memref<?x8xi32>)
      sorted(%offsets, %routes, %positions : memref<129xi32>, memref<?xi32>, memref<?xi32>)
      tiles(%tiles : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>] softmax(selected) max_tokens(64)
      schedule<threads = 256>
    // CHECK: moe_kernel.grouped_matmul ins(%{{.*}} : memref<?x2048xbf16>) tiles(
    // CHECK-SAME: store(rows) gathered top_k(8) layout<halves, gate_first>
    // CHECK-SAME: schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 4, warps_m = 2, warps_n = 2, weights = evict_first>
    // CHECK-SAME: dependent epilogue {
    moe_kernel.grouped_matmul ins(%x : memref<?x2048xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<128x1536x2048xbf16>) routes(%routes : memref<?xi32>)
      outs(%h : memref<?x768xbf16>) store(rows) gathered top_k(8) layout<halves, gate_first>
      schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 4, warps_m = 2, warps_n = 2, weights = evict_first>
      dependent epilogue {
    ^bb0(%gate: f32, %up: f32):
      %v = arith.mulf %gate, %up : f32
      // CHECK: moe_kernel.yield %{{.*}} : f32
      moe_kernel.yield %v : f32
    }
    // CHECK: moe_kernel.grouped_matmul
    // CHECK-SAME: routing_weights(%{{.*}} : memref<?x8xf32>)
    // CHECK-SAME: store(weighted_rows) schedule<mma
    // CHECK-SAME: min_blocks = 2, weights = evict_first>
    moe_kernel.grouped_matmul ins(%h : memref<?x768xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%d : memref<128x2048x768xbf16>) routes(%routes : memref<?xi32>)
      routing_weights(%weights : memref<?x8xf32>) outs(%out : memref<?x2048xbf16>)
      store(weighted_rows)
      schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 3, warps_m = 2, warps_n = 2,
               min_blocks = 2, weights = evict_first>
    // CHECK: moe_kernel.combine ins(%{{.*}}, %{{.*}} : memref<?x2048xbf16>, memref<?xi32>) outs(
    // CHECK-SAME: top_k(8) schedule<threads = 128> dependent discards(1220)
    moe_kernel.combine ins(%out, %positions : memref<?x2048xbf16>, memref<?xi32>)
      outs(%y : memref<?x2048xbf16>) top_k(8) schedule<threads = 128> dependent discards(1220)
    return
  }

  // CHECK-LABEL: func.func @block_t64
  // CHECK-SAME: moe_kernel.nondeterministic
  func.func @block_t64(%logits: memref<?x128xf32> {moe.name = "logits"}, %x: memref<?x2048xbf16> {moe.name = "x"},
      %w: memref<128x1536x2048xbf16> {moe.name = "w"}, %d: memref<128x2048x768xbf16> {moe.name = "d"},
      %y: memref<?x2048xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "block", moe_kernel.tokens = #moe_kernel.tokens<64, -1>, moe_kernel.nondeterministic} {
    %weights = moe_kernel.buffer "weights" size(affine_map<(d0) -> (d0)>) : memref<?x8xf32>
    %experts = moe_kernel.buffer "experts" size(affine_map<(d0) -> (d0)>) : memref<?x8xi32>
    %counts = moe_kernel.buffer "counts" : memref<64x128xi32>
    %offsets = moe_kernel.buffer "offsets" : memref<129xi32>
    %poffsets = moe_kernel.buffer "poffsets" : memref<129xi32>
    %routes = moe_kernel.buffer "routes" size(#rows) : memref<?xi32>
    %positions = moe_kernel.buffer "positions" size(#rows) : memref<?xi32>
    %tiles = moe_kernel.buffer "tiles" size(#padded_tiles) : memref<?x4xi32>
    %rows = moe_kernel.buffer "rows" size(#rows) : memref<?x2048xbf16>
    %prows = moe_kernel.buffer "prows" size(#padded) : memref<?x2048xbf16>
    %gu = moe_kernel.buffer "gu" size(#padded) : memref<?x1536xbf16>
    %h = moe_kernel.buffer "h" size(#padded) : memref<?x768xbf16>
    %hu = moe_kernel.buffer "hu" size(#rows) : memref<?x768xbf16>
    %sums = moe_kernel.buffer "sums" size(affine_map<(d0) -> (d0)>) : memref<?x2048xf32>
    // CHECK: moe_kernel.route ins(%{{.*}} : memref<?x128xf32>) outs(%{{.*}} : memref<?x8xf32>, memref<?x8xi32>) softmax(all) schedule<threads = 256>
    moe_kernel.route ins(%logits : memref<?x128xf32>) outs(%weights, %experts : memref<?x8xf32>, memref<?x8xi32>)
      softmax(all) schedule<threads = 256>
    // CHECK: moe_kernel.count_routes ins(
    moe_kernel.count_routes ins(%experts : memref<?x8xi32>) outs(%counts : memref<64x128xi32>) schedule<threads = 256>
    // CHECK: moe_kernel.sort_routes ins(%{{.*}} : memref<?x8xi32>) counts(%{{.*}} : memref<64x128xi32>)
    // CHECK-SAME: tile_shapes = [] schedule<threads = 256>
    moe_kernel.sort_routes ins(%experts : memref<?x8xi32>) counts(%counts : memref<64x128xi32>)
      outs(%offsets, %routes, %positions : memref<129xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = []
      schedule<threads = 256>
    // CHECK: moe_kernel.gather ins(%{{.*}} : memref<?x2048xbf16>, memref<?xi32>) outs(%{{.*}}) top_k(8) schedule<threads = 256, per_thread = 2>
    moe_kernel.gather ins(%x, %routes : memref<?x2048xbf16>, memref<?xi32>) outs(%rows : memref<?x2048xbf16>)
      top_k(8) schedule<threads = 256, per_thread = 2>
    // CHECK: moe_kernel.pad_offsets ins(%{{.*}} : memref<129xi32>) outs(%{{.*}} : memref<129xi32>) multiple(8)
    moe_kernel.pad_offsets ins(%offsets : memref<129xi32>) outs(%poffsets : memref<129xi32>) multiple(8)
      schedule<threads = 128>
    // CHECK: moe_kernel.tile_maps ins(%{{.*}} : memref<129xi32>) tiles(%{{.*}} : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>] rows(
    moe_kernel.tile_maps ins(%poffsets : memref<129xi32>) tiles(%tiles : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>]
      rows(#padded) schedule<threads = 256>
    // CHECK: moe_kernel.pad ins(
    moe_kernel.pad ins(%rows, %offsets, %poffsets : memref<?x2048xbf16>, memref<129xi32>, memref<129xi32>)
      outs(%prows : memref<?x2048xbf16>) schedule<threads = 256>
    // CHECK: moe_kernel.grouped_matmul
    // CHECK-SAME: store(rows) schedule<mma
    moe_kernel.grouped_matmul ins(%prows : memref<?x2048xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<128x1536x2048xbf16>) outs(%gu : memref<?x1536xbf16>) store(rows)
      schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 4, warps_m = 2, warps_n = 2>
    // CHECK: moe_kernel.activation ins(%{{.*}} : memref<?x1536xbf16>) outs(%{{.*}} : memref<?x768xbf16>) layout<interleaved, up_first>
    moe_kernel.activation ins(%gu : memref<?x1536xbf16>) outs(%h : memref<?x768xbf16>) layout<interleaved, up_first>
      schedule<threads = 256> {
    ^bb0(%gate: f32, %up: f32):
      %v = arith.mulf %gate, %up : f32
      moe_kernel.yield %v : f32
    }
    // CHECK: moe_kernel.unpad ins(
    moe_kernel.unpad ins(%h, %offsets, %poffsets : memref<?x768xbf16>, memref<129xi32>, memref<129xi32>)
      outs(%hu : memref<?x768xbf16>) schedule<threads = 256>
    // CHECK: moe_kernel.fill outs(%{{.*}} : memref<?x2048xf32>) bits(0) schedule<threads = 256, per_thread = 4>
    moe_kernel.fill outs(%sums : memref<?x2048xf32>) bits(0) schedule<threads = 256, per_thread = 4>
    // CHECK: moe_kernel.grouped_matmul
    // CHECK-SAME: store(accumulate) top_k(8)
    moe_kernel.grouped_matmul ins(%hu : memref<?x768xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%d : memref<128x2048x768xbf16>) routes(%routes : memref<?xi32>)
      routing_weights(%weights : memref<?x8xf32>) outs(%sums : memref<?x2048xf32>)
      store(accumulate) top_k(8)
      schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
    // CHECK: moe_kernel.cast ins(%{{.*}} : memref<?x2048xf32>) outs(%{{.*}} : memref<?x2048xbf16>) schedule<threads = 256>
    moe_kernel.cast ins(%sums : memref<?x2048xf32>) outs(%y : memref<?x2048xbf16>) schedule<threads = 256>
    // CHECK: moe_kernel.fill outs(%{{.*}} : memref<?xi32>) bits(-1)
    moe_kernel.fill outs(%positions : memref<?xi32>) bits(-1) schedule<threads = 256>
    // CHECK: moe_kernel.invert_routes ins(%{{.*}} : memref<?xi32>) outs(%{{.*}} : memref<?xi32>) schedule<threads = 256>
    moe_kernel.invert_routes ins(%routes : memref<?xi32>) outs(%positions : memref<?xi32>) schedule<threads = 256>
    return
  }
}
