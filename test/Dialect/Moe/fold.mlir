// RUN: moe-opt %s --canonicalize | FileCheck %s

!x = tensor<?x64xbf16>
!experts = tensor<?x2xi32>
!routes = tensor<?xi32>
!offsets = tensor<9xi32>

// CHECK-LABEL: func.func @pad_by_one
// CHECK-NEXT:  %[[ROWS:.*]], %{{.*}}, %[[O:.*]] = moe.permute
// CHECK-NEXT:  return %[[ROWS]], %[[O]]
func.func @pad_by_one(%x: !x, %experts: !experts) -> (!x, !offsets) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(1) : (!x, !offsets) -> (!x, !offsets)
  return %prows, %poffsets : !x, !offsets
}

// The pad zeroes the rows after the last group; those of an argument may be anything.

// CHECK-LABEL: func.func @pad_by_one_visible_tail
// CHECK-NEXT:  moe.pad
func.func @pad_by_one_visible_tail(%rows: !x, %offsets: !offsets) -> !x {
  %prows, %poffsets = moe.pad %rows, %offsets multiple(1) : (!x, !offsets) -> (!x, !offsets)
  return %prows : !x
}

// A grouped matmul does not read them.

// CHECK-LABEL: func.func @pad_by_one_unread_tail
// CHECK-SAME:  (%[[ROWS:.*]]: tensor<?x64xbf16>, %[[O:.*]]: tensor<9xi32>,
// CHECK-NEXT:  moe.grouped_matmul %[[ROWS]], %[[O]],
func.func @pad_by_one_unread_tail(%rows: !x, %offsets: !offsets, %w: tensor<8x64x64xbf16>) -> !x {
  %prows, %poffsets = moe.pad %rows, %offsets multiple(1) : (!x, !offsets) -> (!x, !offsets)
  %y = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, tensor<8x64x64xbf16>) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @pad_by_two
// CHECK:       moe.pad
func.func @pad_by_two(%x: !x, %experts: !experts) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(2) : (!x, !offsets) -> (!x, !offsets)
  return %prows : !x
}

// CHECK-LABEL: func.func @unpad_by_equal_offsets
// CHECK-NEXT:  %[[ROWS:.*]], %{{.*}}, %{{.*}} = moe.permute
// CHECK-NEXT:  return %[[ROWS]]
func.func @unpad_by_equal_offsets(%x: !x, %experts: !experts) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %y = moe.unpad %rows, %offsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// Nothing says that %rows has as many rows as %routes has entries.

// CHECK-LABEL: func.func @unpad_of_unknown_size
// CHECK-NEXT:  moe.unpad
func.func @unpad_of_unknown_size(%rows: !x, %offsets: !offsets, %routes: !routes) -> !x {
  %y = moe.unpad %rows, %offsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @unpad_of_pad
// CHECK-NEXT:  %[[ROWS:.*]], %{{.*}}, %{{.*}} = moe.permute
// CHECK-NEXT:  return %[[ROWS]]
func.func @unpad_of_pad(%x: !x, %experts: !experts) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(16) : (!x, !offsets) -> (!x, !offsets)
  %y = moe.unpad %prows, %poffsets, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// Static sizes agree, but the tail of an argument may not be zero.

// CHECK-LABEL: func.func @unpad_of_pad_visible_tail
// CHECK-NEXT:  moe.pad
// CHECK-NEXT:  moe.unpad
func.func @unpad_of_pad_visible_tail(%rows: tensor<16x64xf32>, %offsets: !offsets, %routes: tensor<16xi32>)
    -> tensor<16x64xf32> {
  %prows, %poffsets = moe.pad %rows, %offsets multiple(2)
    : (tensor<16x64xf32>, !offsets) -> (tensor<24x64xf32>, !offsets)
  %y = moe.unpad %prows, %poffsets, %offsets, %routes
    : (tensor<24x64xf32>, !offsets, !offsets, tensor<16xi32>) -> tensor<16x64xf32>
  return %y : tensor<16x64xf32>
}

// Other offsets than the pad's: rows move.

// CHECK-LABEL: func.func @unpad_by_other_offsets
// CHECK:       moe.pad
// CHECK-NEXT:  moe.unpad
func.func @unpad_by_other_offsets(%x: !x, %experts: !experts, %other: !offsets) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(16) : (!x, !offsets) -> (!x, !offsets)
  %y = moe.unpad %prows, %poffsets, %other, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}

