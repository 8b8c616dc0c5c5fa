// RUN: moe-opt %s --moe-fuse-padding | FileCheck %s
// RUN: moe-opt %s --moe-fuse-padding --remarks-filter=moe-fusion --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!x = tensor<?x64xbf16>
!experts = tensor<?x2xi32>
!routes = tensor<?xi32>
!offsets = tensor<9xi32>

// CHECK-LABEL: func.func @chain
// CHECK-SAME:  %[[X:.*]]: tensor<?x64xbf16>, %[[E:.*]]: tensor<?x2xi32>, %[[GU:.*]]: tensor<8x96x64xbf16>, %[[D:.*]]: tensor<8x64x48xbf16>
// CHECK-NEXT:  %[[ROWS:.*]], %{{.*}}, %[[O:.*]] = moe.permute %[[E]], %[[X]] experts(8)
// CHECK-NEXT:  %[[P:.*]] = moe.grouped_matmul %[[ROWS]], %[[O]], %[[GU]] :
// CHECK-NEXT:  %[[H:.*]] = moe.activation %[[P]] kind(silu_gate)
// CHECK-NEXT:  %[[Q:.*]] = moe.grouped_matmul %[[H]], %[[O]], %[[D]] :
// CHECK-NEXT:  return %[[Q]]
// REMARK:      remark: [Passed] moe-fuse-padding | Category:moe-fusion | Function=chain
func.func @chain(%x: !x, %experts: !experts, %gate_up: tensor<8x96x64xbf16>,
                 %down: tensor<8x64x48xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %gu = moe.grouped_matmul %prows, %poffsets, %gate_up : (!x, !offsets, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  %h = moe.activation %gu kind(silu_gate) layout<halves, gate_first> : (tensor<?x96xbf16>) -> tensor<?x48xbf16>
  %d = moe.grouped_matmul %h, %poffsets, %down : (tensor<?x48xbf16>, !offsets, tensor<8x64x48xbf16>) -> !x
  %y = moe.unpad %d, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// Static T: P = 8 + min(4, 8) * 7 = 36 padded rows become 8 rows again, in every type.

// CHECK-LABEL: func.func @static_tokens
// CHECK-NOT:   36
// CHECK:       moe.grouped_matmul {{.*}} -> tensor<8x96xbf16>
// CHECK-NEXT:  moe.activation {{.*}} -> tensor<8x48xbf16>
// CHECK-NEXT:  return
func.func @static_tokens(%x: tensor<4x64xbf16>, %experts: tensor<4x2xi32>, %w: tensor<4x96x64xbf16>)
    -> tensor<8x48xbf16> {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(4)
    : (tensor<4x2xi32>, tensor<4x64xbf16>) -> (tensor<8x64xbf16>, tensor<8xi32>, tensor<5xi32>)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<8x64xbf16>, tensor<5xi32>) -> (tensor<36x64xbf16>, tensor<5xi32>)
  %gu = moe.grouped_matmul %prows, %poffsets, %w : (tensor<36x64xbf16>, tensor<5xi32>, tensor<4x96x64xbf16>) -> tensor<36x96xbf16>
  %h = moe.activation %gu kind(silu_gate) layout<interleaved, gate_first> : (tensor<36x96xbf16>) -> tensor<36x48xbf16>
  %y = moe.unpad %h, %poffsets, %offsets, %routes
    : (tensor<36x48xbf16>, tensor<5xi32>, tensor<5xi32>, tensor<8xi32>) -> tensor<8x48xbf16>
  return %y : tensor<8x48xbf16>
}

// Two products, a two-input activation and two unpads of one pad.

// CHECK-LABEL: func.func @several_users
// CHECK-NOT:   moe.pad
// CHECK-NOT:   moe.unpad
// CHECK:       return
func.func @several_users(%x: !x, %experts: !experts, %gate: tensor<8x64x64xbf16>,
                         %up: tensor<8x64x64xbf16>) -> (!x, !x) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(16) : (!x, !offsets) -> (!x, !offsets)
  %g = moe.grouped_matmul %prows, %poffsets, %gate : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %u = moe.grouped_matmul %prows, %poffsets, %up : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %h = moe.activation %g, %u kind(relu_gate) : (!x, !x) -> !x
  %p = moe.unpad %h, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  %q = moe.unpad %g, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %p, %q : !x, !x
}

