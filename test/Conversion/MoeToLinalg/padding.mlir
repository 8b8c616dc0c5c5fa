// RUN: moe-opt %s --convert-moe-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @pad
//  CHECK-SAME:     %[[ROWS:.*]]: tensor<?x16xf16>, %[[OFFSETS:.*]]: tensor<5xi32>
// The bound P = R + min(E, R) * 7, then padded offsets, then a table of sources, then the rows.
//       CHECK: arith.minsi
//       CHECK: scf.for {{.*}} -> (tensor<5xi32>)
//       CHECK: linalg.fill {{.*}} -> tensor<?xi32>
//       CHECK: scf.for {{.*}} -> (tensor<?xi32>)
//       CHECK: scf.forall {{.*}} -> (tensor<?x16xf16>)
//       CHECK:   tensor.extract_slice %[[ROWS]]
func.func @pad(%rows: tensor<?x16xf16>, %offsets: tensor<5xi32>) -> (tensor<?x16xf16>, tensor<5xi32>) {
  %p, %po = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x16xf16>, tensor<5xi32>) -> (tensor<?x16xf16>, tensor<5xi32>)
  return %p, %po : tensor<?x16xf16>, tensor<5xi32>
}

// CHECK-LABEL: func.func @unpad
//  CHECK-SAME:     %[[PADDED:.*]]: tensor<?x16xf16>, %{{.*}}: tensor<5xi32>, %{{.*}}: tensor<5xi32>, %[[ROUTES:.*]]: tensor<?xi32>
//       CHECK: tensor.dim %[[ROUTES]]
//   CHECK-NOT: tensor.extract %[[ROUTES]]
//       CHECK: scf.forall {{.*}} -> (tensor<?x16xf16>)
//       CHECK:   tensor.extract_slice %[[PADDED]]
func.func @unpad(%padded: tensor<?x16xf16>, %po: tensor<5xi32>, %o: tensor<5xi32>,
                 %routes: tensor<?xi32>) -> tensor<?x16xf16> {
  %rows = moe.unpad %padded, %po, %o, %routes
    : (tensor<?x16xf16>, tensor<5xi32>, tensor<5xi32>, tensor<?xi32>) -> tensor<?x16xf16>
  return %rows : tensor<?x16xf16>
}
