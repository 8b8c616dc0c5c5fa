// One kernel cuts tiles of four shapes: four products over the same offsets may differ, a fifth has to
// run with the tiles of another.
// RUN: moe-opt %s --convert-moe-to-kernel="target=sm_80 tokens=64 schedule='0: mma, block_m = 16, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2; 1: mma, block_m = 32, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2; 2: mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2; 3: mma, block_m = 128, block_n = 64, block_k = 32, stages = 2, warps_m = 2, warps_n = 2; 4: mma, block_m = 32, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2'" | FileCheck %s
// RUN: not moe-opt %s --convert-moe-to-kernel="target=sm_80 tokens=64 schedule='0: mma, block_m = 16, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2; 1: mma, block_m = 32, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2; 2: mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2; 3: mma, block_m = 128, block_n = 64, block_k = 32, stages = 2, warps_m = 2, warps_n = 2; 4: mma, block_m = 32, block_n = 64, block_k = 32, stages = 2, warps_m = 1, warps_n = 2, raster_group = 2'" 2>&1 | FileCheck %s --check-prefix=FIFTH

// CHECK: moe_kernel.tile_maps ins({{.*}}) tiles(%{{[a-z0-9_]+}}, %[[SECOND:[a-z0-9_]+]], %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} :
// CHECK-COUNT-4: moe_kernel.grouped_matmul
// CHECK: moe_kernel.grouped_matmul ins({{.*}}) tiles(%[[SECOND]] :
!x = tensor<?x64xbf16>
!o = tensor<9xi32>
!w = tensor<8x64x64xbf16>
func.func @five(%x: !x, %o: !o, %a: !w, %b: !w, %c: !w, %d: !w, %e: !w) -> (!x, !x, !x, !x, !x) {
  %y0 = moe.grouped_matmul %x, %o, %a : (!x, !o, !w) -> !x
  %y1 = moe.grouped_matmul %x, %o, %b : (!x, !o, !w) -> !x
  %y2 = moe.grouped_matmul %x, %o, %c : (!x, !o, !w) -> !x
  %y3 = moe.grouped_matmul %x, %o, %d : (!x, !o, !w) -> !x
  // FIFTH: [[@LINE+1]]:9: error: unsupported problem: expects at most 4 tile shapes among products over the same offsets, but got 5
  %y4 = moe.grouped_matmul %x, %o, %e : (!x, !o, !w) -> !x
  return %y0, %y1, %y2, %y3, %y4 : !x, !x, !x, !x, !x
}
