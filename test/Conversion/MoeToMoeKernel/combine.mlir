// A combine alone: its routes come from outside, so positions are made from them. T is the smallest
// extent; rows and routes are twice as long.
// RUN: moe-opt %s --convert-moe-to-kernel | FileCheck %s

// CHECK: #[[$TWICE:.*]] = affine_map<(d0) -> (d0 * 2)>
// CHECK: module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a",
// CHECK: func.func @combine_t0(%[[ROWS:[a-z0-9]+]]: memref<?x64xbf16> {moe.name = "rows", moe_kernel.size = #[[$TWICE]]},
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<?x2xf32> {moe.name = "arg1"},
// CHECK-SAME: %[[ROUTES:[a-z0-9]+]]: memref<?xi32> {moe.name = "routes", moe_kernel.size = #[[$TWICE]]},
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<?x64xbf16> {moe.name = "y", moe_kernel.output})
// CHECK-SAME: attributes {moe_kernel.block = "combine", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
// CHECK-NEXT: %[[POSITIONS:.*]] = moe_kernel.buffer "positions" size(#[[$TWICE]]) : memref<?xi32>
// CHECK-NEXT: moe_kernel.fill outs(%[[POSITIONS]] : memref<?xi32>) bits(-1)
// CHECK-NEXT: moe_kernel.invert_routes ins(%[[ROUTES]] : memref<?xi32>) outs(%[[POSITIONS]] : memref<?xi32>)
// CHECK-NEXT: moe_kernel.combine ins(%[[ROWS]], %[[POSITIONS]] : memref<?x64xbf16>, memref<?xi32>)
// CHECK-SAME: weights(%[[W]] : memref<?x2xf32>) outs(%[[Y]] : memref<?x64xbf16>) top_k(2)
// CHECK-NEXT: return
func.func @combine(%rows: tensor<?x64xbf16> {moe.name = "rows"}, %w: tensor<?x2xf32>,
                   %routes: tensor<?xi32> {moe.name = "routes"})
    -> (tensor<?x64xbf16> {moe.name = "y"}) {
  %y = moe.combine %rows, %w, %routes
    : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
