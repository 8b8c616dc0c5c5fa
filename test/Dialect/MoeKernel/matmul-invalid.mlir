// Every check of grouped_matmul and of its schedule. Each case spells out what differs from
//   x [T,64] by w [8,48,64] into y [T,48]
// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @c1_no_weights(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects one or two weights, but got 3}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w, %w, %w : memref<8x48x64xbf16>, memref<8x48x64xbf16>, memref<8x48x64xbf16>)
    outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_dynamic(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<?x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects weights of static shape, but got 'memref<?x48x64xbf16>'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<?x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_types(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %v: memref<8x32x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects weights of one type, but got 'memref<8x48x64xbf16>' and 'memref<8x32x64xbf16>'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w, %v : memref<8x48x64xbf16>, memref<8x32x64xbf16>)
    outs(%y, %y : memref<?x48xbf16>, memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_elements(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects rows and weights of one element type, but got 'bf16' and 'f16'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_reduction(%x: memref<?x48xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects rows to have 64 columns, but got 48}}
  moe_kernel.grouped_matmul ins(%x : memref<?x48xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_bias_count(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %b: memref<8x48xf32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects a bias for each weight or none, but got 2 for 1}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) bias(%b, %b : memref<8x48xf32>, memref<8x48xf32>)
    outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_bias_shape(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %b: memref<8x64xf32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects a bias of 8 x 48, but got 'memref<8x64xf32>'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) bias(%b : memref<8x64xf32>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c1_bias_types(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %b: memref<8x48xf32>, %c: memref<8x48xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects biases of one type, but got 'memref<8x48xf32>' and 'memref<8x48xbf16>'}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w, %w : memref<8x48x64xbf16>, memref<8x48x64xbf16>) bias(%b, %c : memref<8x48xf32>, memref<8x48xbf16>)
    outs(%y, %y : memref<?x48xbf16>, memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c2_columns(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x44x64xbf16>, %y: memref<?x44xbf16>) {
  // expected-error @+1 {{expects columns and reduction to be multiples of 8, but got 44 and 64}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x44x64xbf16>) outs(%y : memref<?x44xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c3_top_k(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects top_k exactly with gathered or store(accumulate), but got it without them}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows) top_k(2)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c3_top_k_missing(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<?xi32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects top_k exactly with gathered or store(accumulate), but got none with them}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x48xbf16>) store(rows) gathered
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c3_top_k_range(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<?xi32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects top_k of at least 1, but got 0}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x48xbf16>) store(rows) gathered top_k(0)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c3_routes(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects routes exactly with gathered or a weighted store, but got none with either}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c3_routes_unused(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<?xi32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects routes exactly with gathered or a weighted store, but got them without either}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c3_weights(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<?xi32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects routing_weights exactly with a weighted store, but got none with store(weighted_rows)}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x48xbf16>) store(weighted_rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c4_layout(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x24xbf16>) {
  // expected-error @+1 {{expects layout with one weight of an even number of columns and an epilogue}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x24xbf16>) store(rows) layout<halves, gate_first>
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c4_outs(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects 2 outs, but got 1}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w, %w : memref<8x48x64xbf16>, memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c4_two_weighted(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<?xi32>, %v: memref<?x2xf32>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects store(rows) with two outs, but got store(weighted_rows)}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w, %w : memref<8x48x64xbf16>, memref<8x48x64xbf16>) routes(%r : memref<?xi32>)
    routing_weights(%v : memref<?x2xf32>) outs(%y, %y : memref<?x48xbf16>, memref<?x48xbf16>) store(weighted_rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c4_epilogue(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects a region of 1 f32 argument, but got 2}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @c5_columns(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects an out to have 48 columns, but got 64}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x64xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c5_elements(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xf32>) {
  // expected-error @+1 {{expects an out of f32 exactly with store(accumulate), but got 'f32' with store(rows)}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xf32>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @tiles(%x: memref<?x64xbf16>, %t: memref<?x3xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects tiles to have 4 columns, but got 3}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x3xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c6_transposed_width(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x48xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects block_n to be 32 or a multiple of 64 for transposed weights, but got 96}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x48xbf16>) outs(%y : memref<?x48xbf16>) store(rows) transposed
    schedule<mma, block_m = 64, block_n = 96, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c6_transposed_threads(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x64x48xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects the threads to be a multiple of block_n / 8 = 24 for transposed weights, but got 128}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x48xbf16>) outs(%y : memref<?x48xbf16>) store(rows) transposed
    schedule<mma, block_m = 64, block_n = 192, block_k = 64, stages = 3, warps_m = 1, warps_n = 4>
  return
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_86", shared_bytes = 101376, registers = 65536, multiprocessors = 84>} {
  func.func @c6_shared(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
    // expected-error @+1 {{expects at most 101376 bytes of shared memory a block on sm_86, but needs 131072}}
    moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
      weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
      schedule<mma, block_m = 128, block_n = 128, block_k = 64, stages = 4, warps_m = 2, warps_n = 2>
    return
  }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @c6_min_blocks_shared(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
    // expected-error @+1 {{expects min_blocks = 2 blocks to fit the 233472 bytes of shared memory of a multiprocessor on sm_90a, but they need 264192}}
    moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
      weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
      schedule<mma, block_m = 128, block_n = 128, block_k = 64, stages = 4, warps_m = 2, warps_n = 2, min_blocks = 2>
    return
  }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @c6_registers(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
    // expected-error @+1 {{expects at most 168 registers a thread with min_blocks = 3 and 128 threads, but accumulators and fragments need 216}}
    moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
      weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
      schedule<mma, block_m = 128, block_n = 128, block_k = 32, stages = 3, warps_m = 2, warps_n = 2, min_blocks = 3>
    return
  }
}

// -----

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

// -----

func.func @c6_gathered_start(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %r: memref<?xi32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_start = false with contiguous rows only, but they are gathered}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x64xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, early_start = false>
  return
}

// -----

func.func @c6_weighted_release(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %r: memref<?xi32>, %s: memref<?x2xf32>, %w: memref<8x64x256xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_release without routing weights, where a matmul follows}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x64x256xbf16>) routes(%r : memref<?xi32>) routing_weights(%s : memref<?x2xf32>)
    outs(%y : memref<?x64xbf16>) store(weighted_rows)
    schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, early_release = true>
  return
}
