// Padding that was not fused away: padded offsets, their tile map, the rows there and back. Rows
// are bounded by the minimum of two expressions.
// RUN: moe-opt %s --convert-moe-to-kernel=tokens=1 | FileCheck %s

// CHECK-DAG: #[[$PADDED:.*]] = affine_map<(d0) -> (d0 + 28, d0 * 8)>
// CHECK-DAG: #[[$TILES:.*]] = affine_map<(d0) -> ((d0 + 28) floordiv 16 + 4, d0 + (d0 + 28) floordiv 16 + 28, d0 floordiv 2 + 4, d0 * 8 + d0 floordiv 2)>
// CHECK-LABEL: func.func @padding_t0(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?x64xbf16> {moe.name = "x"}, %[[OFFSETS:[a-z0-9]+]]: memref<5xi32> {moe.name = "offsets"},
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<4x32x64xbf16> {moe.name = "w"}, %{{[a-z0-9]+}}: memref<?xi32> {moe.name = "routes"},
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<?x32xbf16> {moe.name = "y", moe_kernel.output})
// CHECK-NEXT: %[[PO:.*]] = moe_kernel.buffer "padded_offsets" : memref<5xi32>
// CHECK-NEXT: moe_kernel.pad_offsets ins(%[[OFFSETS]] : memref<5xi32>) outs(%[[PO]] : memref<5xi32>) multiple(8) schedule<threads = 256>
// CHECK-NEXT: %[[MAP:.*]] = moe_kernel.buffer "tiles" size(#[[$TILES]]) : memref<?x4xi32>
// CHECK-NEXT: moe_kernel.tile_maps ins(%[[PO]] : memref<5xi32>) tiles(%[[MAP]] : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16, band = 1>] rows(#[[$PADDED]]) schedule<threads = 256> dependent
// CHECK-NEXT: %[[PADDED:.*]] = moe_kernel.buffer "padded" size(#[[$PADDED]]) : memref<?x64xbf16>
// CHECK-NEXT: moe_kernel.pad ins(%[[X]], %[[OFFSETS]], %[[PO]] : memref<?x64xbf16>, memref<5xi32>, memref<5xi32>) outs(%[[PADDED]] : memref<?x64xbf16>)
// CHECK-NEXT: %[[PRODUCT:.*]] = moe_kernel.buffer "product" size(#[[$PADDED]]) : memref<?x32xbf16>
// CHECK-NEXT: moe_kernel.grouped_matmul ins(%[[PADDED]] : memref<?x64xbf16>) tiles(%[[MAP]] : memref<?x4xi32>) weights(%[[W]] : memref<4x32x64xbf16>) outs(%[[PRODUCT]] : memref<?x32xbf16>) store(rows)
// CHECK-NEXT: moe_kernel.unpad ins(%[[PRODUCT]], %[[OFFSETS]], %[[PO]] : memref<?x32xbf16>, memref<5xi32>, memref<5xi32>) outs(%[[Y]] : memref<?x32xbf16>)
// CHECK-NEXT: return
func.func @padding(%x: tensor<?x64xbf16> {moe.name = "x"}, %offsets: tensor<5xi32> {moe.name = "offsets"},
    %w: tensor<4x32x64xbf16> {moe.name = "w"}, %routes: tensor<?xi32> {moe.name = "routes"})
    -> (tensor<?x32xbf16> {moe.name = "y"}) {
  %p, %po = moe.pad %x, %offsets multiple(8)
    : (tensor<?x64xbf16>, tensor<5xi32>) -> (tensor<?x64xbf16>, tensor<5xi32>)
  %h = moe.grouped_matmul %p, %po, %w
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x32x64xbf16>) -> tensor<?x32xbf16>
  %y = moe.unpad %h, %po, %offsets, %routes
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<5xi32>, tensor<?xi32>) -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}
