// RUN: moe-opt %s --convert-moe-to-linalg | FileCheck %s

// The routes are inverted, then each token adds its rows in slot order in f32 and rounds once.
// CHECK-LABEL: func.func @combine
//       CHECK: linalg.fill {{.*}} -> tensor<?xi32>
//       CHECK: scf.forall {{.*}} -> (tensor<?x16xbf16>)
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<16xf32>
//       CHECK:   scf.for {{.*}} iter_args(%[[SUM:.*]] = %[[ZERO]]) -> (tensor<16xf32>)
//       CHECK:     scf.if
//       CHECK:       linalg.generic {{.*}} outs(%[[SUM]] : tensor<16xf32>)
//       CHECK:         arith.mulf
//       CHECK:         arith.addf
//   CHECK-NOT: arith.truncf
//       CHECK:     } else {
//       CHECK:       scf.yield %[[SUM]]
//       CHECK:   arith.truncf
//   CHECK-NOT: arith.truncf
func.func @combine(%rows: tensor<?x16xbf16>, %w: tensor<?x2xf32>, %routes: tensor<?xi32>)
    -> tensor<?x16xbf16> {
  %y = moe.combine %rows, %w, %routes
    : (tensor<?x16xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}
