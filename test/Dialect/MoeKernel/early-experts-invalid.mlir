// Logits of a matmul that chooses experts by itself (C12).
// RUN: moe-opt %s --verify-diagnostics --split-input-file

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_form(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  // expected-error @+1 {{expects logits with the mma form, gathered rows and dependent only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_gathered(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits with the mma form, gathered rows and dependent only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_dependent(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits with the mma form, gathered rows and dependent only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_logits(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}, %m: memref<?x8xf32>) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits behind their route_sort, which makes the tiles and the routes}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%m : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_before(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  moe_kernel.fill outs(%y : memref<?x64xbf16>) bits(0) schedule<threads = 256>
  // expected-error @+1 {{expects logits behind their route_sort, which makes the tiles and the routes}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_top_k(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits with the route_sort's top_k of 2, but got 4}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(4)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_tokens(%l: memref<?x8xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<9xi32>,
    %x: memref<?x256xbf16>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(2) schedule<threads = 256>
  // expected-error @+1 {{expects logits behind a route_sort of max_tokens(1), but got 2}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x8xf32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 1032, d0 * 2 + (d0 * 2) floordiv 16)>

func.func @c12_experts(%l: memref<?x1032xf32>, %rw: memref<?x2xf32>, %ids: memref<?x2xi32>, %o: memref<1033xi32>,
    %x: memref<?x256xbf16>, %w: memref<1032x64x256xbf16>, %y: memref<?x64xbf16> {moe_kernel.size = #r}) {
  %r = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
  %p = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
  %t = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
  moe_kernel.route_sort ins(%l : memref<?x1032xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<1033xi32>, memref<?xi32>, memref<?xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(all) max_tokens(1) schedule<threads = 256>
  // expected-error @+1 {{expects logits that stay in registers, up to 32 a lane, but got 1032}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) logits(%l : memref<?x1032xf32>)
    weights(%w : memref<1032x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
  return
}
