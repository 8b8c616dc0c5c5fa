// Every check of what ties a grouped_matmul to other kernels: those that make its tiles, clear its
// counters, or run before it (C7 to C11; C12 is in early-experts-invalid.mlir).
// RUN: moe-opt %s --split-input-file --verify-diagnostics

#tiles = affine_map<(d0) -> (d0 floordiv 32 + 8, d0 floordiv 32 + d0)>
func.func @c7_height(%x: memref<?x64xbf16>, %o: memref<9xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  %t = moe_kernel.buffer "t" size(#tiles) : memref<?x4xi32>
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 32>]
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  // expected-error @+1 {{expects tiles of #moe_kernel.tile_shape<rows = 64>, but they are made for #moe_kernel.tile_shape<rows = 32>}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

#tiles = affine_map<(d0) -> (d0 floordiv 64 + 8, d0 floordiv 64 + d0)>
func.func @c7_experts(%x: memref<?x64xbf16>, %o: memref<9xi32>, %w: memref<4x48x64xbf16>, %y: memref<?x48xbf16>) {
  %t = moe_kernel.buffer "t" size(#tiles) : memref<?x4xi32>
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>]
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  // expected-error @+1 {{expects tiles of the weights' 4 experts, but they are made for 8}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<4x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

#tiles = affine_map<(d0) -> (d0 floordiv 64 + 8, d0 floordiv 64 + d0)>
func.func @c7_unit(%x: memref<?x256xbf16>, %o: memref<9xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  %t = moe_kernel.buffer "t" size(#tiles) : memref<?x4xi32>
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>]
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  // expected-error @+1 {{expects tiles of #moe_kernel.tile_shape<rows = 64, unit = 16>, but they are made for #moe_kernel.tile_shape<rows = 64>}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma_swapped, block_m = 64, block_n = 64, block_k = 64, stages = 3, token_step = 16>
  return
}

// -----

#tiles = affine_map<(d0) -> (d0 floordiv 64 + 8, d0 floordiv 64 + d0)>
func.func @c7_ends(%x: memref<?x256xbf16>, %o: memref<9xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  %t = moe_kernel.buffer "t" size(#tiles) : memref<?x4xi32>
  %c = moe_kernel.buffer "c" : memref<1xi32>
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64, unit = 64>]
    tickets(%c : memref<1xi32>) rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  // expected-error @+1 {{expects tiles of #moe_kernel.tile_shape<rows = 64, unit = 64, both_ends = true>, but they are made for #moe_kernel.tile_shape<rows = 64, unit = 64>}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) tickets(%c : memref<1xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, dynamic = true, both_ends = true>
  return
}

// -----

func.func @c8_none(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects tickets exactly with a dynamic schedule, but got none with one}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, dynamic = true>
  return
}

// -----

func.func @c8_many(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %c: memref<2xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects tickets of one counter, but got 'memref<2xi32>'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) tickets(%c : memref<2xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, dynamic = true>
  return
}

// -----

func.func @c8_shared(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %c: memref<1xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects tickets that no other matmul draws from}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) tickets(%c : memref<1xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, dynamic = true>
  // expected-error @+1 {{expects tickets that no other matmul draws from}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) tickets(%c : memref<1xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, dynamic = true>
  return
}

// -----

#tiles = affine_map<(d0) -> (d0 floordiv 64 + 8, d0 floordiv 64 + d0)>
func.func @c8_cleared(%x: memref<?x256xbf16>, %o: memref<9xi32>, %c: memref<1xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  %t = moe_kernel.buffer "t" size(#tiles) : memref<?x4xi32>
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 64, unit = 64>] rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  // expected-error @+1 {{expects the kernel that makes the tiles to clear the tickets}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) tickets(%c : memref<1xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, dynamic = true>
  return
}

// -----

func.func @c9_form(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects progress with a wgmma form and one out only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<5xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  return
}

// -----

func.func @c9_many(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<8xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects progress of 5 words, but got 'memref<8xi32>'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<8xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  return
}

// -----

func.func @c9_shared(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects progress that no other matmul reports}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<5xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  // expected-error @+1 {{expects progress that no other matmul reports}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<5xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  return
}

// -----

#tiles = affine_map<(d0) -> (d0 floordiv 64 + 8, d0 floordiv 64 + d0)>
func.func @c9_cleared(%x: memref<?x256xbf16>, %o: memref<9xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  %t = moe_kernel.buffer "t" size(#tiles) : memref<?x4xi32>
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 64, unit = 64>] rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  // expected-error @+1 {{expects the kernel that makes the tiles to clear the progress}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) progress(%p : memref<5xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  return
}

// -----

func.func @c10_tiles(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects awaited progress and tiles together}}
  "moe_kernel.grouped_matmul"(%x, %w, %t, %p, %y) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1>,
    schedule = #moe_kernel.schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>, store = #moe_kernel<store(rows)>, dependent}> ({})
    : (memref<?x256xbf16>, memref<8x64x256xbf16>, memref<?x4xi32>, memref<5xi32>, memref<?x64xbf16>) -> ()
  return
}

// -----

func.func @c10_early(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects awaits with a wgmma form, early_start, contiguous rows and dependent only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) awaits(%p, %t : memref<5xi32>, memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3, early_start = false> dependent
  return
}

// -----

func.func @c10_dependent(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects awaits with a wgmma form, early_start, contiguous rows and dependent only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>) awaits(%p, %t : memref<5xi32>, memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  return
}

// -----

func.func @c10_before(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %p: memref<5xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>,
    %v: memref<8x128x64xbf16>, %z: memref<?x128xbf16>) {
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3>
  // expected-error @+1 {{expects awaits with the progress and the tiles of the kernel before, which makes the rows}}
  moe_kernel.grouped_matmul ins(%y : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>) awaits(%p, %t : memref<5xi32>, memref<?x4xi32>)
    weights(%v : memref<8x128x64xbf16>) outs(%z : memref<?x128xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3> dependent
  return
}

// -----

func.func @c11_contiguous(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_weights of a wgmma form with gathered rows only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 3> dependent early_weights
  return
}

// -----

func.func @c11_gathered(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %r: memref<?xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_weights of the mma form with early_start and contiguous rows only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent early_weights
  return
}

// -----

func.func @c11_start(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_weights of the mma form with early_start and contiguous rows only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, early_start = false> dependent early_weights
  return
}

// -----

func.func @c11_dependent(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_weights with dependent only}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> early_weights
  return
}

// -----

func.func @c11_before(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  moe_kernel.fill outs(%y : memref<?x64xbf16>) bits(0) schedule<threads = 256>
  // expected-error @+1 {{expects early_weights behind a matmul in the mma form}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent early_weights
  return
}
