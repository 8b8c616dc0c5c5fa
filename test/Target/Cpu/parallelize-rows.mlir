// RUN: moe-opt %s --cpu-parallelize-rows | FileCheck %s
// RUN: moe-opt %s --cpu-parallelize-rows=block-elements=64 | FileCheck %s --check-prefix=SMALL

#id = affine_map<(d0, d1) -> (d0, d1)>

// 16384 elements are 1024 rows of 16.
// CHECK-LABEL: func.func @rows
//       CHECK: scf.forall (%[[I:.*]]) = (0) to (%{{.*}}) step (1024)
//       CHECK:   linalg.generic
//       CHECK:   tensor.parallel_insert_slice
// SMALL-LABEL: func.func @rows
//       SMALL: scf.forall {{.*}} step (4)
func.func @rows(%x: tensor<?x16xf32>, %out: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x16xf32>) outs(%out : tensor<?x16xf32>) {
    ^bb0(%a: f32, %b: f32):
      %n = arith.negf %a : f32
      linalg.yield %n : f32
  } -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Too small to share, inside of a loop, or summed over its rows: left alone.
// CHECK-LABEL: func.func @left_alone
//   CHECK-NOT: scf.forall
func.func @left_alone(%s: tensor<8x16xf32>, %x: tensor<?x4096xf32>, %sum: tensor<4096xf32>, %n: index)
    -> (tensor<8x16xf32>, tensor<?x4096xf32>, tensor<4096xf32>) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = linalg.fill ins(%zero : f32) outs(%s : tensor<8x16xf32>) -> tensor<8x16xf32>
  %b = scf.for %i = %c0 to %n step %c1 iter_args(%t = %x) -> (tensor<?x4096xf32>) {
    %f = linalg.fill ins(%zero : f32) outs(%t : tensor<?x4096xf32>) -> tensor<?x4096xf32>
    scf.yield %f : tensor<?x4096xf32>
  }
  %c = linalg.reduce ins(%x : tensor<?x4096xf32>) outs(%sum : tensor<4096xf32>) dimensions = [0]
    (%in: f32, %acc: f32) {
      %add = arith.addf %in, %acc : f32
      linalg.yield %add : f32
    }
  return %a, %b, %c : tensor<8x16xf32>, tensor<?x4096xf32>, tensor<4096xf32>
}
