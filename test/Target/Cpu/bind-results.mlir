// RUN: moe-opt %s --cpu-bind-results --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @two
//  CHECK-SAME:   %[[A:.*]]: tensor<?xf32> {bufferization.writable = false, moe.name = "a"}, %[[O0:.*]]: memref<?xf32>, %[[O1:.*]]: memref<4xi32>) {
//       CHECK:   %[[B:.*]] = arith.constant dense<1> : tensor<4xi32>
//       CHECK:   bufferization.materialize_in_destination %[[A]] in restrict writable %[[O0]]
//       CHECK:   bufferization.materialize_in_destination %[[B]] in restrict writable %[[O1]]
//  CHECK-NEXT:   return
//  CHECK-NEXT: }
func.func @two(%a: tensor<?xf32> {moe.name = "a"}) -> (tensor<?xf32>, tensor<4xi32>) {
  %b = arith.constant dense<1> : tensor<4xi32>
  return %a, %b : tensor<?xf32>, tensor<4xi32>
}

// Private functions keep their results.
// CHECK-LABEL: func.func private @helper
//       CHECK:   return %{{.*}} : tensor<?xf32>
func.func private @helper(%a: tensor<?xf32>) -> tensor<?xf32> {
  return %a : tensor<?xf32>
}

// -----

// expected-error @+1 {{expects results of ranked tensor type, but got 'f32'}}
func.func @scalar(%a: f32) -> f32 {
  return %a : f32
}

// -----

// expected-error @+1 {{expects one return, but got 2}}
func.func @branches(%a: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  return %a : tensor<4xf32>
^bb2:
  return %a : tensor<4xf32>
}
