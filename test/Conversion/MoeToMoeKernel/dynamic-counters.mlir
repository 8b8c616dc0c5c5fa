// More matmuls over the same groups than one kernel clears counters: the last takes the same
// schedule without drawing its tiles, and so from one end of a map of its own.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=16384 target=sm_90a" | FileCheck %s

// CHECK: moe_kernel.sort_routes
// CHECK-SAME: tile_shapes = [#moe_kernel.tile_shape<[[SHAPE:.*]], both_ends = true>, #moe_kernel.tile_shape<[[SHAPE]]>]
// CHECK-SAME: tickets(%{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}} : memref<1xi32>, memref<1xi32>, memref<1xi32>, memref<1xi32>)
// CHECK-COUNT-4: moe_kernel.grouped_matmul {{.*}} tickets({{.*}}, cooperative = true, dynamic = true, both_ends = true,
// CHECK: moe_kernel.grouped_matmul
// CHECK-NOT: tickets(
// CHECK-SAME: schedule<wgmma_swapped, {{.*}}, cooperative = true, weights = evict_last>
// CHECK-NOT: moe_kernel.grouped_matmul
// CHECK: return
func.func @block(%x: tensor<?x256xbf16>, %ids: tensor<?x2xi32>, %w: tensor<8x256x256xbf16>)
    -> (tensor<?x256xbf16>, tensor<?xi32>) {
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %a = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x256x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
  %b = moe.grouped_matmul %a, %offsets, %w
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x256x256xbf16>) -> tensor<?x256xbf16>
  %c = moe.grouped_matmul %b, %offsets, %w
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x256x256xbf16>) -> tensor<?x256xbf16>
  %d = moe.grouped_matmul %c, %offsets, %w
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x256x256xbf16>) -> tensor<?x256xbf16>
  %e = moe.grouped_matmul %d, %offsets, %w
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x256x256xbf16>) -> tensor<?x256xbf16>
  return %e, %routes : tensor<?x256xbf16>, tensor<?xi32>
}
