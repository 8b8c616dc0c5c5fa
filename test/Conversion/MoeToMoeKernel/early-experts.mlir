// One token is a variant of its own, whose first matmul gets the logits right behind their
// route_sort: its blocks choose their expert by themselves.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=1,16 target=sm_90a schedule='*: mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2'" --split-input-file | FileCheck %s
// Not in a wgmma form, or where kernels do not know of each other.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=1 target=sm_90a schedule='*: wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 4'" --split-input-file | FileCheck %s --check-prefix=NONE
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=1 target=sm_80 schedule='*: mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2'" --split-input-file | FileCheck %s --check-prefix=NONE

// CHECK-LABEL: func.func @block_t0(
// CHECK-SAME: %[[LOGITS:[a-z0-9]+]]: memref<?x8xf32> {moe.name = "logits"}
// CHECK-SAME: moe_kernel.tokens = #moe_kernel.tokens<0, 1>
// CHECK: moe_kernel.route_sort ins(%[[LOGITS]] : memref<?x8xf32>) {{.*}} max_tokens(1)
// CHECK: moe_kernel.grouped_matmul {{.*}} tiles(%[[TILES:.*]] : memref<?x4xi32>) logits(%[[LOGITS]] : memref<?x8xf32>) weights
// CHECK-SAME: store(rows) gathered top_k(2) schedule<mma, {{.*}}> dependent{{$}}
// CHECK: moe_kernel.grouped_matmul {{.*}} tiles(%[[TILES]] : memref<?x4xi32>) weights
// CHECK-LABEL: func.func @block_t2(
// CHECK-NOT: logits(
// CHECK: return
// NONE: func.func @block_t0(
// NONE: moe_kernel.grouped_matmul
// NONE-NOT: logits(
func.func @block(%logits: tensor<?x8xf32> {moe.name = "logits"}, %x: tensor<?x256xbf16>, %w: tensor<8x128x256xbf16>, %d: tensor<8x256x128xbf16>)
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

// -----

// Rows that were moved before have no tokens to choose for.
// CHECK-LABEL: func.func @moved_t0(
// CHECK: moe_kernel.route_sort
// CHECK: moe_kernel.gather
// CHECK: moe_kernel.grouped_matmul
// CHECK-NOT: logits(
// NONE: func.func @moved_t0(
// NONE-NOT: logits(
func.func @moved(%logits: tensor<?x8xf32>, %x: tensor<?x256xbf16>, %w: tensor<8x128x256xbf16>) -> tensor<?x128xbf16> {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %ids, %x experts(8)
    : (tensor<?x2xi32>, tensor<?x256xbf16>) -> (tensor<?x256xbf16>, tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %rows, %offsets, %w
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x128x256xbf16>) -> tensor<?x128xbf16>
  return %h : tensor<?x128xbf16>
}

// -----

// So many logits are read again for every choice: only the sort does that.
// CHECK-LABEL: func.func @many_t0(
// CHECK: moe_kernel.route_sort
// CHECK: moe_kernel.grouped_matmul
// CHECK-NOT: logits(
// NONE: func.func @many_t0(
// NONE-NOT: logits(
func.func @many(%logits: tensor<?x1032xf32>, %x: tensor<?x256xbf16>, %w: tensor<1032x128x256xbf16>, %d: tensor<1032x256x128xbf16>)
    -> tensor<?x256xbf16> {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x1032xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(1032) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<1033xi32>)
  %h = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
    : (tensor<?x256xbf16>, tensor<1033xi32>, tensor<1032x128x256xbf16>, tensor<?xi32>) -> tensor<?x128xbf16>
  %y = moe.grouped_matmul %h, %offsets, %d combine(%rw, %routes)
    : (tensor<?x128xbf16>, tensor<1033xi32>, tensor<1032x256x128xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
  return %y : tensor<?x256xbf16>
}

// -----

// Rows that are gathered by other routes than the sort's are not for it to choose.
// CHECK-LABEL: func.func @given_t0(
// CHECK: moe_kernel.route_sort
// CHECK: moe_kernel.grouped_matmul
// CHECK-NOT: logits(
// NONE: func.func @given_t0(
func.func @given(%logits: tensor<?x8xf32>, %x: tensor<?x256xbf16>, %given: tensor<?xi32>, %w: tensor<8x128x256xbf16>, %d: tensor<8x256x128xbf16>)
    -> tensor<?x256xbf16> {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %x, %offsets, %w gather(%given) top_k(2)
    : (tensor<?x256xbf16>, tensor<9xi32>, tensor<8x128x256xbf16>, tensor<?xi32>) -> tensor<?x128xbf16>
  %y = moe.grouped_matmul %h, %offsets, %d combine(%rw, %routes)
    : (tensor<?x128xbf16>, tensor<9xi32>, tensor<8x256x128xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
  return %y : tensor<?x256xbf16>
}
