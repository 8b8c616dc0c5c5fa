// RUN: moe-opt %s --moe-expand-activation --canonicalize | FileCheck %s
// RUN: moe-opt %s --moe-expand-activation --verify-roundtrip -o /dev/null

!r = tensor<?x16xf32>

// CHECK-LABEL: func.func @silu_gate
// CHECK:       moe.activation %{{.*}}, %{{.*}} body {
// CHECK-NEXT:  ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG:     %[[LOWEST:.*]] = arith.constant -3.40282347E+38 : f32
// CHECK:         %[[B:.*]] = arith.maximumf %[[G]], %[[LOWEST]] : f32
// CHECK-NEXT:    %[[N:.*]] = arith.negf %[[B]] : f32
// CHECK-NEXT:    %[[E:.*]] = math.exp %[[N]] : f32
// CHECK-NEXT:    %[[D:.*]] = arith.addf %[[E]], %[[ONE]] : f32
// CHECK-NEXT:    %[[S:.*]] = arith.divf %[[B]], %[[D]] : f32
// CHECK-NEXT:    %[[Y:.*]] = arith.mulf %[[S]], %[[U]] : f32
// CHECK-NEXT:    moe.yield %[[Y]] : f32
// CHECK-NEXT:  } : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
func.func @silu_gate(%g: !r, %u: !r) -> !r {
  %h = moe.activation %g, %u kind(silu_gate) : (!r, !r) -> !r
  return %h : !r
}

// CHECK-LABEL: func.func @gelu_gate
// CHECK:       layout<interleaved, up_first> body {
// CHECK-NEXT:  ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-DAG:     %[[HALF:.*]] = arith.constant 5.000000e-01 : f32
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG:     %[[ROOT:.*]] = arith.constant 0.707106769 : f32
// CHECK-DAG:     %[[LOWEST:.*]] = arith.constant -3.40282347E+38 : f32
// CHECK:         %[[B:.*]] = arith.maximumf %[[G]], %[[LOWEST]] : f32
// CHECK-NEXT:    %[[X:.*]] = arith.mulf %[[B]], %[[ROOT]] : f32
// CHECK-NEXT:    %[[ERF:.*]] = math.erf %[[X]] : f32
// CHECK-NEXT:    %[[P:.*]] = arith.addf %[[ERF]], %[[ONE]] : f32
// CHECK-NEXT:    %[[H:.*]] = arith.mulf %[[B]], %[[HALF]] : f32
// CHECK-NEXT:    %[[S:.*]] = arith.mulf %[[H]], %[[P]] : f32
// CHECK-NEXT:    arith.mulf %[[S]], %[[U]] : f32
func.func @gelu_gate(%x: tensor<?x32xf32>) -> !r {
  %h = moe.activation %x kind(gelu_gate) layout<interleaved, up_first> : (tensor<?x32xf32>) -> !r
  return %h : !r
}

// CHECK-LABEL: func.func @gelu_tanh_gate
// CHECK:       ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG:     %[[ROOT:.*]] = arith.constant -1.59576917 : f32
// CHECK-DAG:     %[[C:.*]] = arith.constant 4.471500e-02 : f32
// CHECK:         %[[B:.*]] = arith.maximumf %[[G]],
// CHECK-NEXT:    %[[B2:.*]] = arith.mulf %[[B]], %[[B]] : f32
// CHECK-NEXT:    %[[B3:.*]] = arith.mulf %[[B2]], %[[B]] : f32
// CHECK-NEXT:    %[[CB3:.*]] = arith.mulf %[[B3]], %[[C]] : f32
// CHECK-NEXT:    %[[SUM:.*]] = arith.addf %[[B]], %[[CB3]] : f32
// CHECK-NEXT:    %[[I:.*]] = arith.mulf %[[SUM]], %[[ROOT]] : f32
// CHECK-NEXT:    %[[E:.*]] = math.exp %[[I]] : f32
// CHECK-NEXT:    %[[D:.*]] = arith.addf %[[E]], %[[ONE]] : f32
// CHECK-NEXT:    %[[S:.*]] = arith.divf %[[B]], %[[D]] : f32
// CHECK-NEXT:    arith.mulf %[[S]], %[[U]] : f32
func.func @gelu_tanh_gate(%g: !r, %u: !r) -> !r {
  %h = moe.activation %g, %u kind(gelu_tanh_gate) : (!r, !r) -> !r
  return %h : !r
}

