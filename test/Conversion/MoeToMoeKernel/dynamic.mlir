// Schedules that draw their tiles: counters, and maps cut as the forms multiply.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: wgmma_swapped, block_m = 192, block_n = 256, block_k = 64, stages = 4, token_step = 16, cooperative = true, dynamic = true, raster_group = 4; 1: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4, dynamic = true'" | FileCheck %s

// Two matmuls that draw their tiles: a counter each, cleared by the sort; even tiles where tokens
// are wgmma's N, in multiples of 64 where they are its M.
// CHECK: %[[FIRST:.*]] = moe_kernel.buffer "tickets" : memref<1xi32>
// CHECK: %[[SECOND:.*]] = moe_kernel.buffer "tickets_1" : memref<1xi32>
// CHECK: moe_kernel.sort_routes {{.*}} tiles(%[[A:.*]], %[[B:.*]] : memref<?x4xi32>, memref<?x4xi32>)
// CHECK-SAME: tile_shapes = [#moe_kernel.tile_shape<rows = 192, unit = 16, band = 4>, #moe_kernel.tile_shape<rows = 128, unit = 64>]
// CHECK-SAME: tickets(%[[FIRST]], %[[SECOND]] : memref<1xi32>, memref<1xi32>)
// CHECK: moe_kernel.grouped_matmul {{.*}} tiles(%[[A]] : memref<?x4xi32>) tickets(%[[FIRST]] : memref<1xi32>)
// CHECK: moe_kernel.grouped_matmul {{.*}} tiles(%[[B]] : memref<?x4xi32>) tickets(%[[SECOND]] : memref<1xi32>)
func.func @block(%x: tensor<?x256xbf16>, %logits: tensor<?x8xf32>, %w: tensor<8x128x256xbf16>, %d: tensor<8x256x128xbf16>)
    -> tensor<?x256xbf16> {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x128x256xbf16>, tensor<?xi32>) -> tensor<?x128xbf16>
  %y = moe.grouped_matmul %h, %offsets, %d combine(%rw, %routes)
    : (tensor<?x128xbf16>, tensor<9xi32>, tensor<8x256x128xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
  return %y : tensor<?x256xbf16>
}
