// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// RUN: moe-opt %s --emit-bytecode | moe-opt | FileCheck %s

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

// Selection before the scores, no renormalisation, static T, f16.

// CHECK-LABEL: func.func @select_then_score
// CHECK: moe.route %{{.*}} top_k(1) score(softmax) order(select_then_score) : (tensor<4x8xf32>) -> (tensor<4x1xf32>, tensor<4x1xi32>)
// CHECK: moe.permute %{{.*}}, %{{.*}} experts(8) : (tensor<4x1xi32>, tensor<4x16xf16>) -> (tensor<4x16xf16>, tensor<4xi32>, tensor<9xi32>)
// CHECK: moe.pad %{{.*}}, %{{.*}} multiple(1) : (tensor<4x16xf16>, tensor<9xi32>) -> (tensor<4x16xf16>, tensor<9xi32>)
func.func @select_then_score(%x: tensor<4x16xf16>, %logits: tensor<4x8xf32>) -> tensor<4x16xf16> {
  %weights, %experts = moe.route %logits top_k(1) score(softmax) order(select_then_score)
    : (tensor<4x8xf32>) -> (tensor<4x1xf32>, tensor<4x1xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8)
    : (tensor<4x1xi32>, tensor<4x16xf16>) -> (tensor<4x16xf16>, tensor<4xi32>, tensor<9xi32>)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(1)
    : (tensor<4x16xf16>, tensor<9xi32>) -> (tensor<4x16xf16>, tensor<9xi32>)
  return %prows : tensor<4x16xf16>
}

// Every form of the grouped matmul.

// CHECK-LABEL: func.func @matmul_forms
func.func @matmul_forms(%x: tensor<?x16xf32>, %offsets: tensor<9xi32>, %routes: tensor<?xi32>,
                        %weights: tensor<?x2xf32>, %a: tensor<8x16x6xf32>, %b: tensor<8x16x6xf32>,
                        %c: tensor<8x6x16xf32>, %a_bias: tensor<8x6xf32>, %b_bias: tensor<8x6xf32>) {
  // CHECK: %{{.*}}, %{{.*}} = moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}, %{{.*}}) transposed :
  %0, %1 = moe.grouped_matmul %x, %offsets, %a, %b bias(%a_bias, %b_bias) transposed
    : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x16x6xf32>, tensor<8x16x6xf32>, tensor<8x6xf32>,
       tensor<8x6xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  // CHECK: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}, %{{.*}}) gather(%{{.*}}) top_k(2) combine(%{{.*}}, %{{.*}}) transposed epilogue {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32):
  %2 = moe.grouped_matmul %x, %offsets, %a, %b bias(%a_bias, %b_bias) gather(%routes) top_k(2)
      combine(%weights, %routes) transposed epilogue {
  ^bb0(%g: f32, %u: f32):
    %y = arith.mulf %g, %u : f32
    moe.yield %y : f32
  } {tag = "all"}
    : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x16x6xf32>, tensor<8x16x6xf32>, tensor<8x6xf32>,
       tensor<8x6xf32>, tensor<?xi32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x6xf32>
  // CHECK: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} layout<interleaved, gate_first> epilogue {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32):
  %3 = moe.grouped_matmul %x, %offsets, %c layout<interleaved, gate_first> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %u : f32
  } : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x6x16xf32>) -> tensor<?x3xf32>
  // CHECK: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} transposed layout<halves, up_first> epilogue {
  %4 = moe.grouped_matmul %x, %offsets, %a transposed layout<halves, up_first> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %g : f32
  } : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x16x6xf32>) -> tensor<?x3xf32>
  // Conditions and integers are scalars too.
  // CHECK: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} epilogue {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32):
  // CHECK: arith.select
  // CHECK: moe.yield
  %5 = moe.grouped_matmul %x, %offsets, %c epilogue {
  ^bb0(%v: f32):
    %zero = arith.constant 0.0 : f32
    %bits = arith.bitcast %v : f32 to i32
    %back = arith.bitcast %bits : i32 to f32
    %negative = arith.cmpf olt, %back, %zero : f32
    %r = arith.select %negative, %zero, %v : f32
    moe.yield %r : f32
  } : (tensor<?x16xf32>, tensor<9xi32>, tensor<8x6x16xf32>) -> tensor<?x6xf32>
  return
}

// Every form and every kind of the activation.

// CHECK-LABEL: func.func @activation_forms
func.func @activation_forms(%x: tensor<?x8xf16>, %y: tensor<?x8xf16>) {
  // CHECK: moe.activation %{{.*}}, %{{.*}} kind(gelu_gate) : (tensor<?x8xf16>, tensor<?x8xf16>) -> tensor<?x8xf16>
  %0 = moe.activation %x, %y kind(gelu_gate) : (tensor<?x8xf16>, tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: moe.activation %{{.*}}, %{{.*}} body {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32):
  %1 = moe.activation %x, %y body {
  ^bb0(%g: f32, %u: f32):
    %m = arith.maximumf %g, %u : f32
    moe.yield %m : f32
  } : (tensor<?x8xf16>, tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: moe.activation %{{.*}} layout<interleaved, up_first> body {
  %2 = moe.activation %x layout<interleaved, up_first> body {
  ^bb0(%g: f32, %u: f32):
    %m = arith.mulf %g, %u : f32
    moe.yield %m : f32
  } {tag = "layout"} : (tensor<?x8xf16>) -> tensor<?x4xf16>
  // CHECK: moe.activation %{{.*}} kind(gelu_tanh_gate) layout<halves, up_first>
  %3 = moe.activation %x kind(gelu_tanh_gate) layout<halves, up_first> : (tensor<?x8xf16>) -> tensor<?x4xf16>
  // CHECK: kind(relu_gate) layout<interleaved, gate_first>
  %4 = moe.activation %x kind(relu_gate) layout<interleaved, gate_first> : (tensor<?x8xf16>) -> tensor<?x4xf16>
  // CHECK: kind(gpt_oss_swiglu) layout<interleaved, gate_first>
  %5 = moe.activation %x kind(gpt_oss_swiglu) layout<interleaved, gate_first> : (tensor<?x8xf16>) -> tensor<?x4xf16>
  // CHECK: kind(silu) :
  %6 = moe.activation %x kind(silu) : (tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: kind(gelu) :
  %7 = moe.activation %x kind(gelu) : (tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: kind(gelu_tanh) :
  %8 = moe.activation %x kind(gelu_tanh) : (tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: kind(relu) :
  %9 = moe.activation %x kind(relu) : (tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: kind(relu2) :
  %10 = moe.activation %x kind(relu2) : (tensor<?x8xf16>) -> tensor<?x8xf16>
  return
}

// The generic form is read as well; T may be 0.

// CHECK-LABEL: func.func @generic
// CHECK:       moe.route %{{.*}} top_k(2) score(softmax) order(score_then_select) :
func.func @generic(%logits: tensor<0x8xf32>) {
  %w, %e = "moe.route"(%logits) <{top_k = 2 : i64, score = #moe<score(softmax)>, order = #moe<order(score_then_select)>}>
    : (tensor<0x8xf32>) -> (tensor<0x2xf32>, tensor<0x2xi32>)
  return
}
