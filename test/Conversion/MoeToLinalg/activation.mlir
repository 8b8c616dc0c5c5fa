// RUN: moe-opt %s --convert-moe-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @halves_up_first
//  CHECK-SAME:     %[[X:.*]]: tensor<?x32xbf16>
//       CHECK: %[[GATE:.*]] = tensor.extract_slice %[[X]][0, 16] [%{{.*}}, 16] [1, 1]
//       CHECK: %[[UP:.*]] = tensor.extract_slice %[[X]][0, 0] [%{{.*}}, 16] [1, 1]
//       CHECK: linalg.generic {{.*}} ins(%[[GATE]], %[[UP]] : tensor<?x16xbf16>, tensor<?x16xbf16>)
//       CHECK:   arith.extf
//       CHECK:   math.exp
//       CHECK:   arith.truncf
func.func @halves_up_first(%x: tensor<?x32xbf16>) -> tensor<?x16xbf16> {
  %y = moe.activation %x kind(silu_gate) layout<halves, up_first>
    : (tensor<?x32xbf16>) -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}

// CHECK-LABEL: func.func @interleaved_gate_first
//       CHECK: tensor.extract_slice %{{.*}}[0, 0] [4, 16] [1, 2] : tensor<4x32xf16> to tensor<4x16xf16>
//       CHECK: tensor.extract_slice %{{.*}}[0, 1] [4, 16] [1, 2] : tensor<4x32xf16> to tensor<4x16xf16>
func.func @interleaved_gate_first(%x: tensor<4x32xf16>) -> tensor<4x16xf16> {
  %y = moe.activation %x kind(gpt_oss_swiglu) layout<interleaved, gate_first>
    : (tensor<4x32xf16>) -> tensor<4x16xf16>
  return %y : tensor<4x16xf16>
}

// A body of any scalar ops; f32 data needs no conversion.
// CHECK-LABEL: func.func @body
//       CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x16xf32>, tensor<?x16xf32>)
//  CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:   %[[T:.*]] = math.tanh %[[A]] : f32
//  CHECK-NEXT:   %[[M:.*]] = arith.mulf %[[T]], %[[B]] : f32
//  CHECK-NEXT:   linalg.yield %[[M]] : f32
func.func @body(%gate: tensor<?x16xf32>, %up: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = moe.activation %gate, %up body {
  ^bb0(%g: f32, %u: f32):
    %t = math.tanh %g : f32
    %m = arith.mulf %t, %u : f32
    moe.yield %m : f32
  } : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