// As a bias or as weights, rows are read to the last one.

// CHECK-LABEL: func.func @pad_by_one_bias
// CHECK-NEXT:  %[[P:.*]], %{{.*}} = moe.pad
// CHECK-NEXT:  moe.grouped_matmul {{.*}} bias(%[[P]])
func.func @pad_by_one_bias(%b: tensor<8x64xbf16>, %offsets: !offsets, %x: !x, %w: tensor<8x64x64xbf16>) -> !x {
  %p, %poffsets = moe.pad %b, %offsets multiple(1) : (tensor<8x64xbf16>, !offsets) -> (tensor<8x64xbf16>, !offsets)
  %y = moe.grouped_matmul %x, %poffsets, %w bias(%p) : (!x, !offsets, tensor<8x64x64xbf16>, tensor<8x64xbf16>) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @unpad_combine_weights
// CHECK:       %[[P:.*]] = moe.unpad
// CHECK-NEXT:  moe.combine %{{.*}}, %[[P]], %{{.*}} :
func.func @unpad_combine_weights(%ids: tensor<4x1xi32>, %x: tensor<4x64xf32>, %weights: tensor<4x1xf32>) -> tensor<4x64xf32> {
  %rows, %routes, %offsets = moe.permute %ids, %x experts(8)
    : (tensor<4x1xi32>, tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4xi32>, !offsets)
  %p = moe.unpad %weights, %offsets, %offsets, %routes
    : (tensor<4x1xf32>, !offsets, !offsets, tensor<4xi32>) -> tensor<4x1xf32>
  %y = moe.combine %rows, %p, %routes : (tensor<4x64xf32>, tensor<4x1xf32>, tensor<4xi32>) -> tensor<4x64xf32>
  return %y : tensor<4x64xf32>
}

// CHECK-LABEL: func.func @unpad_fused_combine_weights
// CHECK:       %[[P:.*]] = moe.unpad
// CHECK-NEXT:  moe.grouped_matmul {{.*}} combine(%[[P]], %{{.*}})
func.func @unpad_fused_combine_weights(%ids: tensor<4x1xi32>, %x: tensor<4x64xf32>, %w: tensor<8x64x64xf32>,
                                       %weights: tensor<4x1xf32>) -> tensor<4x64xf32> {
  %rows, %routes, %offsets = moe.permute %ids, %x experts(8)
    : (tensor<4x1xi32>, tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4xi32>, !offsets)
  %p = moe.unpad %weights, %offsets, %offsets, %routes
    : (tensor<4x1xf32>, !offsets, !offsets, tensor<4xi32>) -> tensor<4x1xf32>
  %y = moe.grouped_matmul %rows, %offsets, %w combine(%p, %routes)
    : (tensor<4x64xf32>, !offsets, tensor<8x64x64xf32>, tensor<4x1xf32>, tensor<4xi32>) -> tensor<4x64xf32>
  return %y : tensor<4x64xf32>
}

// CHECK-LABEL: func.func @unpad_from_other_offsets
// CHECK:       moe.pad
// CHECK-NEXT:  moe.unpad
func.func @unpad_from_other_offsets(%x: !x, %experts: !experts, %other: !offsets) -> !x {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(16) : (!x, !offsets) -> (!x, !offsets)
  %y = moe.unpad %prows, %other, %offsets, %routes : (!x, !offsets, !offsets, !routes) -> !x
  return %y : !x
}
