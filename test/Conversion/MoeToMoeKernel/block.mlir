// A whole block, all fusions: what the spine of the project lowers to.
// RUN: moe-opt %examples/models/tiny.mlir --moe-fusion-pipeline --convert-moe-to-kernel=tokens=1 | FileCheck %s

// CHECK-DAG: #[[$T:.*]] = affine_map<(d0) -> (d0)>
// CHECK-DAG: #[[$R:.*]] = affine_map<(d0) -> (d0 * 2)>
// CHECK-DAG: #[[$TILES:.*]] = affine_map<(d0) -> (d0 floordiv 8 + 8, d0 * 2 + d0 floordiv 8)>
// CHECK-LABEL: func.func @moe_block_t0(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?x64xbf16> {moe.name = "hidden"}, %[[LOGITS:[a-z0-9]+]]: memref<?x8xf32> {moe.name = "router_logits"},
// CHECK-SAME: %[[GATE:[a-z0-9]+]]: memref<8x48x64xbf16> {moe.name = "gate"}, %[[UP:[a-z0-9]+]]: memref<8x48x64xbf16> {moe.name = "up"},
// CHECK-SAME: %[[DOWN:[a-z0-9]+]]: memref<8x64x48xbf16> {moe.name = "down"}, %[[Y:[a-z0-9]+]]: memref<?x64xbf16> {moe.name = "output", moe_kernel.output})
// CHECK-SAME: attributes {moe_kernel.block = "moe_block", moe_kernel.tokens = #moe_kernel.tokens<0, 1>}
// CHECK-NEXT: %[[W:.*]] = moe_kernel.buffer "weights" size(#[[$T]]) : memref<?x2xf32>
// CHECK-NEXT: %[[IDS:.*]] = moe_kernel.buffer "experts" size(#[[$T]]) : memref<?x2xi32>
// CHECK-NEXT: %[[OFFSETS:.*]] = moe_kernel.buffer "offsets" : memref<9xi32>
// CHECK-NEXT: %[[ROUTES:.*]] = moe_kernel.buffer "routes" size(#[[$R]]) : memref<?xi32>
// CHECK-NEXT: %[[POSITIONS:.*]] = moe_kernel.buffer "positions" size(#[[$R]]) : memref<?xi32>
// CHECK-NEXT: %[[MAP:.*]] = moe_kernel.buffer "tiles" size(#[[$TILES]]) : memref<?x4xi32>
// CHECK-NEXT: moe_kernel.route_sort ins(%[[LOGITS]] : memref<?x8xf32>) outs(%[[W]], %[[IDS]] : memref<?x2xf32>, memref<?x2xi32>)
// CHECK-SAME: sorted(%[[OFFSETS]], %[[ROUTES]], %[[POSITIONS]] : memref<9xi32>, memref<?xi32>, memref<?xi32>)
// CHECK-SAME: tiles(%[[MAP]] : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16, band = 1>] softmax(selected) max_tokens(1) schedule<threads = 512>
// CHECK-NEXT: %[[H:.*]] = moe_kernel.buffer "product" size(#[[$R]]) : memref<?x48xbf16>
// CHECK-NEXT: moe_kernel.grouped_matmul ins(%[[X]] : memref<?x64xbf16>) tiles(%[[MAP]] : memref<?x4xi32>)
// CHECK-SAME: logits(%[[LOGITS]] : memref<?x8xf32>) weights(%[[GATE]], %[[UP]] : memref<8x48x64xbf16>, memref<8x48x64xbf16>) routes(%[[ROUTES]] : memref<?xi32>)
// CHECK-SAME: outs(%[[H]] : memref<?x48xbf16>) store(rows) gathered top_k(2) schedule<mma, block_m = 16, {{.*}}> dependent epilogue {
// CHECK: moe_kernel.yield
// CHECK-NEXT: }
// CHECK-NEXT: %[[ROWS:.*]] = moe_kernel.buffer "weighted" size(#[[$R]]) : memref<?x64xbf16>
// CHECK-NEXT: moe_kernel.grouped_matmul ins(%[[H]] : memref<?x48xbf16>) tiles(%[[MAP]] : memref<?x4xi32>)
// CHECK-SAME: weights(%[[DOWN]] : memref<8x64x48xbf16>) routes(%[[ROUTES]] : memref<?xi32>) routing_weights(%[[W]] : memref<?x2xf32>)
// CHECK-SAME: outs(%[[ROWS]] : memref<?x64xbf16>) store(weighted_rows) schedule<mma, block_m = 16, {{.*}}> dependent
// CHECK-NEXT: moe_kernel.combine ins(%[[ROWS]], %[[POSITIONS]] : memref<?x64xbf16>, memref<?xi32>)
// CHECK-SAME: outs(%[[Y]] : memref<?x64xbf16>) top_k(2) schedule<threads = 128> dependent
// CHECK-NEXT: return
