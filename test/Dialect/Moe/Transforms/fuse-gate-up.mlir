// RUN: moe-opt %s --moe-fuse-gate-up | FileCheck %s
// RUN: moe-opt %s --moe-fuse-gate-up --remarks-filter=moe-fusion --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!weight = tensor<8x48x64xbf16>
!h = tensor<?x48xbf16>

// The order of the weights is that of the activation, whatever the program order.

// CHECK-LABEL: func.func @joined_by_activation
// CHECK-SAME:  (%[[X:.*]]: tensor<?x64xbf16>, %[[O:.*]]: tensor<9xi32>, %[[G:.*]]: tensor<8x48x64xbf16>, %[[U:.*]]: tensor<8x48x64xbf16>)
// CHECK-NEXT:  %[[PG:.*]], %[[PU:.*]] = moe.grouped_matmul %[[X]], %[[O]], %[[G]], %[[U]] :
// CHECK-SAME:    -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
// CHECK-NEXT:  %[[H:.*]] = moe.activation %[[PG]], %[[PU]] kind(silu_gate) :
// CHECK-NEXT:  return %[[H]]
// REMARK:      remark: [Passed] moe-fuse-gate-up | Category:moe-fusion | Function=joined_by_activation
func.func @joined_by_activation(%x: !x, %o: !offsets, %gate: !weight, %up: !weight) -> !h {
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> !h
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @two_results
// CHECK:       %[[PG:.*]], %[[PU:.*]] = moe.grouped_matmul %{{.*}}, %{{.*}}, %[[A:.*]], %[[B:.*]] :
// CHECK-NEXT:  return %[[PG]], %[[PU]]
func.func @two_results(%x: !x, %o: !offsets, %a: !weight, %b: !weight) -> (!h, !h) {
  %p = moe.grouped_matmul %x, %o, %a : (!x, !offsets, !weight) -> !h
  %q = moe.grouped_matmul %x, %o, %b : (!x, !offsets, !weight) -> !h
  return %p, %q : !h, !h
}

// A product with further users may be joined: all of them read the new results.

// CHECK-LABEL: func.func @multi_use
// CHECK:       %[[PG:.*]], %[[PU:.*]] = moe.grouped_matmul
// CHECK-NEXT:  %[[H:.*]] = moe.activation %[[PG]], %[[PU]]
// CHECK-NEXT:  return %[[H]], %[[PG]]
func.func @multi_use(%x: !x, %o: !offsets, %gate: !weight, %up: !weight) -> (!h, !h) {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(gelu_gate) : (!h, !h) -> !h
  return %h, %g : !h, !h
}

// CHECK-LABEL: func.func @bias_transposed_gather
// CHECK-SAME:  %[[GB:[a-z0-9]*]]: tensor<8x48xf32>, %[[UB:[a-z0-9]*]]: tensor<8x48xf32>
// CHECK:       %[[PG:.*]], %[[PU:.*]] = moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} bias(%[[GB]], %[[UB]]) gather(%{{.*}}) top_k(2) transposed :
// CHECK-NEXT:  moe.activation %[[PG]], %[[PU]]
func.func @bias_transposed_gather(%x: !x, %o: !offsets, %routes: tensor<?xi32>,
                                  %gate: tensor<8x64x48xbf16>, %up: tensor<8x64x48xbf16>,
                                  %gate_bias: tensor<8x48xf32>, %up_bias: tensor<8x48xf32>) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate bias(%gate_bias) gather(%routes) top_k(2) transposed
    : (!x, !offsets, tensor<8x64x48xbf16>, tensor<8x48xf32>, tensor<?xi32>) -> !h
  %u = moe.grouped_matmul %x, %o, %up bias(%up_bias) gather(%routes) top_k(2) transposed
    : (!x, !offsets, tensor<8x64x48xbf16>, tensor<8x48xf32>, tensor<?xi32>) -> !h
  %h = moe.activation %g, %u kind(gpt_oss_swiglu) : (!h, !h) -> !h
  return %h : !h
}

// The up weight is made after the gate product: the joined op stands at the second.

// CHECK-LABEL: func.func @operand_in_between
// CHECK-NEXT:  %[[W:.*]] = arith.select
// CHECK-NEXT:  %[[PG:.*]], %[[PU:.*]] = moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}}, %[[W]] :
func.func @operand_in_between(%x: !x, %o: !offsets, %gate: !weight, %up: !weight, %c: i1) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %w = arith.select %c, %gate, %up : !weight
  %u = moe.grouped_matmul %x, %o, %w : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// The first product must exist before an operand of the second: no place serves both.

