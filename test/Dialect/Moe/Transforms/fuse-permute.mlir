// RUN: moe-opt %s --moe-fuse-permute | FileCheck %s
// RUN: moe-opt %s --moe-fuse-permute --remarks-filter=moe-fusion --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!x = tensor<?x64xbf16>
!experts = tensor<?x2xi32>
!routes = tensor<?xi32>
!offsets = tensor<9xi32>
!weight = tensor<8x48x64xbf16>
!h = tensor<?x48xbf16>

// CHECK-LABEL: func.func @gathered
// CHECK-SAME:  (%[[X:.*]]: tensor<?x64xbf16>, %[[E:.*]]: tensor<?x2xi32>, %[[W:.*]]: tensor<8x48x64xbf16>)
// CHECK-NEXT:  %[[ROUTES:.*]], %[[O:.*]] = moe.permute %[[E]] experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
// CHECK-NEXT:  %[[P:.*]] = moe.grouped_matmul %[[X]], %[[O]], %[[W]] gather(%[[ROUTES]]) top_k(2) :
// CHECK-NEXT:  return %[[P]], %[[ROUTES]]
// REMARK:      remark: [Passed] moe-fuse-permute | Category:moe-fusion | Function=gathered
func.func @gathered(%x: !x, %experts: !experts, %w: !weight) -> (!h, !routes) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %p = moe.grouped_matmul %rows, %offsets, %w : (!x, !offsets, !weight) -> !h
  return %p, %routes : !h, !routes
}

// Every product gathers for itself, whatever else is fused into it.

// CHECK-LABEL: func.func @two_products
// CHECK:       moe.grouped_matmul %[[X:.*]], %{{.*}}, %{{.*}} bias(%{{.*}}) gather(%{{.*}}) top_k(2) epilogue {
// CHECK:       moe.grouped_matmul %[[X]], %{{.*}}, %{{.*}}, %{{.*}} gather(%{{.*}}) top_k(2) :
func.func @two_products(%x: !x, %experts: !experts, %a: !weight, %b: !weight, %bias: tensor<8x48xf32>)
    -> (!h, !h, !h) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %p = moe.grouped_matmul %rows, %offsets, %a bias(%bias) epilogue {
  ^bb0(%v: f32):
    moe.yield %v : f32
  } : (!x, !offsets, !weight, tensor<8x48xf32>) -> !h
  %q, %r = moe.grouped_matmul %rows, %offsets, %a, %b : (!x, !offsets, !weight, !weight) -> (!h, !h)
  return %p, %q, %r : !h, !h, !h
}

// CHECK-LABEL: func.func @static_tokens
// CHECK:       moe.permute %{{.*}} experts(8) : (tensor<4x3xi32>) -> (tensor<12xi32>, tensor<9xi32>)
// CHECK-NEXT:  moe.grouped_matmul {{.*}} top_k(3) : (tensor<4x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<12xi32>) -> tensor<12x48xbf16>
func.func @static_tokens(%x: tensor<4x64xbf16>, %experts: tensor<4x3xi32>, %w: !weight) -> tensor<12x48xbf16> {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8)
    : (tensor<4x3xi32>, tensor<4x64xbf16>) -> (tensor<12x64xbf16>, tensor<12xi32>, !offsets)
  %p = moe.grouped_matmul %rows, %offsets, %w : (tensor<12x64xbf16>, !offsets, !weight) -> tensor<12x48xbf16>
  return %p : tensor<12x48xbf16>
}

// In another block the token rows and routes are there as well.

// CHECK-LABEL: func.func @several_blocks
// CHECK:       ^{{.*}}:
// CHECK-NEXT:  moe.grouped_matmul %{{.*}} gather(%{{.*}}) top_k(2) :
func.func @several_blocks(%x: !x, %experts: !experts, %w: !weight) -> !h {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  cf.br ^next
^next:
  %p = moe.grouped_matmul %rows, %offsets, %w : (!x, !offsets, !weight) -> !h
  return %p : !h
}

