// RUN: moe-opt %s --moe-fusion-pipeline | FileCheck %s
// RUN: moe-opt %s --moe-fusion-pipeline="gate-up=false" | FileCheck %s --check-prefix=GATEUP
// RUN: moe-opt %s --moe-fusion-pipeline="padding=false" | FileCheck %s --check-prefix=PADDING
// RUN: moe-opt %s --moe-fusion-pipeline="activation=false" | FileCheck %s --check-prefix=ACTIVATION
// RUN: moe-opt %s --moe-fusion-pipeline="permute=false" | FileCheck %s --check-prefix=PERMUTE
// RUN: moe-opt %s --moe-fusion-pipeline="combine=false" | FileCheck %s --check-prefix=COMBINE
// RUN: moe-opt %s --moe-fusion-pipeline="gate-up=false padding=false activation=false permute=false combine=false" \
// RUN:   | FileCheck %s --check-prefix=NONE

// All fusions on: four ops are left.

// CHECK-LABEL: func.func @moe_block
// CHECK-SAME:  (%[[X:.*]]: tensor<?x64xbf16> {moe.name = "hidden"}, %[[L:.*]]: tensor<?x8xf32> {{[^,%]*}}, %[[G:.*]]: tensor<8x48x64xbf16> {{[^,%]*}}, %[[U:.*]]: tensor<8x48x64xbf16> {{[^,%]*}}, %[[D:.*]]: tensor<8x64x48xbf16> {moe.name = "down"})
// CHECK-SAME:  -> (tensor<?x64xbf16> {moe.name = "output"})
// CHECK-NEXT:  %[[W:.*]], %[[E:.*]] = moe.route %[[L]] top_k(2) score(softmax) order(score_then_select) renormalize :
// CHECK-NEXT:  %[[R:.*]], %[[O:.*]] = moe.permute %[[E]] experts(8) :
// CHECK-NEXT:  %[[H:.*]] = moe.grouped_matmul %[[X]], %[[O]], %[[G]], %[[U]] gather(%[[R]]) top_k(2) epilogue {
// CHECK-NEXT:  ^bb0(%[[GATE:.*]]: f32, %[[UP:.*]]: f32):
// CHECK-NOT:   moe.
// CHECK:         moe.yield
// CHECK-NEXT:  }
// CHECK-NEXT:  %[[Y:.*]] = moe.grouped_matmul %[[H]], %[[O]], %[[D]] combine(%[[W]], %[[R]]) :
// CHECK-NEXT:  return %[[Y]]

// Two products stay two, so no epilogue can take their activation.

// GATEUP-LABEL: func.func @moe_block
// GATEUP-NOT:   moe.pad
// GATEUP:       %[[U:.*]] = moe.grouped_matmul %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}} gather(
// GATEUP-NEXT:  %[[G:.*]] = moe.grouped_matmul %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}} gather(
// GATEUP-NEXT:  moe.activation %[[G]], %[[U]] kind(silu_gate)
// GATEUP-NEXT:  moe.grouped_matmul {{.*}} combine(

// Pad and unpad keep the permuted rows and the combine apart from the matmuls.

// PADDING-LABEL: func.func @moe_block
// PADDING:       moe.permute %{{.*}}, %{{.*}} experts(8)
// PADDING-NEXT:  moe.pad
// PADDING-NEXT:  moe.grouped_matmul {{.*}} epilogue {
// PADDING-NOT:   moe.activation
// PADDING:       moe.grouped_matmul
// PADDING-NEXT:  moe.unpad
// PADDING-NEXT:  moe.combine

// ACTIVATION-LABEL: func.func @moe_block
// ACTIVATION:       %[[G:.*]], %[[U:.*]] = moe.grouped_matmul {{.*}} gather({{.*}}) top_k(2) :
// ACTIVATION-NEXT:  moe.activation %[[G]], %[[U]] kind(silu_gate)
// ACTIVATION-NEXT:  moe.grouped_matmul {{.*}} combine(

// PERMUTE-LABEL: func.func @moe_block
// PERMUTE:       %[[ROWS:.*]], %{{.*}}, %{{.*}} = moe.permute %{{.*}}, %{{.*}} experts(8)
// PERMUTE-NEXT:  moe.grouped_matmul %[[ROWS]], %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}} epilogue {
// PERMUTE:       moe.grouped_matmul {{.*}} combine(

// COMBINE-LABEL: func.func @moe_block
// COMBINE:       moe.grouped_matmul {{.*}} gather({{.*}}) top_k(2) epilogue {
// COMBINE:       %[[D:.*]] = moe.grouped_matmul %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}} :
// COMBINE-NEXT:  moe.combine %[[D]],

// NONE-LABEL: func.func @moe_block
// NONE:       moe.route
// NONE-NEXT:  moe.permute %{{.*}}, %{{.*}} experts(8)
// NONE-NEXT:  moe.pad
// NONE-NEXT:  moe.grouped_matmul
// NONE-NEXT:  moe.grouped_matmul
// NONE-NEXT:  moe.activation
// NONE-NEXT:  moe.grouped_matmul
// NONE-NEXT:  moe.unpad
// NONE-NEXT:  moe.combine
func.func @moe_block(%hidden: tensor<?x64xbf16> {moe.name = "hidden"},
                     %logits: tensor<?x8xf32> {moe.name = "router_logits"},
                     %gate: tensor<8x48x64xbf16> {moe.name = "gate"},
                     %up: tensor<8x48x64xbf16> {moe.name = "up"},
                     %down: tensor<8x64x48xbf16> {moe.name = "down"})
    -> (tensor<?x64xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  %u = moe.grouped_matmul %prows, %poffsets, %up
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  %g = moe.grouped_matmul %prows, %poffsets, %gate
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  %h = moe.activation %g, %u kind(silu_gate)
    : (tensor<?x48xbf16>, tensor<?x48xbf16>) -> tensor<?x48xbf16>
  %d = moe.grouped_matmul %h, %poffsets, %down
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>) -> tensor<?x64xbf16>
  %drows = moe.unpad %d, %poffsets, %offsets, %routes
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  %y = moe.combine %drows, %weights, %routes
    : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
