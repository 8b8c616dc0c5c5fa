// The checks of the wgmma forms: what their schedules admit, alone and with a problem.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @c6_transposed(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %b: memref<8x256xf32>, %y: memref<?x256xbf16>) {
  // expected-error @+1 {{expects block_n to be a multiple of 64 for transposed weights, but got 96}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows) transposed
    schedule<wgmma, block_m = 64, block_n = 96, block_k = 64, stages = 4>
  return
}

// -----

func.func @c6_transposed_cluster(%x: memref<?x1024xbf16>, %t: memref<?x4xi32>, %w: memref<8x1024x256xbf16>, %y: memref<?x256xbf16>) {
  // expected-error @+1 {{expects block_n to be a multiple of 128 for transposed weights, but got 192}}
  moe_kernel.grouped_matmul ins(%x : memref<?x1024xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x1024x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows) transposed
    schedule<wgmma, block_m = 64, block_n = 192, block_k = 64, stages = 4, cluster = 2>
  return
}

// -----

func.func @c6_transposed_gated(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %b: memref<8x256xf32>, %y: memref<?x128xbf16>) {
  // expected-error @+1 {{expects block_n to be a multiple of 128 for transposed weights, but got 192}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x128xbf16>) store(rows) transposed layout<halves, gate_first>
    schedule<wgmma, block_m = 64, block_n = 192, block_k = 64, stages = 4> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @c6_reduction(%x: memref<?x64xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x64xbf16>, %b: memref<8x256xf32>, %y: memref<?x256xbf16>) {
  // expected-error @+1 {{expects a reduction of at least 128 for a wgmma form, but got 64}}
  moe_kernel.grouped_matmul ins(%x : memref<?x64xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x64xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4>
  return
}

// -----

func.func @c6_gated_columns(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %b: memref<8x256xf32>, %y: memref<?x128xbf16>) {
  // expected-error @+1 {{expects block_n to be a multiple of 32 for gate and up, but got 48}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x128xbf16>) store(rows) layout<halves, gate_first>
    schedule<wgmma, block_m = 64, block_n = 48, block_k = 64, stages = 4> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @c6_gated_swapped(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %b: memref<8x256xf32>, %y: memref<?x128xbf16>) {
  // expected-error @+1 {{expects block_n to be a multiple of 128 for swapped gate and up, but got 64}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x128xbf16>) store(rows) layout<halves, gate_first>
    schedule<wgmma_swapped, block_m = 64, block_n = 64, block_k = 64, stages = 4> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @c6_swapped_accumulators(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %r: memref<?xi32> {moe_kernel.size = affine_map<(d0) -> (d0 * 2)>}, %rw: memref<?x2xf32>, %y: memref<?x256xf32>) {
  // expected-error @+1 {{expects at most 176 accumulators a thread with f32 results, but the tile needs 192}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) routes(%r : memref<?xi32>) routing_weights(%rw : memref<?x2xf32>) outs(%y : memref<?x256xf32>)
    store(accumulate) top_k(2)
    schedule<wgmma_swapped, block_m = 192, block_n = 256, block_k = 64, stages = 3, token_step = 16, cooperative = true>
  return
}

// -----

func.func @c6_epilogue(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %y: memref<?x256xbf16>) {
  // expected-error @+1 {{expects at most 128 accumulators a thread with a gated bias, two outputs, f32 results or an epilogue of more than 8 operations, but the tile needs 160}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
    schedule<wgmma, block_m = 128, block_n = 160, block_k = 64, stages = 4> epilogue {
  ^bb0(%v: f32):
    %erf = math.erf %v : f32
    %z = arith.mulf %erf, %v : f32
    moe_kernel.yield %z : f32
  }
  return
}

// -----

func.func @c6_epilogue_columns(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %y: memref<?x256xbf16>) {
  // expected-error @+1 {{expects block_n of at most 192 with an epilogue of more than 8 operations, but got 256}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 256, block_k = 64, stages = 4> epilogue {
  ^bb0(%v: f32):
    %erf = math.erf %v : f32
    %z = arith.mulf %erf, %v : f32
    moe_kernel.yield %z : f32
  }
  return
}

// -----

func.func @c6_accumulators(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %b: memref<8x256xf32>, %y: memref<?x128xbf16>) {
  // expected-error @+1 {{expects at most 128 accumulators a thread with a gated bias, two outputs, f32 results or an epilogue of more than 8 operations, but the tile needs 192}}
  moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x256xbf16>) bias(%b : memref<8x256xf32>) outs(%y : memref<?x128xbf16>) store(rows)
    layout<halves, gate_first> schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 4> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @c6_arch(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %y: memref<?x256xbf16>) {
    // expected-error @+1 {{expects sm_90a for a wgmma form, but the target is sm_90}}
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
      weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
      schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4>
    return
  }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @c6_shared(%x: memref<?x256xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x256xbf16>, %y: memref<?x256xbf16>) {
    // expected-error @+1 {{expects at most 232448 bytes of shared memory a block on sm_90a, but needs 246976}}
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%t : memref<?x4xi32>)
      weights(%w : memref<8x256x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
      schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 6>
    return
  }
}

// -----

func.func @c6_cluster(%x: memref<?x384xbf16>, %t: memref<?x4xi32>, %w: memref<8x256x384xbf16>, %y: memref<?x256xbf16>) {
  // expected-error @+1 {{expects a reduction of more than stages + 3 = 7 steps for a cluster, but got 6}}
  moe_kernel.grouped_matmul ins(%x : memref<?x384xbf16>) tiles(%t : memref<?x4xi32>)
    weights(%w : memref<8x256x384xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
    schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4, cluster = 2>
  return
}

// -----

// expected-error @+1 {{expects a cluster of 1 or 2, but got 4}}
func.func private @cluster() attributes {s = #moe_kernel.schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4, cluster = 4>}

// -----

// expected-error @+1 {{expects cooperative, dynamic, cluster and weights = evict_last with a wgmma form only}}
func.func private @mma_cluster() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 2, warps_n = 4, cluster = 2>}

// -----

// expected-error @+1 {{expects block_k of 64 for a wgmma form, but got 128}}
func.func private @block_k() attributes {s = #moe_kernel.schedule<wgmma, block_m = 64, block_n = 128, block_k = 128, stages = 4>}

// -----

// expected-error @+1 {{expects block_m to be a multiple of 64 up to 256, but got 32}}
func.func private @block_m() attributes {s = #moe_kernel.schedule<wgmma, block_m = 32, block_n = 128, block_k = 64, stages = 4>}

// -----

// expected-error @+1 {{expects block_n to be a multiple of 16 up to 256, but got 264}}
func.func private @block_n() attributes {s = #moe_kernel.schedule<wgmma, block_m = 64, block_n = 264, block_k = 64, stages = 4>}

// -----

// expected-error @+1 {{expects token_step to be a multiple of 16, but got 24}}
func.func private @token_step() attributes {s = #moe_kernel.schedule<wgmma_swapped, block_m = 48, block_n = 128, block_k = 64, stages = 4, token_step = 24>}

// -----

// expected-error @+1 {{expects block_m to be a multiple of token_step = 32, but got 48}}
func.func private @swapped_m() attributes {s = #moe_kernel.schedule<wgmma_swapped, block_m = 48, block_n = 128, block_k = 64, stages = 4, token_step = 32>}

// -----

// expected-error @+1 {{expects block_n to be a multiple of 128 up to 256, but got 192}}
func.func private @swapped_n() attributes {s = #moe_kernel.schedule<wgmma_swapped, block_m = 64, block_n = 192, block_k = 64, stages = 4, cooperative = true>}

// -----

// expected-error @+1 {{expects early_release with the mma form only}}
func.func private @release() attributes {s = #moe_kernel.schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4, early_release = true>}

// -----

// expected-error @+1 {{expects cooperative, dynamic, cluster and weights = evict_last with a wgmma form only}}
func.func private @mma_weights() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 2, warps_n = 4, weights = evict_last>}

// -----

// expected-error @+1 {{expects at most 192 accumulators a thread, but the tile needs 256}}
func.func private @accumulators() attributes {s = #moe_kernel.schedule<wgmma, block_m = 128, block_n = 256, block_k = 64, stages = 4>}

// -----

// expected-error @+1 {{expects no warps_m, warps_n and min_blocks for a wgmma form, but got 2, 1 and 1}}
func.func private @warps() attributes {s = #moe_kernel.schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4, warps_m = 2>}