// CHECK-LABEL: func.func @rows_escape
// CHECK:       %[[ROWS:.*]], %{{.*}}, %{{.*}} = moe.permute %{{.*}}, %{{.*}} experts(8)
// CHECK-NEXT:  moe.grouped_matmul %[[ROWS]], %{{.*}}, %{{[a-z0-9]*}} :
// REMARK:      remark: [Missed] moe-fuse-permute | Category:moe-fusion | Function=rows_escape | Remark="the permuted rows have a user that is no grouped matmul"
func.func @rows_escape(%x: !x, %experts: !experts, %w: !weight) -> (!h, !x) {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %p = moe.grouped_matmul %rows, %offsets, %w : (!x, !offsets, !weight) -> !h
  return %p, %rows : !h, !x
}

// A pad in between needs the rows.

// CHECK-LABEL: func.func @padded
// CHECK:       moe.permute %{{.*}}, %{{.*}} experts(8)
// CHECK-NEXT:  moe.pad
// REMARK:      Function=padded | Remark="the permuted rows have a user that is no grouped matmul"
func.func @padded(%x: !x, %experts: !experts, %w: !weight) -> !h {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : (!x, !offsets) -> (!x, !offsets)
  %p = moe.grouped_matmul %prows, %poffsets, %w : (!x, !offsets, !weight) -> !h
  %y = moe.unpad %p, %poffsets, %offsets, %routes : (!h, !offsets, !offsets, !routes) -> !h
  return %y : !h
}

// The rows of the first permute are the tokens of the second: a gather of a gather stays two.

// CHECK-LABEL: func.func @gathered_twice
// CHECK:       %[[ROWS:.*]], %{{.*}}, %{{.*}} = moe.permute %{{.*}}, %{{.*}} experts(8)
// CHECK-NEXT:  moe.grouped_matmul %[[ROWS]], %{{.*}}, %{{.*}} gather(%{{.*}}) top_k(1) :
// REMARK:      Function=gathered_twice | Remark="a grouped matmul takes the permuted rows for something else than its rows"
func.func @gathered_twice(%x: !x, %experts: !experts, %other: !routes, %w: !weight) -> !h {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %p = moe.grouped_matmul %rows, %offsets, %w gather(%other) top_k(1) : (!x, !offsets, !weight, !routes) -> !h
  return %p : !h
}

// CHECK-LABEL: func.func @combined_by_other_routes
// CHECK-NEXT:  moe.permute %{{.*}}, %{{.*}} experts(8)
// CHECK-NEXT:  moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} combine(
// REMARK:      Function=combined_by_other_routes | Remark="a grouped matmul combines its rows by other routes or another top_k"
func.func @combined_by_other_routes(%x: !x, %experts: !experts, %other: !routes, %weights: tensor<?x2xf32>, %w: !weight) -> !h {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %y = moe.grouped_matmul %rows, %offsets, %w combine(%weights, %other)
    : (!x, !offsets, !weight, tensor<?x2xf32>, !routes) -> !h
  return %y : !h
}

// CHECK-LABEL: func.func @combined_with_another_top_k
// CHECK-NEXT:  moe.permute %{{.*}}, %{{.*}} experts(8)
// CHECK-NEXT:  moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} combine(
// REMARK:      Function=combined_with_another_top_k | Remark="a grouped matmul combines its rows by other routes or another top_k"
func.func @combined_with_another_top_k(%x: !x, %experts: !experts, %weights: tensor<?x4xf32>, %w: !weight) -> !h {
  %rows, %routes, %offsets = moe.permute %experts, %x experts(8) : (!experts, !x) -> (!x, !routes, !offsets)
  %y = moe.grouped_matmul %rows, %offsets, %w combine(%weights, %routes)
    : (!x, !offsets, !weight, tensor<?x4xf32>, !routes) -> !h
  return %y : !h
}