// CHECK-LABEL: func.func @no_place
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      remark: [Missed] moe-fuse-gate-up | Category:moe-fusion | Function=no_place | Remark="a use of the first product precedes an operand of the second"
func.func private @weight_from(!h) -> !weight
func.func @no_place(%x: !x, %o: !offsets, %gate: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %up = func.call @weight_from(%g) : (!h) -> !weight
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// Of three products of the same rows those that an activation joins go together.

// CHECK-LABEL: func.func @three_products
// CHECK-SAME:  %[[A:[a-z0-9]*]]: tensor<8x48x64xbf16>, %[[B:[a-z0-9]*]]: tensor<8x48x64xbf16>, %[[C:[a-z0-9]*]]: tensor<8x48x64xbf16>
// CHECK-DAG:   %[[P:.*]] = moe.grouped_matmul %{{.*}}, %{{.*}}, %[[A]] :
// CHECK-DAG:   %[[QG:.*]], %[[QU:.*]] = moe.grouped_matmul %{{.*}}, %{{.*}}, %[[B]], %[[C]] :
// CHECK:       moe.activation %[[QG]], %[[QU]]
func.func @three_products(%x: !x, %o: !offsets, %a: !weight, %b: !weight, %c: !weight) -> (!h, !h) {
  %p = moe.grouped_matmul %x, %o, %a : (!x, !offsets, !weight) -> !h
  %g = moe.grouped_matmul %x, %o, %b : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %o, %c : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %p, %h : !h, !h
}

// Products with plain activations of their own fuse better with those.

// CHECK-LABEL: func.func @own_activations
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
func.func @own_activations(%x: !x, %o: !offsets, %a: !weight, %b: !weight) -> (!h, !h) {
  %p = moe.grouped_matmul %x, %o, %a : (!x, !offsets, !weight) -> !h
  %q = moe.grouped_matmul %x, %o, %b : (!x, !offsets, !weight) -> !h
  %r = moe.activation %p kind(relu) : (!h) -> !h
  %s = moe.activation %q kind(silu) : (!h) -> !h
  return %r, %s : !h, !h
}

// CHECK-LABEL: func.func @different_rows
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      Function=different_rows | Remark="the two products read different rows"
func.func @different_rows(%x: !x, %z: !x, %o: !offsets, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %z, %o, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @different_offsets
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      Function=different_offsets | Remark="the two products have different offsets"
func.func @different_offsets(%x: !x, %o: !offsets, %r: !offsets, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %r, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @different_storage
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}}{{( transposed)?}} :
// REMARK:      Function=different_storage | Remark="the two products have weights of different types"
func.func @different_storage(%x: !x, %o: !offsets, %gate: !weight, %up: tensor<8x64x48xbf16>) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %o, %up transposed : (!x, !offsets, tensor<8x64x48xbf16>) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @bias_on_one
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} bias(%{{[a-z0-9]*}}) :
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      Function=bias_on_one | Remark="the two products have biases of different types"
func.func @bias_on_one(%x: !x, %o: !offsets, %gate: !weight, %up: !weight, %b: tensor<8x48xf32>) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate bias(%b) : (!x, !offsets, !weight, tensor<8x48xf32>) -> !h
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @several_blocks
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      Function=several_blocks | Remark="the two products are in different blocks"
func.func @several_blocks(%x: !x, %o: !offsets, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  cf.br ^next
^next:
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @different_results
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      Function=different_results | Remark="the two products have results of different types"
func.func @different_results(%x: !x, %o: !offsets, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> tensor<8x48xbf16>
  %h = moe.activation %g, %u kind(silu_gate) : (!h, tensor<8x48xbf16>) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @fused_already
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}}{{( epilogue \{| :)}}
// REMARK:      Function=fused_already | Remark="one of the two products has other ops fused into it"
func.func @fused_already(%x: !x, %o: !offsets, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate epilogue {
  ^bb0(%v: f32):
    %n = arith.negf %v : f32
    moe.yield %n : f32
  } : (!x, !offsets, !weight) -> !h
  %u = moe.grouped_matmul %x, %o, %up : (!x, !offsets, !weight) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @different_routes
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} gather(
// REMARK:      Function=different_routes | Remark="the two products read different rows"
func.func @different_routes(%x: !x, %o: !offsets, %r: tensor<?xi32>, %s: tensor<?xi32>, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate gather(%r) top_k(2) : (!x, !offsets, !weight, tensor<?xi32>) -> !h
  %u = moe.grouped_matmul %x, %o, %up gather(%s) top_k(2) : (!x, !offsets, !weight, tensor<?xi32>) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// CHECK-LABEL: func.func @different_top_k
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} gather(
// REMARK:      Function=different_top_k | Remark="the two products read different rows"
func.func @different_top_k(%x: !x, %o: !offsets, %r: tensor<?xi32>, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate gather(%r) top_k(2) : (!x, !offsets, !weight, tensor<?xi32>) -> !h
  %u = moe.grouped_matmul %x, %o, %up gather(%r) top_k(4) : (!x, !offsets, !weight, tensor<?xi32>) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}

// Square weights have one type in both storages.

// CHECK-LABEL: func.func @different_storage_of_one_type
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}}{{( transposed)?}} :
// REMARK:      Function=different_storage_of_one_type | Remark="the two products have weights of different types"
func.func @different_storage_of_one_type(%x: !x, %o: !offsets, %gate: tensor<8x64x64xbf16>, %up: tensor<8x64x64xbf16>) -> !x {
  %g = moe.grouped_matmul %x, %o, %gate : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %u = moe.grouped_matmul %x, %o, %up transposed : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %h = moe.activation %g, %u kind(silu_gate) : (!x, !x) -> !x
  return %h : !x
}

// CHECK-LABEL: func.func @combined_already
// CHECK-COUNT-2: moe.grouped_matmul %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} combine(
// REMARK:      Function=combined_already | Remark="one of the two products has other ops fused into it"
func.func @combined_already(%x: !x, %o: !offsets, %r: tensor<?xi32>, %w: tensor<?x2xf32>, %gate: !weight, %up: !weight) -> !h {
  %g = moe.grouped_matmul %x, %o, %gate combine(%w, %r) : (!x, !offsets, !weight, tensor<?x2xf32>, tensor<?xi32>) -> !h
  %u = moe.grouped_matmul %x, %o, %up combine(%w, %r) : (!x, !offsets, !weight, tensor<?x2xf32>, tensor<?xi32>) -> !h
  %h = moe.activation %g, %u kind(silu_gate) : (!h, !h) -> !h
  return %h : !h
}
