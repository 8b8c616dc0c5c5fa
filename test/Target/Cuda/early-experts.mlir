// A first matmul in the mma form that chooses the experts of its only token from its logits before
// it waits: a member of its policy, and an argument.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

#r = affine_map<(d0) -> (d0 * 2)>
#v = affine_map<(d0) -> ((d0 * 2) floordiv 16 + 8, d0 * 2 + (d0 * 2) floordiv 16)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @m_t0(%logits: memref<?x8xf32> {moe.name = "logits"}, %x: memref<?x256xbf16> {moe.name = "x"},
      %w: memref<8x144x256xbf16> {moe.name = "w"}, %y: memref<?x144xbf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = #r})
      attributes {moe_kernel.block = "m", moe_kernel.tokens = #moe_kernel.tokens<0, 1>} {
    %rw = moe_kernel.buffer "weights" size(affine_map<(d0) -> (d0)>) : memref<?x2xf32>
    %ids = moe_kernel.buffer "experts" size(affine_map<(d0) -> (d0)>) : memref<?x2xi32>
    %offsets = moe_kernel.buffer "offsets" : memref<9xi32>
    %routes = moe_kernel.buffer "routes" size(#r) : memref<?xi32>
    %positions = moe_kernel.buffer "positions" size(#r) : memref<?xi32>
    %tiles = moe_kernel.buffer "tiles" size(#v) : memref<?x4xi32>
    moe_kernel.route_sort ins(%logits : memref<?x8xf32>) outs(%rw, %ids : memref<?x2xf32>, memref<?x2xi32>)
      sorted(%offsets, %routes, %positions : memref<9xi32>, memref<?xi32>, memref<?xi32>)
      tiles(%tiles : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(selected) max_tokens(1)
      schedule<threads = 256>
    // CHECK-LABEL: // moe_grouped_matmul_0: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: static constexpr int kEarlyExperts = 8;
    // CHECK-NEXT: };
    // CHECK: moe_grouped_matmul_0(
    // CHECK: const int4 *tiles, const float *logits, moe::bf16 *out)
    // CHECK: .tiles = tiles, .logits = logits,
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>) logits(%logits : memref<?x8xf32>)
      weights(%w : memref<8x144x256xbf16>) routes(%routes : memref<?xi32>) outs(%y : memref<?x144xbf16>) store(rows)
      gathered top_k(2) schedule<mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2> dependent
    return
  }
  func.func @m_t2(%logits: memref<?x8xf32> {moe.name = "logits"}, %x: memref<?x256xbf16> {moe.name = "x"},
      %w: memref<8x144x256xbf16> {moe.name = "w"}, %y: memref<?x144xbf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = #r})
      attributes {moe_kernel.block = "m", moe_kernel.tokens = #moe_kernel.tokens<2, -1>} {
    moe_kernel.fill outs(%y : memref<?x144xbf16>) bits(0) schedule<threads = 256, per_thread = 4>
    return
  }
}
