// Route and permute: one block for few tokens, a launch each for some thousands, in which route leaves
// the sets of tokens by which it is sorted, a histogram for many. Without matmuls no tile map is
// written; the gather follows the sort.
// RUN: moe-opt %s --convert-moe-to-kernel --split-input-file | FileCheck %s

// CHECK: #[[$T:.*]] = affine_map<(d0) -> (d0)>
// CHECK: #[[$R:.*]] = affine_map<(d0) -> (d0 * 4)>
// CHECK: #[[$W:.*]] = affine_map<(d0) -> (d0 ceildiv 32)>
// CHECK-LABEL: func.func @routing_t0(
// CHECK-SAME: %[[LOGITS:[a-z0-9]+]]: memref<?x16xf32> {moe.name = "logits"}, %[[X:[a-z0-9]+]]: memref<?x64xf16> {moe.name = "x"},
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<?x4xf32> {moe.name = "weights", moe_kernel.output},
// CHECK-SAME: %[[ROWS:[a-z0-9]+]]: memref<?x64xf16> {moe.name = "rows", moe_kernel.output, moe_kernel.size = #[[$R]]},
// CHECK-SAME: %[[OFFSETS:[a-z0-9]+]]: memref<17xi32> {moe.name = "offsets", moe_kernel.output})
// CHECK-SAME: moe_kernel.tokens = #moe_kernel.tokens<0, 32>
// CHECK-NEXT: %[[IDS:.*]] = moe_kernel.buffer "experts" size(#[[$T]]) : memref<?x4xi32>
// CHECK-NEXT: %[[ROUTES:.*]] = moe_kernel.buffer "routes" size(#[[$R]]) : memref<?xi32>
// CHECK-NEXT: %[[POSITIONS:.*]] = moe_kernel.buffer "positions" size(#[[$R]]) : memref<?xi32>
// CHECK-NEXT: moe_kernel.route_sort ins(%[[LOGITS]] : memref<?x16xf32>) outs(%[[W]], %[[IDS]] : memref<?x4xf32>, memref<?x4xi32>)
// CHECK-SAME: sorted(%[[OFFSETS]], %[[ROUTES]], %[[POSITIONS]] : memref<17xi32>, memref<?xi32>, memref<?xi32>)
// CHECK-SAME: tile_shapes = [] softmax(all) max_tokens(32) schedule<threads = 512>
// CHECK-NEXT: moe_kernel.gather ins(%[[X]], %[[ROUTES]] : memref<?x64xf16>, memref<?xi32>) outs(%[[ROWS]] : memref<?x64xf16>)
// CHECK-SAME: top_k(4) schedule<threads = 256, per_thread = 2> dependent
// CHECK-NEXT: return

// CHECK-LABEL: func.func @routing_t33(
// CHECK-SAME: moe_kernel.tokens = #moe_kernel.tokens<33, 8192>
// CHECK: %[[SETS:.*]] = moe_kernel.buffer "sets" size(#[[$W]]) : memref<?x16xi32>
// CHECK-NEXT: moe_kernel.route ins({{.*}}) sets(%[[SETS]] : memref<?x16xi32>) softmax(all) schedule<threads = 128>{{$}}
// CHECK: moe_kernel.sort_routes ins({{.*}}) sets(%[[SETS]] : memref<?x16xi32>)
// CHECK-SAME: tile_shapes = [] schedule<threads = 512> dependent
// CHECK-NEXT: moe_kernel.gather

