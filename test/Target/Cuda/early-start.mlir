// A matmul that reports its progress and the one that awaits it: members of their schedules, and
// counters and tile map as parameters.
// RUN: moe-opt %s --emit-cuda="manifest=true" -o /dev/null | FileCheck %s

#t = affine_map<(d0) -> (d0 floordiv 128 + 4, d0 + d0 floordiv 128)>
#u = affine_map<(d0) -> (d0 floordiv 64 + 4, d0 + d0 floordiv 64)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%x: memref<?x256xbf16> {moe.name = "x"}, %w: memref<4x144x256xbf16> {moe.name = "w"},
      %d: memref<4x256x144xbf16> {moe.name = "d"}, %offsets: memref<5xi32> {moe.name = "offsets"},
      %y: memref<?x256xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    %tiles = moe_kernel.buffer "tiles" size(#t) : memref<?x4xi32>
    %other = moe_kernel.buffer "other" size(#u) : memref<?x4xi32>
    %progress = moe_kernel.buffer "progress" : memref<5xi32>
    %h = moe_kernel.buffer "h" size(affine_map<(d0) -> (d0)>) : memref<?x144xbf16>
    // CHECK-LABEL: // moe_tile_maps_0: moe_kernel.tile_maps
    // CHECK: moe::tile_maps<Maps>(offsets, {{[{][{]}}map0, map1}, {}, {progress0{{[}][}]}},
    moe_kernel.tile_maps ins(%offsets : memref<5xi32>) tiles(%tiles, %other : memref<?x4xi32>, memref<?x4xi32>)
      tile_shapes = [#moe_kernel.tile_shape<rows = 128, unit = 64>, #moe_kernel.tile_shape<rows = 64, unit = 64>]
      progress(%progress : memref<5xi32>) rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
    // CHECK-LABEL: // moe_grouped_matmul_0: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: static constexpr bool kReports = true;
    // CHECK-NEXT: };
    // CHECK: .progress = progress,
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>) progress(%progress : memref<5xi32>)
      weights(%w : memref<4x144x256xbf16>) outs(%h : memref<?x144xbf16>) store(rows)
      schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 4> dependent
    // CHECK-LABEL: // moe_grouped_matmul_1: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: static constexpr bool kEarlyStart = true;
    // CHECK-NEXT: };
    // CHECK: const moe::u32 *awaited
    // CHECK: .awaited = awaited,
    // CHECK: .awaited_tiles = awaited_tiles,
    moe_kernel.grouped_matmul ins(%h : memref<?x144xbf16>) tiles(%other : memref<?x4xi32>)
      awaits(%progress, %tiles : memref<5xi32>, memref<?x4xi32>)
      weights(%d : memref<4x256x144xbf16>) outs(%y : memref<?x256xbf16>) store(rows)
      schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 6> dependent
    return
  }
}
// A word counts the reported rows' 18 pieces of eight columns.
// CHECK: "max_tokens": 119301006,
