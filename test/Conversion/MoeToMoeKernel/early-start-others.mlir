// A matmul awaits none that makes its rows in another order, or other results beside them.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='*: wgmma, block_m = 128, block_n = 64, block_k = 64, stages = 4'" --split-input-file | FileCheck %s

// CHECK: func.func @offsets_t0
// CHECK-NOT: awaits
// CHECK: return
func.func @offsets(%x: tensor<?x256xbf16>, %logits: tensor<?x8xf32>, %others: tensor<?x2xi32>, %w: tensor<8x128x256xbf16>,
    %d: tensor<8x256x128xbf16>) -> tensor<?x256xbf16> {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %routes2, %offsets2 = moe.permute %others experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x128x256xbf16>, tensor<?xi32>) -> tensor<?x128xbf16>
  %y = moe.grouped_matmul %h, %offsets2, %d combine(%rw, %routes2)
    : (tensor<?x128xbf16>, tensor<9xi32>, tensor<8x256x128xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
  return %y : tensor<?x256xbf16>
}

// -----

// CHECK: func.func @results_t0
// CHECK-NOT: awaits
// CHECK: return
func.func @results(%x: tensor<?x256xbf16>, %logits: tensor<?x8xf32>, %w: tensor<8x128x256xbf16>, %v: tensor<8x128x256xbf16>,
    %d: tensor<8x256x128xbf16>) -> (tensor<?x256xbf16>, tensor<?x128xbf16>) {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h:2 = moe.grouped_matmul %x, %offsets, %w, %v gather(%routes) top_k(2)
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x128x256xbf16>, tensor<8x128x256xbf16>, tensor<?xi32>) -> (tensor<?x128xbf16>, tensor<?x128xbf16>)
  %y = moe.grouped_matmul %h#0, %offsets, %d combine(%rw, %routes)
    : (tensor<?x128xbf16>, tensor<9xi32>, tensor<8x256x128xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
  return %y, %h#1 : tensor<?x256xbf16>, tensor<?x128xbf16>
}
