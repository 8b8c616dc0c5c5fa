// RUN: moe-opt %s --moe-fuse-activation | FileCheck %s
// RUN: moe-opt %s --moe-fuse-activation --remarks-filter=moe-fusion --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!weight = tensor<8x48x64xbf16>
!h = tensor<?x48xbf16>

// CHECK-LABEL: func.func @layout
// CHECK-SAME:  (%[[X:.*]]: tensor<?x64xbf16>, %[[O:.*]]: tensor<9xi32>, %[[W:.*]]: tensor<8x96x64xbf16>)
// CHECK-NEXT:  %[[H:.*]] = moe.grouped_matmul %[[X]], %[[O]], %[[W]] layout<halves, gate_first> epilogue {
// CHECK-NEXT:  ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-NEXT:    %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %[[RELU:.*]] = arith.maximumf %[[G]], %[[ZERO]] : f32
// CHECK-NEXT:    %[[Y:.*]] = arith.mulf %[[RELU]], %[[U]] : f32
// CHECK-NEXT:    moe.yield %[[Y]] : f32
// CHECK-NEXT:  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x96x64xbf16>) -> tensor<?x48xbf16>
// CHECK-NEXT:  return %[[H]]
// REMARK:      remark: [Passed] moe-fuse-activation | Category:moe-fusion | Function=layout
func.func @layout(%x: !x, %o: !offsets, %w: tensor<8x96x64xbf16>) -> !h {
  %gu = moe.grouped_matmul %x, %o, %w : (!x, !offsets, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  %h = moe.activation %gu kind(relu_gate) layout<halves, gate_first> : (tensor<?x96xbf16>) -> !h
  return %h : !h
}

// The activation names its gate, here the second product.

// CHECK-LABEL: func.func @two_weights
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}, %{{.*}}) gather(%{{.*}}) top_k(2) epilogue {
// CHECK-NEXT:  ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
// CHECK:         %[[RELU:.*]] = arith.maximumf %[[B]], %{{.*}} : f32
// CHECK-NEXT:    arith.mulf %[[RELU]], %[[A]] : f32
func.func @two_weights(%x: !x, %o: !offsets, %routes: tensor<?xi32>, %a: !weight, %b: !weight,
                       %a_bias: tensor<8x48xbf16>, %b_bias: tensor<8x48xbf16>) -> !h {
  %p, %q = moe.grouped_matmul %x, %o, %a, %b bias(%a_bias, %b_bias) gather(%routes) top_k(2)
    : (!x, !offsets, !weight, !weight, tensor<8x48xbf16>, tensor<8x48xbf16>, tensor<?xi32>) -> (!h, !h)
  %h = moe.activation %q, %p kind(relu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @plain_body
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} transposed epilogue {
// CHECK-NEXT:  ^bb0(%[[A:.*]]: f32):
// CHECK-NEXT:    %[[B:.*]] = arith.addf %[[A]], %[[A]] : f32
// CHECK-NEXT:    moe.yield %[[B]] : f32
func.func @plain_body(%x: !x, %o: !offsets, %w: tensor<8x64x48xbf16>) -> !h {
  %p = moe.grouped_matmul %x, %o, %w transposed : (!x, !offsets, tensor<8x64x48xbf16>) -> !h
  %h = moe.activation %p body {
  ^bb0(%a: f32):
    %b = arith.addf %a, %a : f32
    moe.yield %b : f32
  } : (!h) -> !h
  return %h : !h
}

// One product for gate and up alike.

// CHECK-LABEL: func.func @same_product
// CHECK:       ^bb0(%[[A:.*]]: f32):
// CHECK:         %[[RELU:.*]] = arith.maximumf %[[A]], %{{.*}} : f32
// CHECK-NEXT:    arith.mulf %[[RELU]], %[[A]] : f32
func.func @same_product(%x: !x, %o: !offsets, %w: !weight) -> !h {
  %p = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  %h = moe.activation %p, %p kind(relu_gate) : (!h, !h) -> !h
  return %h : !h
}

// Two activations in a row: the second follows the first in one epilogue.

// CHECK-LABEL: func.func @composed
// CHECK:       ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK:         %[[RELU:.*]] = arith.maximumf %[[G]], %{{.*}} : f32
// CHECK-NEXT:    %[[P:.*]] = arith.mulf %[[RELU]], %[[U]] : f32
// CHECK-NEXT:    %[[N:.*]] = arith.negf %[[P]] : f32
// CHECK-NEXT:    moe.yield %[[N]] : f32
// CHECK-NOT:   moe.activation
func.func @composed(%x: !x, %o: !offsets, %w: tensor<8x96x64xbf16>) -> !h {
  %gu = moe.grouped_matmul %x, %o, %w : (!x, !offsets, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  %h = moe.activation %gu kind(relu_gate) layout<interleaved, up_first> : (tensor<?x96xbf16>) -> !h
  %n = moe.activation %h body {
  ^bb0(%a: f32):
    %b = arith.negf %a : f32
    moe.yield %b : f32
  } : (!h) -> !h
  return %n : !h
}

// A plain epilogue before a gated activation applies to gate and to up.

// CHECK-LABEL: func.func @gated_after_plain
// CHECK:       layout<halves, up_first> epilogue {
// CHECK-NEXT:  ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-NEXT:    %[[NG:.*]] = arith.negf %[[G]] : f32
// CHECK-NEXT:    %[[NU:.*]] = arith.negf %[[U]] : f32
// CHECK:         %[[RELU:.*]] = arith.maximumf %[[NG]], %{{.*}} : f32
// CHECK-NEXT:    arith.mulf %[[RELU]], %[[NU]] : f32
func.func @gated_after_plain(%x: !x, %o: !offsets, %w: tensor<8x96x64xbf16>) -> !h {
  %gu = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%a: f32):
    %b = arith.negf %a : f32
    moe.yield %b : f32
  } : (!x, !offsets, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  %h = moe.activation %gu kind(relu_gate) layout<halves, up_first> : (tensor<?x96xbf16>) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @static_tokens
// CHECK:       epilogue {
// CHECK:       } : (tensor<16x64xf16>, tensor<9xi32>, tensor<8x48x64xf16>) -> tensor<16x48xf16>
func.func @static_tokens(%x: tensor<16x64xf16>, %o: !offsets, %w: tensor<8x48x64xf16>) -> tensor<16x48xf16> {
  %p = moe.grouped_matmul %x, %o, %w : (tensor<16x64xf16>, !offsets, tensor<8x48x64xf16>) -> tensor<16x48xf16>
  %h = moe.activation %p kind(relu2) : (tensor<16x48xf16>) -> tensor<16x48xf16>
  return %h : tensor<16x48xf16>
}

// CHECK-LABEL: func.func @multi_use
// CHECK:       moe.activation
// REMARK:      Function=multi_use | Remark="the product has another user"
func.func @multi_use(%x: !x, %o: !offsets, %w: !weight) -> (!h, !h) {
  %p = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  %h = moe.activation %p kind(silu) : (!h) -> !h
  return %h, %p : !h, !h
}

// CHECK-LABEL: func.func @two_matmuls
// CHECK:       moe.activation
// REMARK:      Function=two_matmuls | Remark="gate and up do not come from one grouped matmul"
func.func @two_matmuls(%x: !x, %o: !offsets, %a: !weight, %b: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %a : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %o, %b : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @one_of_two
// CHECK:       moe.activation
// REMARK:      Function=one_of_two | Remark="the activation reads one of the two products only"
func.func @one_of_two(%x: !x, %o: !offsets, %a: !weight, %b: !weight) -> (!h, !h) {
  %p, %q = moe.grouped_matmul %x, %o, %a, %b : (!x, !offsets, !weight, !weight) -> (!h, !h)
  %h = moe.activation %p kind(silu) : (!h) -> !h
  return %h, %q : !h, !h
}

// CHECK-LABEL: func.func @gated_after_gated
// CHECK:       moe.activation %{{.*}} kind(silu_gate)
// REMARK:      Function=gated_after_gated | Remark="gate and up of the activation are neighbours in a gated product"
func.func @gated_after_gated(%x: !x, %o: !offsets, %w: tensor<8x96x64xbf16>) -> tensor<?x24xbf16> {
  %gu = moe.grouped_matmul %x, %o, %w : (!x, !offsets, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  %h = moe.activation %gu kind(relu_gate) layout<halves, gate_first> : (tensor<?x96xbf16>) -> !h
  %i = moe.activation %h kind(silu_gate) layout<halves, gate_first> : (!h) -> tensor<?x24xbf16>
  return %i : tensor<?x24xbf16>
}

// CHECK-LABEL: func.func @after_combine
// CHECK:       moe.activation
// REMARK:      Function=after_combine | Remark="the grouped matmul combines its rows before the activation"
func.func @after_combine(%x: !x, %o: !offsets, %routes: tensor<?xi32>, %weights: tensor<?x2xf32>,
                         %w: !weight) -> !h {
  %p = moe.grouped_matmul %x, %o, %w combine(%weights, %routes)
    : (!x, !offsets, !weight, tensor<?x2xf32>, tensor<?xi32>) -> !h
  %h = moe.activation %p kind(silu) : (!h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @no_matmul
// CHECK:       moe.activation
// REMARK:      Function=no_matmul | Remark="the input does not come straight from a grouped matmul"
func.func @no_matmul(%x: !x) -> !x {
  %h = moe.activation %x kind(silu) : (!x) -> !x
  return %h : !x
}

// CHECK-LABEL: func.func @several_blocks
// CHECK:       moe.activation
// REMARK:      Function=several_blocks | Remark="the grouped matmul is in another block"
func.func @several_blocks(%x: !x, %o: !offsets, %w: !weight) -> !h {
  %p = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  cf.br ^next
^next:
  %h = moe.activation %p kind(silu) : (!h) -> !h
  return %h : !h
}

// The epilogue leaves zeros after the last group, the activation would leave ones: the caller of
// @visible_tail sees the difference, the matmul in @unread_tail does not.

// CHECK-LABEL: func.func @visible_tail
// CHECK:       moe.activation
// REMARK:      Function=visible_tail | Remark="rows that belong to no expert are read after the activation and may not be zero"
func.func @visible_tail(%x: !x, %o: !offsets, %w: !weight) -> !h {
  %p = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  %h = moe.activation %p body {
  ^bb0(%a: f32):
    %e = math.exp %a : f32
    moe.yield %e : f32
  } : (!h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @unread_tail
// CHECK-NOT:   moe.activation
// CHECK:       return
func.func @unread_tail(%x: !x, %o: !offsets, %w: !weight, %down: tensor<8x64x48xbf16>) -> !x {
  %p = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  %h = moe.activation %p body {
  ^bb0(%a: f32):
    %e = math.exp %a : f32
    moe.yield %e : f32
  } : (!h) -> !h
  %y = moe.grouped_matmul %h, %o, %down : (!h, !offsets, tensor<8x64x48xbf16>) -> !x
  return %y : !x
}

// A body that maps zero to zero is recognised by evaluating it.

// CHECK-LABEL: func.func @zero_to_zero
// CHECK-NOT:   moe.activation
// CHECK:       return
func.func @zero_to_zero(%x: !x, %o: !offsets, %w: !weight) -> !h {
  %p = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  %h = moe.activation %p body {
  ^bb0(%a: f32):
    %one = arith.constant 1.0 : f32
    %e = math.exp %a : f32
    %m = arith.subf %e, %one : f32
    %c = arith.cmpf ogt, %a, %m : f32
    %y = arith.select %c, %a, %m : f32
    moe.yield %y : f32
  } : (!h) -> !h
  return %h : !h
}
