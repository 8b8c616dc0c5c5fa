// A matmul in a wgmma form that asks for weights towards L2 before it waits: it knows the number of
// experts when it is compiled, and that of all their rows when it is launched.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

#v = affine_map<(d0) -> ((d0 * 2) floordiv 128 + 4, d0 * 2 + (d0 * 2) floordiv 128)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @m_t0(%x: memref<?x256xbf16> {moe.name = "x"}, %w: memref<4x144x256xbf16> {moe.name = "w"},
      %offsets: memref<5xi32> {moe.name = "offsets"},
      %routes: memref<?xi32> {moe.name = "routes", moe_kernel.size = affine_map<(d0) -> (d0 * 2)>},
      %y: memref<?x144xbf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = affine_map<(d0) -> (d0 * 2)>})
      attributes {moe_kernel.block = "m", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    %tiles = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
    moe_kernel.tile_maps ins(%offsets : memref<5xi32>) tiles(%tiles : memref<?x4xi32>)
      tile_shapes = [#moe_kernel.tile_shape<rows = 128, unit = 64>] rows(affine_map<(d0) -> (d0 * 2)>) schedule<threads = 256>
    // CHECK-LABEL: // moe_grouped_matmul_0: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: static constexpr int kEarlyExperts = 4;
    // CHECK-NEXT: };
    // CHECK: moe_grouped_matmul_0({{.*}}
    // CHECK: int tokens) {
    // CHECK: .early_rows = tokens * 2,
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x144x256xbf16>) routes(%routes : memref<?xi32>) outs(%y : memref<?x144xbf16>) store(rows) gathered top_k(2)
      schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 4> dependent early_weights
    return
  }
}