// CHECK-LABEL: func.func @relu_gate
// CHECK:       ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-NEXT:    %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %[[R:.*]] = arith.maximumf %[[G]], %[[ZERO]] : f32
// CHECK-NEXT:    arith.mulf %[[R]], %[[U]] : f32
func.func @relu_gate(%g: !r, %u: !r) -> !r {
  %h = moe.activation %g, %u kind(relu_gate) : (!r, !r) -> !r
  return %h : !r
}

// CHECK-LABEL: func.func @gpt_oss_swiglu
// CHECK:       ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG:     %[[ALPHA:.*]] = arith.constant -1.702000e+00 : f32
// CHECK-DAG:     %[[P7:.*]] = arith.constant 7.000000e+00 : f32
// CHECK-DAG:     %[[M7:.*]] = arith.constant -7.000000e+00 : f32
// CHECK-DAG:     %[[LOWEST:.*]] = arith.constant -3.40282347E+38 : f32
// CHECK:         %[[G7:.*]] = arith.minimumf %[[G]], %[[P7]] : f32
// CHECK-NEXT:    %[[UL:.*]] = arith.maximumf %[[U]], %[[M7]] : f32
// CHECK-NEXT:    %[[UB:.*]] = arith.minimumf %[[UL]], %[[P7]] : f32
// CHECK-NEXT:    %[[B:.*]] = arith.maximumf %[[G7]], %[[LOWEST]] : f32
// CHECK-NEXT:    %[[N:.*]] = arith.mulf %[[B]], %[[ALPHA]] : f32
// CHECK-NEXT:    %[[E:.*]] = math.exp %[[N]] : f32
// CHECK-NEXT:    %[[D:.*]] = arith.addf %[[E]], %[[ONE]] : f32
// CHECK-NEXT:    %[[S:.*]] = arith.divf %[[B]], %[[D]] : f32
// CHECK-NEXT:    %[[V:.*]] = arith.addf %[[UB]], %[[ONE]] : f32
// CHECK-NEXT:    arith.mulf %[[S]], %[[V]] : f32
func.func @gpt_oss_swiglu(%g: !r, %u: !r) -> !r {
  %h = moe.activation %g, %u kind(gpt_oss_swiglu) : (!r, !r) -> !r
  return %h : !r
}

// CHECK-LABEL: func.func @plain
// CHECK:       ^bb0(%[[X:.*]]: f32):
// CHECK:         %[[D:.*]] = arith.divf
// CHECK-NEXT:    moe.yield %[[D]]
// CHECK:       ^bb0(%[[X:.*]]: f32):
// CHECK:         math.erf
// CHECK:       ^bb0(%[[X:.*]]: f32):
// CHECK:         arith.constant -1.59576917 : f32
// CHECK:         math.exp
// CHECK:       ^bb0(%[[X:.*]]: f32):
// CHECK:         %[[M:.*]] = arith.maximumf %[[X]], %{{.*}} : f32
// CHECK-NEXT:    moe.yield %[[M]]
// CHECK:       ^bb0(%[[X:.*]]: f32):
// CHECK:         %[[M:.*]] = arith.maximumf %[[X]], %{{.*}} : f32
// CHECK-NEXT:    %[[S:.*]] = arith.mulf %[[M]], %[[M]] : f32
// CHECK-NEXT:    moe.yield %[[S]]
func.func @plain(%x: !r) -> (!r, !r, !r, !r, !r) {
  %a = moe.activation %x kind(silu) : (!r) -> !r
  %b = moe.activation %x kind(gelu) : (!r) -> !r
  %c = moe.activation %x kind(gelu_tanh) : (!r) -> !r
  %d = moe.activation %x kind(relu) : (!r) -> !r
  %e = moe.activation %x kind(relu2) : (!r) -> !r
  return %a, %b, %c, %d, %e : !r, !r, !r, !r, !r
}

// A body is left as it is.

// CHECK-LABEL: func.func @body
// CHECK:       ^bb0(%[[X:.*]]: f32):
// CHECK-NEXT:    moe.yield %[[X]] : f32
func.func @body(%x: !r) -> !r {
  %a = moe.activation %x body {
  ^bb0(%v: f32):
    moe.yield %v : f32
  } : (!r) -> !r
  return %a : !r
}
