// A matmul that starts beside the one that makes its rows: progress that the sort clears, the first
// matmul reports and the second awaits.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='*: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4; 1: wgmma_swapped, block_m = 64, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefix=MAPS
// None where it is told to wait, ...
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4; 1: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4, early_start = false'" | FileCheck %s --check-prefix=NONE
// ... where one of the two is of the mma form, which knows no progress, ...
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4; 1: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefix=NONE
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4; 1: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefix=NONE
// In the mma form it asks for weights before it waits, and what sums its rows reads positions; ...
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='*: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefix=MMA
// ... not where it is told to wait, without what tells kernels of each other, ...
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4; 1: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4, early_start = false'" | FileCheck %s --check-prefix=NONE
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_80 schedule='*: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefixes=NONE,SM80
// ... and where a kernel that clears sums comes between them.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a combine=accumulate schedule='*: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefix=NONE

// CHECK: %[[OFFSETS:.*]] = moe_kernel.buffer "offsets"
// CHECK: %[[PROGRESS:.*]] = moe_kernel.buffer "progress" : memref<5xi32>
// CHECK: moe_kernel.sort_routes {{.*}} progress(%[[PROGRESS]] : memref<5xi32>)
// CHECK: moe_kernel.grouped_matmul {{.*}} tiles(%[[TILES:.*]] : memref<?x4xi32>) progress(%[[PROGRESS]] : memref<5xi32>) weights
// CHECK: moe_kernel.grouped_matmul {{.*}} awaits(%[[PROGRESS]], %[[TILES]] : memref<5xi32>, memref<?x4xi32>) {{.*}} dependent

// The tiles that are awaited are the first matmul's, whatever its own are.
// MAPS: moe_kernel.grouped_matmul {{.*}} tiles(%[[FIRST:.*]] : memref<?x4xi32>) progress(%[[PROGRESS:.*]] : memref<5xi32>)
// MAPS: moe_kernel.grouped_matmul {{.*}} tiles(%[[SECOND:.*]] : memref<?x4xi32>) awaits(%[[PROGRESS]], %[[FIRST]] : memref<5xi32>, memref<?x4xi32>)

// MMA: moe_kernel.grouped_matmul {{.*}} dependent{{$}}
// MMA: moe_kernel.grouped_matmul {{.*}} store(weighted_rows) schedule<mma, {{.*}}> dependent early_weights{{$}}
// MMA: moe_kernel.combine {{.*}} dependent early_positions discards(39062){{$}}

// NONE: func.func @block_t0
// NONE-NOT: progress
// NONE: moe_kernel.grouped_matmul
// NONE-NOT: progress
// NONE: moe_kernel.grouped_matmul
// NONE-NOT: awaits
// NONE-NOT: early_weights
// SM80-NOT: early_positions
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
