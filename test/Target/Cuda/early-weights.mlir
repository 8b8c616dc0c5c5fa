// Two matmuls in the mma form, of which the first lets the second start at once and the second asks
// for weights before it waits, and the sum of its rows: members of their policies.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

#v = affine_map<(d0) -> (d0 floordiv 16 + 4, d0 + d0 floordiv 16)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @m_t0(%x: memref<?x256xbf16> {moe.name = "x"}, %w: memref<4x144x256xbf16> {moe.name = "w"},
      %d: memref<4x256x144xbf16> {moe.name = "d"}, %offsets: memref<5xi32> {moe.name = "offsets"},
      %positions: memref<?xi32> {moe.name = "positions"}, %y: memref<?x256xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "m", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    %tiles = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
    %h = moe_kernel.buffer "h" size(affine_map<(d0) -> (d0)>) : memref<?x144xbf16>
    %z = moe_kernel.buffer "z" size(affine_map<(d0) -> (d0)>) : memref<?x256xbf16>
    moe_kernel.tile_maps ins(%offsets : memref<5xi32>) tiles(%tiles : memref<?x4xi32>)
      tile_shapes = [#moe_kernel.tile_shape<rows = 16>] rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
    // CHECK-LABEL: // moe_grouped_matmul_0: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: static constexpr bool kEarlyRelease = true;
    // CHECK-NEXT: };
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x144x256xbf16>) outs(%h : memref<?x144xbf16>) store(rows)
      schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, early_release = true> dependent
    // CHECK-LABEL: // moe_grouped_matmul_1: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: static constexpr bool kEarlyWeights = true;
    // CHECK-NEXT: };
    moe_kernel.grouped_matmul ins(%h : memref<?x144xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%d : memref<4x256x144xbf16>) outs(%z : memref<?x256xbf16>) store(rows)
      schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent early_weights
    // CHECK-LABEL: // moe_combine_0: moe_kernel.combine for sm_90a
    // CHECK: using Combine = moe::CombineConfig<moe::bf16, 256, 1, false, 128, 1, true, 0>;
    moe_kernel.combine ins(%z, %positions : memref<?x256xbf16>, memref<?xi32>) outs(%y : memref<?x256xbf16>) top_k(1)
      schedule<threads = 128> dependent early_positions
    return
  }
}
