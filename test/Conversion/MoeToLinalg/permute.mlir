// RUN: moe-opt %s --convert-moe-to-linalg | FileCheck %s

// Count, sum up, place; an id outside [0, E) touches nothing.
// CHECK-LABEL: func.func @metadata
//  CHECK-SAME:     %[[IDS:.*]]: tensor<?x2xi32>
//       CHECK: linalg.fill {{.*}} -> tensor<9xi32>
//       CHECK: scf.for
//       CHECK:   scf.for
//       CHECK:     %[[ID:.*]] = tensor.extract %[[IDS]]
//       CHECK:     %[[E:.*]] = arith.index_cast %[[ID]]
//       CHECK:     arith.cmpi sge, %[[E]]
//       CHECK:     arith.cmpi slt, %[[E]]
//       CHECK:     scf.if
//       CHECK:       tensor.insert {{.*}} : tensor<9xi32>
//       CHECK: linalg.fill {{.*}} -> tensor<?xi32>
//       CHECK: scf.if
//       CHECK:   tensor.insert {{.*}} : tensor<?xi32>
//       CHECK:   tensor.insert {{.*}} : tensor<9xi32>
//   CHECK-NOT: scf.forall
func.func @metadata(%ids: tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>) {
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  return %routes, %offsets : tensor<?xi32>, tensor<9xi32>
}

// With rows: row i comes from token routes[i] / k, or is zero.
// CHECK-LABEL: func.func @rows
//  CHECK-SAME:     %{{.*}}: tensor<?x2xi32>, %[[X:.*]]: tensor<?x16xbf16>
//       CHECK: scf.forall
//       CHECK:   %[[TOKEN:.*]] = arith.divui
//       CHECK:   scf.if
//       CHECK:     tensor.extract_slice %[[X]][%[[TOKEN]], 0] [1, 16]
//       CHECK:   } else {
//       CHECK:     linalg.fill
func.func @rows(%ids: tensor<?x2xi32>, %x: tensor<?x16xbf16>)
    -> (tensor<?x16xbf16>, tensor<?xi32>, tensor<9xi32>) {
  %rows, %routes, %offsets = moe.permute %ids, %x experts(8)
    : (tensor<?x2xi32>, tensor<?x16xbf16>) -> (tensor<?x16xbf16>, tensor<?xi32>, tensor<9xi32>)
  return %rows, %routes, %offsets : tensor<?x16xbf16>, tensor<?xi32>, tensor<9xi32>
}
