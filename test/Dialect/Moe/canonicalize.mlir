// RUN: moe-opt %s --canonicalize | FileCheck %s

// A permute whose rows nobody reads orders routes only.

// CHECK-LABEL: func.func @unread_rows
// CHECK-NEXT:  %[[R:.*]], %[[O:.*]] = moe.permute %{{.*}} experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
// CHECK-NEXT:  return %[[R]], %[[O]]
func.func @unread_rows(%x: tensor<?x64xbf16>, %experts: tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  return %routes, %offsets : tensor<?xi32>, tensor<9xi32>
}

// CHECK-LABEL: func.func @read_rows
// CHECK-NEXT:  moe.permute %{{.*}}, %{{.*}} experts(8)
func.func @read_rows(%x: tensor<?x64xbf16>, %experts: tensor<?x2xi32>) -> tensor<?x64xbf16> {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  return %rows : tensor<?x64xbf16>
}

// Ops without effects and without users go.

// CHECK-LABEL: func.func @dead
// CHECK-NEXT:  return
func.func @dead(%logits: tensor<?x8xf32>, %x: tensor<?x16xf32>, %o: tensor<9xi32>, %w: tensor<8x4x16xf32>) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%a: f32):
    moe.yield %a : f32
  } : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x4x16xf32>) -> tensor<?x4xf32>
  %z = moe.activation %y kind(relu) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// A static T flows from the operands to every result that only moe ops read, in one block: 3 tokens
// make 6 rows, padded to 6 + min(8, 6) * 3 = 24.

// CHECK-LABEL: func.func @static_tokens
// CHECK-NEXT:  moe.route {{.*}} -> (tensor<3x2xf32>, tensor<3x2xi32>)
// CHECK-NEXT:  moe.permute {{.*}} -> (tensor<6x16xf32>, tensor<6xi32>, tensor<9xi32>)
// CHECK-NEXT:  moe.pad {{.*}} -> (tensor<24x16xf32>, tensor<9xi32>)
// CHECK-NEXT:  moe.grouped_matmul {{.*}} -> (tensor<24x4xf32>, tensor<24x4xf32>)
// CHECK-NEXT:  moe.activation {{.*}} -> tensor<24x4xf32>
// CHECK-NEXT:  moe.unpad {{.*}} -> tensor<6x4xf32>
// CHECK-NEXT:  moe.combine {{.*}} -> tensor<?x4xf32>
func.func @static_tokens(%x: tensor<3x16xf32>, %logits: tensor<3x8xf32>, %a: tensor<8x4x16xf32>,
                         %b: tensor<8x4x16xf32>) -> tensor<?x4xf32> {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<3x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8)
    : (tensor<?x2xi32>, tensor<3x16xf32>) -> (tensor<?x16xf32>, tensor<?xi32>, tensor<9xi32>)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(4)
    : (tensor<?x16xf32>, tensor<9xi32>) -> (tensor<?x16xf32>, tensor<9xi32>)
  %g, %u = moe.grouped_matmul %prows, %poffsets, %a, %b
    : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x4x16xf32>, tensor<8x4x16xf32>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>)
  %h = moe.activation %g, %u kind(silu_gate) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %d = moe.unpad %h, %poffsets, %offsets, %routes
    : (tensor<?x4xf32>, tensor<9xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x4xf32>
  %y = moe.combine %d, %weights, %routes
    : (tensor<?x4xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Sizes that contradict each other stay as they are: 4 * 2 routes for 6 rows.

// CHECK-LABEL: func.func @contradiction
// CHECK-NEXT:  moe.permute {{.*}} -> (tensor<?xi32>, tensor<5xi32>)
// CHECK-NEXT:  moe.combine
func.func @contradiction(%ids: tensor<4x2xi32>, %weights: tensor<?x2xf32>, %rows: tensor<6x64xf32>) -> tensor<?x64xf32> {
  %routes, %offsets = moe.permute %ids experts(4) : (tensor<4x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)
  %y = moe.combine %rows, %weights, %routes
    : (tensor<6x64xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
