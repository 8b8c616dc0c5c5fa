// RUN: split-file %s %t
// RUN: moe-opt %t/ops.mlir --cpu-scalar-math | FileCheck %t/ops.mlir
// RUN: moe-opt %t/invalid.mlir --cpu-scalar-math --verify-diagnostics

//--- ops.mlir

// CHECK-LABEL: func.func @functions
//   CHECK-NOT: math.exp %
//   CHECK-NOT: math.tanh
//   CHECK-NOT: math.erf
//       CHECK: math.fma
//   CHECK-NOT: math.log1p
//   CHECK-NOT: math.expm1
//       CHECK: math.log2
func.func @functions(%x: f32) -> f32 {
  %a = math.exp %x : f32
  %b = math.tanh %a : f32
  %c = math.erf %b : f32
  %d = math.log1p %c : f32
  %e = math.expm1 %d : f32
  %f = math.log2 %e : f32
  return %f : f32
}

// What has no polynomial keeps its digits near 0 all the same.
// CHECK-LABEL: func.func @near_zero
//   CHECK-NOT: math.expm1
//       CHECK: %[[TANH:.*]] = math.tanh %{{.*}} : f64
//       CHECK: %[[EXP:.*]] = math.exp %{{.*}} : f64
//       CHECK: %[[SUM:.*]] = arith.addf %[[EXP]]
//       CHECK: arith.mulf %[[TANH]], %[[SUM]]
//       CHECK: math.log1p %{{.*}} : f64
//       CHECK: arith.extf %{{.*}} : f16 to f32
//   CHECK-NOT: math.expm1
func.func @near_zero(%x: f64, %y: f16) -> (f64, f16) {
  %a = math.expm1 %x : f64
  %b = math.log1p %a : f64
  %c = math.expm1 %y : f16
  return %b, %c : f64, f16
}

// CHECK-LABEL: func.func @clamp
//  CHECK-SAME:   %[[X:.*]]: f32, %[[LOW:.*]]: f32, %[[HIGH:.*]]: f32
//       CHECK:   %[[RAISED:.*]] = arith.maximumf %[[X]], %[[LOW]] : f32
//       CHECK:   %[[RESULT:.*]] = arith.minimumf %[[RAISED]], %[[HIGH]] : f32
//       CHECK:   return %[[RESULT]]
func.func @clamp(%x: f32, %low: f32, %high: f32) -> f32 {
  %r = math.clampf %x to [%low, %high] : f32
  return %r : f32
}

// CHECK-LABEL: func.func @infinite
//       CHECK:   %[[INFINITY:.*]] = arith.constant 0x7F800000 : f32
//       CHECK:   %[[SIZE:.*]] = math.absf
//       CHECK:   arith.cmpf oeq, %[[SIZE]], %[[INFINITY]] : f32
func.func @infinite(%x: f32) -> i1 {
  %r = math.isinf %x : f32
  return %r : i1
}

// 1 + erf(x) does not cancel: every step is the polynomial of erfc(-x).
// CHECK-LABEL: func.func @shifted_erf
//  CHECK-SAME:   %[[X:.*]]: f32
//       CHECK:   arith.negf %[[X]] : f32
//   CHECK-NOT: math.erf
func.func @shifted_erf(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %e = math.erf %x : f32
  %r = arith.addf %e, %one : f32
  return %r : f32
}

// CHECK-LABEL: func.func @copy
//  CHECK-NEXT: linalg.generic
//       CHECK: linalg.yield
func.func @copy(%a: memref<?x4xf32, strided<[8, 1]>>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32, strided<[8, 1]>> to memref<?x4xf32>
  return
}

//--- invalid.mlir
func.func @narrow(%x: f32) -> f32 {
  // expected-error @+1 {{expects a float type that the CPU target knows, but got 'f8E4M3FN'}}
  %t = arith.truncf %x : f32 to f8E4M3FN
  %r = arith.extf %t : f8E4M3FN to f32
  return %r : f32
}
