// RUN: moe-opt %s --convert-moe-to-linalg | FileCheck %s

// Winners are the largest order keys, one after the other; weights are a softmax over all experts.
// CHECK-LABEL: func.func @score_then_select
//       CHECK: scf.forall (%[[T:.*]]) in (%{{.*}}) shared_outs(%[[W:.*]] = %{{.*}}, %[[I:.*]] = %{{.*}}) -> (tensor<?x2xf32>, tensor<?x2xi32>)
//       CHECK:   tensor.extract_slice %{{.*}}[%[[T]], 0] [1, 8] [1, 1] : tensor<?x8xf32> to tensor<8xf32>
//       CHECK:   %[[KEYS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<8xi64>)
//       CHECK:     arith.cmpf uno
//       CHECK:     arith.bitcast %{{.*}} : f32 to i32
//       CHECK:     linalg.index 0
//       CHECK:   scf.for {{.*}} iter_args(%[[BEFORE:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (i64, tensor<2xi32>)
//       CHECK:     scf.for {{.*}} -> (i64)
//       CHECK:       %[[KEY:.*]] = tensor.extract %[[KEYS]]
//       CHECK:       arith.cmpi slt, %[[KEY]], %[[BEFORE]]
//       CHECK:       arith.maxsi
//       CHECK:   arith.maxnumf
//       CHECK:   linalg.generic {{.*}} outs(%{{.*}} : tensor<8xf32>)
//       CHECK:     math.exp
//       CHECK:   arith.divf
//       CHECK:   tensor.parallel_insert_slice {{.*}} into %[[W]][%[[T]], 0] [1, 2] [1, 1]
//       CHECK:   tensor.parallel_insert_slice {{.*}} into %[[I]][%[[T]], 0] [1, 2] [1, 1]
func.func @score_then_select(%logits: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %w, %i = moe.route %logits top_k(2) score(softmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return %w, %i : tensor<?x2xf32>, tensor<?x2xi32>
}

// One division per slot more than without renormalisation.
// CHECK-LABEL: func.func @renormalize
// CHECK-COUNT-2: arith.divf
//   CHECK-NOT: arith.divf
func.func @renormalize(%logits: tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<4x2xi32>) {
  %w, %i = moe.route %logits top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<4x2xi32>)
  return %w, %i : tensor<4x2xf32>, tensor<4x2xi32>
}

// The softmax is taken over the winners only.
// CHECK-LABEL: func.func @select_then_score
//   CHECK-NOT: math.exp
//       CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<2xf32>)
//       CHECK:   math.exp
//   CHECK-NOT: math.exp
func.func @select_then_score(%logits: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %w, %i = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return %w, %i : tensor<?x2xf32>, tensor<?x2xi32>
}
