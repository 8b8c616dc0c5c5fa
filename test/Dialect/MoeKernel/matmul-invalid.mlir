// Every check of grouped_matmul and of its schedule but for what ties it to other kernels
// (matmul-order-invalid.mlir). Each case spells out what differs from
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
  // expected-error @+1 {{expects columns and reduction to be positive multiples of 8, but got 44 and 64}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x44x64xbf16>) outs(%y : memref<?x44xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c2_reduction(%x: memref<?x0xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x0xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects columns and reduction to be positive multiples of 8, but got 48 and 0}}
  moe_kernel.grouped_matmul ins(%x : memref<?x0xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x0xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
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

func.func @c4_no_outs(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>) {
  // expected-error @+1 {{expects 1 out, but got 0}}
  "moe_kernel.grouped_matmul"(%x, %w, %t) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0>,
    schedule = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>,
    store = #moe_kernel<store(rows)>}> ({}) : (memref<?x64xbf16>, memref<8x48x64xbf16>, memref<?x4xi32>) -> ()
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

func.func @c4_epilogue_blocks(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects a region of one block, but got 2}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2> epilogue {
  ^bb0(%v: f32):
    moe_kernel.yield %v : f32
  ^bb1(%u: f32):
    moe_kernel.yield %u : f32
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

func.func @c5_rows(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<4x48xbf16>) {
  // expected-error @+1 {{expects the leading extent of an out to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (4)>}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<4x48xbf16>) store(rows)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @c5_routes(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<?xi32> {moe_kernel.size = #r},
    %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects the leading extent of an out to be affine_map<(d0) -> (d0 * 2)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) routes(%r : memref<?xi32>) outs(%y : memref<?x48xbf16>) store(rows) gathered top_k(2)
    schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>
  return
}

// -----

func.func @c5_sums(%x: memref<16x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %r: memref<16xi32>, %v: memref<8x2xf32>,
    %y: memref<4x48xf32>) {
  // expected-error @+1 {{expects the leading extent of routes to be affine_map<(d0) -> (8)>, but got affine_map<(d0) -> (16)>}}
  moe_kernel.grouped_matmul ins(%x : memref<16x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) routes(%r : memref<16xi32>) routing_weights(%v : memref<8x2xf32>)
    outs(%y : memref<4x48xf32>) store(accumulate) top_k(2)
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

func.func @c6_shared_anywhere(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x48x64xbf16>, %y: memref<?x48xbf16>) {
  // expected-error @+1 {{expects at most 232448 bytes of shared memory a block on any known GPU, but needs 262144}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x48x64xbf16>) outs(%y : memref<?x48xbf16>) store(rows)
    schedule<mma, block_m = 128, block_n = 128, block_k = 64, stages = 8, warps_m = 2, warps_n = 2>
  return
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
