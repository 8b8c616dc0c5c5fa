// Every form of a grouped matmul, each alone: its tile map comes from the offsets it is given.
// Results that leave the function are cleared first, for the rows of no group.
// RUN: moe-opt %s --convert-moe-to-kernel=tokens=1 --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @plain_t0(
// CHECK: %[[MAP:.*]] = moe_kernel.buffer "tiles"
// CHECK-NEXT: moe_kernel.tile_maps ins({{.*}}) tiles(%[[MAP]] : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = [[HEIGHT:[0-9]+]], band = 1>]
// CHECK-NEXT: moe_kernel.fill outs(%[[Y:[a-z0-9]+]] : memref<?x32xbf16>) bits(0)
// CHECK-NEXT: moe_kernel.grouped_matmul ins(%{{[a-z0-9]+}} : memref<?x64xbf16>) tiles(%[[MAP]] : memref<?x4xi32>)
// CHECK-SAME: weights(%{{[a-z0-9]+}} : memref<4x32x64xbf16>) outs(%[[Y]] : memref<?x32xbf16>) store(rows)
// CHECK-SAME: schedule<{{[a-z_]+}}, block_m = [[HEIGHT]],
// CHECK-NEXT: return
func.func @plain(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x32x64xbf16>) -> tensor<?x32xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x32x64xbf16>) -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}

// -----

// Two weights without an epilogue: two results.
// CHECK-LABEL: func.func @dual_t0(
// CHECK: moe_kernel.grouped_matmul
// CHECK-SAME: weights(%{{[a-z0-9]+}}, %{{[a-z0-9]+}} : memref<4x32x64xf16>, memref<4x32x64xf16>)
// CHECK-SAME: bias(%{{[a-z0-9]+}}, %{{[a-z0-9]+}} : memref<4x32xf16>, memref<4x32xf16>)
// CHECK-SAME: outs(%{{[a-z0-9]+}}, %{{[a-z0-9]+}} : memref<?x32xf16>, memref<?x32xf16>) store(rows) schedule
func.func @dual(%x: tensor<?x64xf16>, %offsets: tensor<5xi32>, %g: tensor<4x32x64xf16>, %u: tensor<4x32x64xf16>,
    %bg: tensor<4x32xf16>, %bu: tensor<4x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf16>) {
  %a, %b = moe.grouped_matmul %x, %offsets, %g, %u bias(%bg, %bu)
    : (tensor<?x64xf16>, tensor<5xi32>, tensor<4x32x64xf16>, tensor<4x32x64xf16>, tensor<4x32xf16>, tensor<4x32xf16>)
    -> (tensor<?x32xf16>, tensor<?x32xf16>)
  return %a, %b : tensor<?x32xf16>, tensor<?x32xf16>
}

// -----

// Gather, interleaved weights in [E, K, N] and an epilogue; T is that of x.
// CHECK: #[[$R:.*]] = affine_map<(d0) -> (d0 * 2)>
// CHECK-LABEL: func.func @gated_t0(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?x64xbf16> {moe.name = "arg0"}
// CHECK-SAME: %[[ROUTES:[a-z0-9]+]]: memref<?xi32> {moe.name = "arg3", moe_kernel.size = #[[$R]]}
// CHECK: moe_kernel.grouped_matmul ins(%[[X]] : memref<?x64xbf16>)
// CHECK-SAME: routes(%[[ROUTES]] : memref<?xi32>) outs(%{{[a-z0-9]+}} : memref<?x16xbf16>) store(rows) gathered top_k(2) transposed
// CHECK-SAME: layout<interleaved, up_first> schedule<{{.*}}> dependent epilogue {
// CHECK-NEXT: ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-NEXT: %[[V:.*]] = arith.mulf %[[G]], %[[U]] : f32
// CHECK-NEXT: moe_kernel.yield %[[V]] : f32
// CHECK-NEXT: }
func.func @gated(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x32xbf16>, %routes: tensor<?xi32>)
    -> tensor<?x16xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2) transposed layout<interleaved, up_first> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %v = arith.mulf %gate, %up : f32
    moe.yield %v : f32
  } : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x64x32xbf16>, tensor<?xi32>) -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}

// -----

// Two products of one order share its tile map; what only a matmul reads is not cleared.
// CHECK-LABEL: func.func @chain_t0(
// CHECK: moe_kernel.buffer "tiles"
// CHECK-NEXT: moe_kernel.tile_maps
// CHECK-NEXT: %[[H:.*]] = moe_kernel.buffer "product"
// CHECK-NEXT: moe_kernel.grouped_matmul {{.*}} outs(%[[H]] : memref<?x32xbf16>)
// CHECK-NEXT: moe_kernel.fill
// CHECK-NEXT: moe_kernel.grouped_matmul ins(%[[H]] : memref<?x32xbf16>)
// CHECK-NEXT: return
func.func @chain(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x32x64xbf16>, %d: tensor<4x64x32xbf16>)
    -> tensor<?x64xbf16> {
  %h = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x32x64xbf16>) -> tensor<?x32xbf16>
  %y = moe.grouped_matmul %h, %offsets, %d
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<4x64x32xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