// CHECK-LABEL: func.func @routing_t8193(
// CHECK-SAME: moe_kernel.tokens = #moe_kernel.tokens<8193, -1>
// CHECK: moe_kernel.route ins({{.*}}) softmax(all) schedule<threads = 256>{{$}}
// CHECK: %[[COUNTS:.*]] = moe_kernel.buffer "counts" : memref<64x16xi32>
// CHECK-NEXT: moe_kernel.count_routes ins({{.*}}) outs(%[[COUNTS]] : memref<64x16xi32>) schedule<threads = 512> dependent
// CHECK-NEXT: moe_kernel.sort_routes ins({{.*}}) counts(%[[COUNTS]] : memref<64x16xi32>)
// CHECK-SAME: tile_shapes = [] schedule<threads = 512> dependent
// CHECK-NEXT: moe_kernel.gather
func.func @routing(%logits: tensor<?x16xf32> {moe.name = "logits"}, %x: tensor<?x64xf16> {moe.name = "x"})
    -> (tensor<?x4xf32> {moe.name = "weights"}, tensor<?x64xf16> {moe.name = "rows"},
        tensor<17xi32> {moe.name = "offsets"}) {
  %w, %ids = moe.route %logits top_k(4) score(softmax) order(score_then_select)
    : (tensor<?x16xf32>) -> (tensor<?x4xf32>, tensor<?x4xi32>)
  %rows, %routes, %offsets = moe.permute %ids, %x experts(16)
    : (tensor<?x4xi32>, tensor<?x64xf16>) -> (tensor<?x64xf16>, tensor<?xi32>, tensor<17xi32>)
  return %w, %rows, %offsets : tensor<?x4xf32>, tensor<?x64xf16>, tensor<17xi32>
}

// -----

// Both forms whose sum runs over the winners are one softmax. A static T is generalised.
// CHECK-LABEL: func.func @softmax_t0(
// CHECK-SAME: memref<?x16xf32> {moe.name = "logits"}
// CHECK-SAME: moe_kernel.tokens = #moe_kernel.tokens<0, -1>
// CHECK: moe_kernel.route ins({{.*}}) softmax(selected)
// CHECK: moe_kernel.route ins({{.*}}) softmax(selected)
func.func @softmax(%logits: tensor<4x16xf32> {moe.name = "logits"})
    -> (tensor<4x4xf32>, tensor<4x4xi32>, tensor<4x2xf32>, tensor<4x2xi32>) {
  %w, %ids = moe.route %logits top_k(4) score(softmax) order(select_then_score)
    : (tensor<4x16xf32>) -> (tensor<4x4xf32>, tensor<4x4xi32>)
  %v, %jds = moe.route %logits top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<4x16xf32>) -> (tensor<4x2xf32>, tensor<4x2xi32>)
  return %w, %ids, %v, %jds : tensor<4x4xf32>, tensor<4x4xi32>, tensor<4x2xf32>, tensor<4x2xi32>
}

// -----

// Ids that the block is given leave no sets: one block sorts them, or many after a histogram.
// CHECK-LABEL: func.func @given_t0(
// CHECK-NOT: sets(
// CHECK: moe_kernel.count_routes
func.func @given(%ids: tensor<?x2xi32> {moe.name = "ids"}) -> (tensor<?xi32>, tensor<9xi32>) {
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  return %routes, %offsets : tensor<?xi32>, tensor<9xi32>
}

// -----

// What is gathered may be computed behind the route that sorts too: the gather stands where the permute stood.
// CHECK-LABEL: func.func @later_t0(
// CHECK: moe_kernel.route_sort ins({{.*}}) sorted(%{{[a-z0-9]+}}, %[[ROUTES:[a-z0-9]+]], %{{[a-z0-9]+}} :
// CHECK: %[[X:.*]] = moe_kernel.buffer "activated"
// CHECK-NEXT: moe_kernel.activation ins({{.*}}) outs(%[[X]] : memref<?x64xbf16>)
// CHECK: %[[ROWS:.*]] = moe_kernel.buffer "rows"
// CHECK-NEXT: moe_kernel.gather ins(%[[X]], %[[ROUTES]] : memref<?x64xbf16>, memref<?xi32>) outs(%[[ROWS]] : memref<?x64xbf16>)
// CHECK-NEXT: moe_kernel.combine ins(%[[ROWS]],
func.func @later(%logits: tensor<?x8xf32>, %h: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %w, %ids = moe.route %logits top_k(2) score(softmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %x = moe.activation %h kind(silu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  %rows, %routes, %offsets = moe.permute %ids, %x experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  %y = moe.combine %rows, %w, %routes : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
