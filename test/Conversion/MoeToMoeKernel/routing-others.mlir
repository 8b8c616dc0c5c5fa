// A permute over other experts than the router's is sorted by a kernel of its own, however few the tokens.
// RUN: moe-opt %s --convert-moe-to-kernel | FileCheck %s

// CHECK-LABEL: func.func @other_experts_t0(
// CHECK-NOT: route_sort
// CHECK: moe_kernel.route ins(
// CHECK-NOT: route_sort
// CHECK: moe_kernel.sort_routes ins({{.*}}) {{.*}}memref<17xi32>
func.func @other_experts(%logits: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?xi32>, tensor<17xi32>) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %experts experts(16) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<17xi32>)
  return %weights, %routes, %offsets : tensor<?x2xf32>, tensor<?xi32>, tensor<17xi32>
}
