// Conditions of which another part holds in the other tests, and upper limits.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects stages in [2, 16], but got 17}}
func.func private @stages() attributes {s = #moe_kernel.schedule<mma, block_m = 16, block_n = 32, block_k = 32, stages = 17>}

// -----

// expected-error @+1 {{expects min_blocks in [1, 32], but got 33}}
func.func private @min_blocks() attributes {s = #moe_kernel.schedule<mma, block_m = 16, block_n = 32, block_k = 32, stages = 3, min_blocks = 33>}

// -----

// expected-error @+1 {{expects rows in [1, 8191], but got 8192}}
func.func private @rows() attributes {s = #moe_kernel.tile_shape<rows = 8192>}

// -----

func.func @c4_odd_columns(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x97x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects layout with one weight of an even number of columns and an epilogue}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x97x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows) layout<halves, gate_first>
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @c6_two_outputs(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %y: memref<?x256xbf16>, %z: memref<?x256xbf16>) {
  // expected-error @+1 {{expects at most 128 accumulators a thread with a gated bias, two outputs, f32 results or an epilogue of more than 8 operations, but the tile needs 192}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w, %w : memref<8x256x256xbf16>, memref<8x256x256xbf16>) outs(%y, %z : memref<?x256xbf16>, memref<?x256xbf16>) store(rows)
    schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 4>
  return
}

// -----

func.func @c10_rows(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x128x256xbf16>, %y: memref<?x128xbf16>,
    %v: memref<8x128x128xbf16>, %o: memref<?x128xbf16>, %z: memref<?x128xbf16>) {
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<5xi32>)
    weights(%w : memref<8x128x256xbf16>) outs(%y : memref<?x128xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  // expected-error @+1 {{expects awaits with the progress and the tiles of the kernel before, which makes the rows}}
  moe_kernel.grouped_matmul ins(%o : memref<?x128xbf16>) tiles(%t : memref<?x4xi32>) awaits(%p, %t : memref<5xi32>, memref<?x4xi32>)
    weights(%v : memref<8x128x128xbf16>) outs(%z : memref<?x128xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3> dependent
  return
}

// -----

func.func @c10_other_tiles(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %s: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x128x256xbf16>,
    %y: memref<?x128xbf16>, %v: memref<8x128x128xbf16>, %z: memref<?x128xbf16>) {
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<5xi32>)
    weights(%w : memref<8x128x256xbf16>) outs(%y : memref<?x128xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  // expected-error @+1 {{expects awaits with the progress and the tiles of the kernel before, which makes the rows}}
  moe_kernel.grouped_matmul ins(%y : memref<?x128xbf16>) tiles(%t : memref<?x4xi32>) awaits(%p, %s : memref<5xi32>, memref<?x4xi32>)
    weights(%v : memref<8x128x128xbf16>) outs(%z : memref<?x128xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_other_routes(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %other = moe_kernel.buffer "other" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits behind their route_sort, which makes the tiles and the routes}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%other : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_other_tiles(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  %other = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits behind their route_sort, which makes the tiles and the routes}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%other : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}
