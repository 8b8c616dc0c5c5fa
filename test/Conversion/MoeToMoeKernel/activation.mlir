// Activations alone: a body as it is, a kind spelled out by the one definition it has.
// RUN: moe-opt %s --convert-moe-to-kernel --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @body_t0(
// CHECK: moe_kernel.activation ins(%{{[a-z0-9]+}}, %{{[a-z0-9]+}} : memref<?x64xbf16>, memref<?x64xbf16>)
// CHECK-SAME: outs(%{{[a-z0-9]+}} : memref<?x64xbf16>) schedule<threads = 256, per_thread = 2> {
// CHECK-NEXT: ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-NEXT: %[[V:.*]] = arith.subf %[[G]], %[[U]] : f32
// CHECK-NEXT: moe_kernel.yield %[[V]] : f32
func.func @body(%g: tensor<?x64xbf16>, %u: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %y = moe.activation %g, %u body {
  ^bb0(%gate: f32, %up: f32):
    %v = arith.subf %gate, %up : f32
    moe.yield %v : f32
  } : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// CHECK-LABEL: func.func @kind_t0(
// CHECK: moe_kernel.activation ins(%{{[a-z0-9]+}} : memref<?x128xf16>) outs(%{{[a-z0-9]+}} : memref<?x64xf16>)
// CHECK-SAME: layout<interleaved, gate_first>
// CHECK: arith.maximumf
// CHECK: arith.mulf
// CHECK: moe_kernel.yield
func.func @kind(%x: tensor<?x128xf16>) -> tensor<?x64xf16> {
  %y = moe.activation %x kind(relu_gate) layout<interleaved, gate_first> : (tensor<?x128xf16>) -> tensor<?x64xf16>
  return %y : tensor<?x64xf16>
}
