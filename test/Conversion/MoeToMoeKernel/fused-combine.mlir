// A fused combine, in order and by accumulation. With its routes from outside, the ordered form
// inverts them and clears rows of no group, which they may name.
// RUN: moe-opt %s --convert-moe-to-kernel=tokens=1 | FileCheck %s --check-prefix=ORDERED
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=1 combine=accumulate" | FileCheck %s --check-prefix=ACCUMULATE

// ORDERED: #[[R:.*]] = affine_map<(d0) -> (d0 * 2)>
// ORDERED: func.func @combined_t0(%[[X:[a-z0-9]+]]: memref<?x32xbf16> {moe.name = "arg0", moe_kernel.size = #[[R]]}
// ORDERED-NOT: moe_kernel.nondeterministic
// ORDERED: moe_kernel.tile_maps
// ORDERED-NEXT: %[[ROWS:.*]] = moe_kernel.buffer "weighted" size(#[[R]]) : memref<?x64xbf16>
// ORDERED-NEXT: moe_kernel.fill outs(%[[ROWS]] : memref<?x64xbf16>) bits(0)
// ORDERED-NEXT: moe_kernel.grouped_matmul ins(%[[X]] : memref<?x32xbf16>)
// ORDERED-SAME: routes(%[[ROUTES:[a-z0-9]+]] : memref<?xi32>) routing_weights(%{{[a-z0-9]+}} : memref<?x2xf32>)
// ORDERED-SAME: outs(%[[ROWS]] : memref<?x64xbf16>) store(weighted_rows) schedule
// ORDERED-NEXT: %[[POSITIONS:.*]] = moe_kernel.buffer "positions" size(#[[R]]) : memref<?xi32>
// ORDERED-NEXT: moe_kernel.fill outs(%[[POSITIONS]] : memref<?xi32>) bits(-1)
// ORDERED-NEXT: moe_kernel.invert_routes ins(%[[ROUTES]] : memref<?xi32>) outs(%[[POSITIONS]] : memref<?xi32>)
// ORDERED-NEXT: moe_kernel.combine ins(%[[ROWS]], %[[POSITIONS]] : memref<?x64xbf16>, memref<?xi32>) outs(%{{[a-z0-9]+}} : memref<?x64xbf16>) top_k(2)
// ORDERED-NEXT: return

// ACCUMULATE: #[[T:.*]] = affine_map<(d0) -> (d0)>
// ACCUMULATE: func.func @combined_t0
// ACCUMULATE-SAME: moe_kernel.nondeterministic
// ACCUMULATE: %[[SUMS:.*]] = moe_kernel.buffer "sums" size(#[[T]]) : memref<?x64xf32>
// ACCUMULATE-NEXT: moe_kernel.fill outs(%[[SUMS]] : memref<?x64xf32>) bits(0)
// ACCUMULATE-NEXT: moe_kernel.grouped_matmul
// ACCUMULATE-SAME: outs(%[[SUMS]] : memref<?x64xf32>) store(accumulate) top_k(2) schedule
// ACCUMULATE-NEXT: moe_kernel.cast ins(%[[SUMS]] : memref<?x64xf32>) outs(%{{[a-z0-9]+}} : memref<?x64xbf16>)
// ACCUMULATE-NEXT: return
func.func @combined(%x: tensor<?x32xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x32xbf16>, %rw: tensor<?x2xf32>,
    %routes: tensor<?xi32>) -> tensor<?x64xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w combine(%rw, %routes)
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<4x64x32xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
