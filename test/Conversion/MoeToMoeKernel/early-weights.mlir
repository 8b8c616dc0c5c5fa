// Weights on their way to L2 while tokens are routed and sorted: the first matmul in a wgmma form,
// whose rows are gathered. The second one starts beside it and asks for its weights then.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='*: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s
// The mma form asks by itself where it knows its tile, sm_80 knows no dependent launch.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='*: mma, block_m = 64, block_n = 64, block_k = 64, stages = 4'" | FileCheck %s --check-prefix=NONE
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_80" | FileCheck %s --check-prefix=NONE
// Nobody knows which come first where uneven experts are taken by size.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='*: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4, dynamic = true, both_ends = true'" | FileCheck %s --check-prefix=NONE

// CHECK: moe_kernel.sort_routes
// CHECK: moe_kernel.grouped_matmul {{.*}} store(rows) gathered {{.*}} schedule<wgmma, {{.*}}> dependent early_weights{{$}}
// CHECK: moe_kernel.grouped_matmul {{.*}} store(weighted_rows) schedule<wgmma, {{.*}}> dependent{{$}}
// NONE: func.func @block_t0
// NONE: store(rows) gathered
// NONE-NOT: early_weights
// NONE: store(weighted_rows)
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
