// RUN: moe-opt %s --cpu-scalar-math | FileCheck %s

// CHECK-LABEL: func.func @functions
//   CHECK-NOT: math.exp %
//   CHECK-NOT: math.tanh
//   CHECK-NOT: math.erf
//       CHECK: math.fma
//       CHECK: math.log1p
func.func @functions(%x: f32) -> f32 {
  %a = math.exp %x : f32
  %b = math.tanh %a : f32
  %c = math.erf %b : f32
  %d = math.log1p %c : f32
  return %d : f32
}

// CHECK-LABEL: func.func @copy
//  CHECK-NEXT: linalg.generic
//       CHECK: linalg.yield
func.func @copy(%a: memref<?x4xf32, strided<[8, 1]>>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32, strided<[8, 1]>> to memref<?x4xf32>
  return
}