// CHECK-LABEL: func.func @padded_rows_escape
// CHECK:       moe.pad
// CHECK:       moe.unpad
// REMARK:      Function=padded_rows_escape | Remark="padded rows have a user that is no grouped matmul, activation or unpad"
func.func @padded_rows_escape(%x: !x, %experts: !experts, %w: tensor<8x64x64xbf16>) -> (!x, !x) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %y = moe.unpad %p, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y, %p : !x, !x
}

// CHECK-LABEL: func.func @padded_offsets_escape
// CHECK:       moe.pad
// CHECK:       moe.unpad
// REMARK:      Function=padded_offsets_escape | Remark="the padded offsets have another user"
func.func @padded_offsets_escape(%x: !x, %experts: !experts, %w: tensor<8x64x64xbf16>) -> (!x, !offsets) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %y = moe.unpad %p, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y, %poffsets : !x, !offsets
}

// CHECK-LABEL: func.func @other_offsets
// CHECK:       moe.pad
// REMARK:      Function=other_offsets | Remark="a grouped matmul reads padded rows by other offsets"
func.func @other_offsets(%x: !x, %experts: !experts, %w: tensor<8x64x64xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %offsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %y = moe.unpad %p, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @foreign_rows
// CHECK:       moe.pad
// REMARK:      Function=foreign_rows | Remark="an activation joins padded rows with others"
func.func @foreign_rows(%x: !x, %z: !x, %experts: !experts, %w: tensor<8x64x64xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %h = moe.activation %p, %z kind(silu_gate) : (!x, !x) -> !x
  %y = moe.unpad %h, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// Nothing says that %rows has as many rows as %routes.

// CHECK-LABEL: func.func @unknown_row_count
// CHECK:       moe.pad
// REMARK:      Function=unknown_row_count | Remark="the rows before the pad and the routes of an unpad may differ in number"
func.func @unknown_row_count(%rows: !x, %offsets: !offsets, %routes: !routes,
                             %w: tensor<8x64x64xbf16>) -> !x {
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %y = moe.unpad %p, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// The activation makes 1 of 0. Unpad writes 0 into the rows of no expert; without it they would be
// 1, and the caller can see them. A combine cannot.

// CHECK-LABEL: func.func @visible_tail
// CHECK:       moe.pad
// REMARK:      Function=visible_tail | Remark="rows that belong to no expert are read after an unpad and may not be zero"
func.func @visible_tail(%x: !x, %experts: !experts, %w: tensor<8x64x64xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %h = moe.activation %p body {
  ^bb0(%a: f32):
    %e = math.exp %a : f32
    moe.yield %e : f32
  } : (!x) -> !x
  %y = moe.unpad %h, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @unread_tail
// CHECK-NOT:   moe.pad
// CHECK-NOT:   moe.unpad
// CHECK:       moe.combine
func.func @unread_tail(%x: !x, %experts: !experts, %weights: tensor<?x2xf32>,
                       %w: tensor<8x64x64xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %h = moe.activation %p body {
  ^bb0(%a: f32):
    %e = math.exp %a : f32
    moe.yield %e : f32
  } : (!x) -> !x
  %d = moe.unpad %h, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  %y = moe.combine %d, %weights, %routes : (!x, tensor<?x2xf32>, !routes) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @padded_bias
// CHECK:       moe.pad
// REMARK:      Function=padded_bias | Remark="a grouped matmul takes padded rows for something else than its rows"
func.func @padded_bias(%b: tensor<2x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x64xbf16>, %routes: tensor<2xi32>)
    -> tensor<2x64xbf16> {
  %p, %poffsets = moe.pad %b, %offsets multiple(2) : (tensor<2x64xbf16>, tensor<5xi32>) -> (tensor<4x64xbf16>, tensor<5xi32>)
  %h = moe.grouped_matmul %p, %poffsets, %w bias(%p)
    : (tensor<4x64xbf16>, tensor<5xi32>, tensor<4x64x64xbf16>, tensor<4x64xbf16>) -> tensor<4x64xbf16>
  %y = moe.unpad %h, %poffsets, %offsets, %routes
    : (tensor<4x64xbf16>, tensor<5xi32>, tensor<5xi32>, tensor<2xi32>) -> tensor<2x64xbf16>
  return %y : tensor<2x64xbf16>
}

// CHECK-LABEL: func.func @unpad_by_other_offsets
// CHECK:       moe.pad
// REMARK:      Function=unpad_by_other_offsets | Remark="an unpad of the padded rows has other offsets"
func.func @unpad_by_other_offsets(%x: !x, %experts: !experts, %other: !offsets, %w: tensor<8x64x64xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %y = moe.unpad %p, %poffsets, %other, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @unpad_to_other_type
// CHECK:       moe.pad
// REMARK:      Function=unpad_to_other_type | Remark="an unpad has another type than its rows had before the pad"
func.func @unpad_to_other_type(%rows: tensor<8x64xbf16>, %offsets: !offsets, %routes: tensor<8xi32>,
                               %w: tensor<8x64x64xbf16>) -> !x {
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (tensor<8x64xbf16>, !offsets) -> (tensor<64x64xbf16>, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (tensor<64x64xbf16>, !offsets, tensor<8x64x64xbf16>) -> tensor<64x64xbf16>
  %y = moe.unpad %p, %poffsets, %offsets, %routes : (tensor<64x64xbf16>, !offsets, !offsets, tensor<8xi32>) -> !x
  return %y : !x
}

// Nothing but the pad and the unpad, which zero the rows of no expert: those of an argument may be anything.

// CHECK-LABEL: func.func @visible_tail_of_an_argument
// CHECK:       moe.pad
// CHECK:       moe.unpad
// REMARK:      Function=visible_tail_of_an_argument | Remark="rows that belong to no expert are read after an unpad and may not be zero"
func.func @visible_tail_of_an_argument(%rows: tensor<8x64xbf16>, %offsets: !offsets, %routes: tensor<8xi32>) -> tensor<8x64xbf16> {
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (tensor<8x64xbf16>, !offsets) -> (tensor<64x64xbf16>, !offsets)
  %y = moe.unpad %prows, %poffsets, %offsets, %routes : (tensor<64x64xbf16>, !offsets, !offsets, tensor<8xi32>) -> tensor<8x64xbf16>
  return %y : tensor<8x64xbf16>
}

// CHECK-LABEL: func.func @gathered_and_combined_padded_rows
// CHECK-COUNT-2: moe.pad
// REMARK:      Function=gathered_and_combined_padded_rows | Remark="a grouped matmul reads padded rows by other offsets"
// REMARK:      Function=gathered_and_combined_padded_rows | Remark="a grouped matmul reads padded rows by other offsets"
func.func @gathered_and_combined_padded_rows(%x: !x, %offsets: !offsets, %routes: !routes, %weights: tensor<?x2xf32>,
                                             %w: tensor<8x64x64xbf16>) -> (!x, !x) {
  %p, %po = moe.pad %x, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %y = moe.grouped_matmul %p, %po, %w gather(%routes) top_k(2) : (!x, !offsets, tensor<8x64x64xbf16>, !routes) -> !x
  %q, %qo = moe.pad %x, %offsets multiple(4) : (!x, !offsets) -> (!x, !offsets)
  %z = moe.grouped_matmul %q, %qo, %w combine(%weights, %routes)
    : (!x, !offsets, tensor<8x64x64xbf16>, tensor<?x2xf32>, !routes) -> !x
  return %y, %z : !x, !x
}

// CHECK-LABEL: func.func @unpad_from_other_offsets
// CHECK:       moe.pad
// REMARK:      Function=unpad_from_other_offsets | Remark="an unpad of the padded rows has other offsets"
func.func @unpad_from_other_offsets(%x: !x, %experts: !experts, %other: !offsets, %w: tensor<8x64x64xbf16>) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  %y = moe.unpad %p, %other, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}
