// A matmul does not write the rows of no group. Its result is cleared first where something may read
// them: whatever has other offsets, or routes that are not those of the offsets.
// RUN: moe-opt %s --convert-moe-to-kernel=tokens=64 --split-input-file | FileCheck %s

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!routes = tensor<?xi32>
!rw = tensor<?x2xf32>
!w = tensor<8x64x64xbf16>

// CHECK-LABEL: func.func @same_offsets_t0(
// CHECK-NOT: moe_kernel.fill
// CHECK: return
func.func @same_offsets(%x: !x, %ids: tensor<?x2xi32>, %v: !w, %w: !w, %rw: !rw) -> !x {
  %rows, %routes, %offsets = moe.permute %ids, %x experts(8) : (tensor<?x2xi32>, !x) -> (!x, !routes, !offsets)
  %p = moe.grouped_matmul %rows, %offsets, %v : (!x, !offsets, !w) -> !x
  %h = moe.activation %p kind(silu) : (!x) -> !x
  %q = moe.grouped_matmul %h, %offsets, %w : (!x, !offsets, !w) -> !x
  %y = moe.combine %q, %rw, %routes : (!x, !rw, !routes) -> !x
  return %y : !x
}

// -----

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!routes = tensor<?xi32>
!rw = tensor<?x2xf32>
!w = tensor<8x64x64xbf16>

// CHECK-LABEL: func.func @fused_t0(
// CHECK-NOT: moe_kernel.fill
// CHECK: return
func.func @fused(%x: !x, %ids: tensor<?x2xi32>, %w: !w, %rw: !rw) -> !x {
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (!routes, !offsets)
  %y = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2) combine(%rw, %routes)
    : (!x, !offsets, !w, !routes, !rw, !routes) -> !x
  return %y : !x
}

// -----

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!w = tensor<8x64x64xbf16>

// CHECK-LABEL: func.func @matmul_by_other_offsets_t0(
// CHECK: %[[P:.*]] = moe_kernel.buffer "product"
// CHECK-NEXT: moe_kernel.fill outs(%[[P]] : memref<?x64xbf16>) bits(0)
// CHECK-NEXT: moe_kernel.grouped_matmul ins({{.*}}) outs(%[[P]] : memref<?x64xbf16>)
func.func @matmul_by_other_offsets(%x: !x, %offsets: !offsets, %others: !offsets, %v: !w, %w: !w) -> !x {
  %p = moe.grouped_matmul %x, %offsets, %v : (!x, !offsets, !w) -> !x
  %y = moe.grouped_matmul %p, %others, %w : (!x, !offsets, !w) -> !x
  return %y : !x
}

// -----

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!w = tensor<8x64x64xbf16>

// CHECK-LABEL: func.func @pad_by_other_offsets_t0(
// CHECK: %[[P:.*]] = moe_kernel.buffer "product"
// CHECK-NEXT: moe_kernel.fill outs(%[[P]] : memref<?x64xbf16>) bits(0)
// CHECK-NEXT: moe_kernel.grouped_matmul ins({{.*}}) outs(%[[P]] : memref<?x64xbf16>)
func.func @pad_by_other_offsets(%x: !x, %offsets: !offsets, %others: !offsets, %w: !w) -> (!x, !offsets) {
  %p = moe.grouped_matmul %x, %offsets, %w : (!x, !offsets, !w) -> !x
  %y, %o = moe.pad %p, %others multiple(8) : (!x, !offsets) -> (!x, !offsets)
  return %y, %o : !x, !offsets
}

// -----

!x = tensor<?x64xbf16>
!offsets = tensor<9xi32>
!routes = tensor<?xi32>
!rw = tensor<?x2xf32>
!w = tensor<8x64x64xbf16>

// Routes from outside may name any row.
// CHECK-LABEL: func.func @combine_by_given_routes_t0(
// CHECK: %[[P:.*]] = moe_kernel.buffer "product"
// CHECK-NEXT: moe_kernel.fill outs(%[[P]] : memref<?x64xbf16>) bits(0)
// CHECK-NEXT: moe_kernel.grouped_matmul ins({{.*}}) outs(%[[P]] : memref<?x64xbf16>)
func.func @combine_by_given_routes(%x: !x, %offsets: !offsets, %w: !w, %rw: !rw, %routes: !routes) -> !x {
  %p = moe.grouped_matmul %x, %offsets, %w : (!x, !offsets, !w) -> !x
  %y = moe.combine %p, %rw, %routes : (!x, !rw, !routes) -> !x
  return %y : !x
}

// -----

!x = tensor<?x64xbf16>
!ids = tensor<?x2xi32>
!offsets = tensor<9xi32>
!routes = tensor<?xi32>
!rw = tensor<?x2xf32>
!w = tensor<8x64x64xbf16>

// CHECK-LABEL: func.func @combine_by_other_routes_t0(
// CHECK: %[[P:.*]] = moe_kernel.buffer "weighted"
// CHECK-NEXT: moe_kernel.fill outs(%[[P]] : memref<?x64xbf16>) bits(0)
// CHECK-NEXT: moe_kernel.grouped_matmul ins({{.*}}) outs(%[[P]] : memref<?x64xbf16>) store(weighted_rows)
func.func @combine_by_other_routes(%x: !x, %ids: !ids, %others: !ids, %w: !w, %rw: !rw) -> !x {
  %rows, %r, %offsets = moe.permute %ids, %x experts(8) : (!ids, !x) -> (!x, !routes, !offsets)
  %routes, %o = moe.permute %others experts(8) : (!ids) -> (!routes, !offsets)
  %y = moe.grouped_matmul %rows, %offsets, %w combine(%rw, %routes) : (!x, !offsets, !w, !rw, !routes) -> !x
  return %y : !x
}
