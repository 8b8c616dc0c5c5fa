// Blocks that work in pairs: a map whose entries pairs take, halves of weight tiles, an even grid.
// The first product's draw tiles from both ends of its map, which is made for that.
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 target=sm_90a schedule='0: wgmma_swapped, block_m = 176, block_n = 256, block_k = 64, stages = 4, token_step = 16, cooperative = true, dynamic = true, both_ends = true, cluster = 2; 1: wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5, cluster = 2, raster_group = 1'" -o %t
// RUN: FileCheck %s < %t
// RUN: moe-opt %t --emit-cuda="manifest=true" -o /dev/null | FileCheck %s --check-prefix=CUDA

// CHECK: moe_kernel.sort_routes
// CHECK-SAME: tile_shapes = [#moe_kernel.tile_shape<rows = 176, unit = 16, band = 4, cluster = 2, both_ends = true>, #moe_kernel.tile_shape<rows = 128, unit = 64, band = 1, cluster = 2>]
// CHECK: moe_kernel.grouped_matmul
// CHECK-SAME: dynamic = true, both_ends = true, cluster = 2>
// CHECK: moe_kernel.grouped_matmul
// CHECK-SAME: stages = 5, cluster = 2, raster_group = 1>

// CUDA: using Sort = moe::SortConfig<{{.*}}moe::TileShape{176, 16, 4, 2, true}, moe::TileShape{128, 64, 1, 2}>;
// CUDA: struct Schedule : moe::WgmmaSchedule {
// CUDA: static constexpr bool kDynamic = true;
// CUDA-NEXT: static constexpr bool kBothEnds = true;
// CUDA-NEXT: static constexpr int kCluster = 2;
// CUDA: "kernel": 2,
// CUDA: "min",
// CUDA: 132
// CUDA: "block": [384, 1, 1],
// CUDA-NEXT: "cluster": [2, 1, 1],
// A box of the first product's weights is a half of its tile, and so is one of the second's.
// CUDA: "box": [64, 128, 1]
// CUDA: "kernel": 3,
// CUDA: "cluster": [2, 1, 1],
// CUDA: "box": [64, 96, 1]
func.func @block(%x: tensor<?x1024xbf16> {moe.name = "x"}, %logits: tensor<?x8xf32> {moe.name = "logits"},
                 %w: tensor<8x1024x1024xbf16> {moe.name = "w"}, %d: tensor<8x1024x1024xbf16> {moe.name = "d"})
    -> (tensor<?x1024xbf16> {moe.name = "y"}) {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
    : (tensor<?x1024xbf16>, tensor<9xi32>, tensor<8x1024x1024xbf16>, tensor<?xi32>) -> tensor<?x1024xbf16>
  %y = moe.grouped_matmul %h, %offsets, %d combine(%rw, %routes)
    : (tensor<?x1024xbf16>, tensor<9xi32>, tensor<8x1024x1024xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x1024xbf16>
  return %y : tensor<?x1024xbf16>
}
