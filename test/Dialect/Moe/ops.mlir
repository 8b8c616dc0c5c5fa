// RUN: moe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @unfused
func.func @unfused(%hidden: tensor<?x64xbf16> {moe.name = "hidden"},
                   %logits: tensor<?x8xf32> {moe.name = "router_logits"},
                   %gate_up: tensor<8x96x64xbf16> {moe.name = "gate_up"},
                   %down: tensor<8x64x48xbf16> {moe.name = "down"})
    -> (tensor<?x64xbf16> {moe.name = "output"}) {
  // CHECK: moe.route %{{.*}} top_k(2) score(softmax) order(score_then_select) renormalize :
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // CHECK: moe.permute %{{.*}}, %{{.*}} experts(8) :
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  // CHECK: moe.pad %{{.*}}, %{{.*}} multiple(8) :
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  // CHECK: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} :
  %gu = moe.grouped_matmul %prows, %poffsets, %gate_up
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  // CHECK: moe.activation %{{.*}} kind(silu_gate) layout<halves, gate_first> :
  %h = moe.activation %gu kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x96xbf16>) -> tensor<?x48xbf16>
  %d = moe.grouped_matmul %h, %poffsets, %down
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>) -> tensor<?x64xbf16>
  // CHECK: moe.unpad
  %drows = moe.unpad %d, %poffsets, %offsets, %routes
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  // CHECK: moe.combine
  %y = moe.combine %drows, %weights, %routes
    : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @fused
func.func @fused(%x: tensor<?x64xbf16>, %experts: tensor<?x2xi32>, %weights: tensor<?x2xf32>,
                 %gate: tensor<8x48x64xbf16>, %up: tensor<8x48x64xbf16>,
                 %down: tensor<8x64x48xbf16>, %bias: tensor<8x64xf32>) -> tensor<?x64xbf16> {
  // CHECK: moe.permute %{{.*}} experts(8) : (tensor<?x2xi32>) ->
  %routes, %offsets = moe.permute %experts experts(8)
    : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  // CHECK: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} gather(%{{.*}}) top_k(2) epilogue {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32):
  %h = moe.grouped_matmul %x, %offsets, %gate, %up gather(%routes) top_k(2) epilogue {
  ^bb0(%g: f32, %u: f32):
    %y = arith.mulf %g, %u : f32
    moe.yield %y : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>, tensor<?xi32>)
      -> tensor<?x48xbf16>
  // CHECK: moe.grouped_matmul {{.*}} bias(%{{.*}}) combine(%{{.*}}, %{{.*}}) :
  %y = moe.grouped_matmul %h, %offsets, %down bias(%bias) combine(%weights, %routes)
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>, tensor<8x64xf32>, tensor<?x2xf32>,
       tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
