// The callers of the wgmma forms: weights and contiguous rows as tensor maps, by value; stores
// nested; one persistent block a multiprocessor. The plan describes each map: gate and up rows of one
// weight are two maps, and rows are as many as T makes them.
// RUN: moe-opt %s --emit-cuda="manifest=true" -o /dev/null | FileCheck %s

#t = affine_map<(d0) -> (d0 floordiv 128 + 4, d0 + d0 floordiv 128)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%x: memref<?x256xbf16> {moe.name = "x"}, %w: memref<4x288x256xbf16> {moe.name = "w"},
      %d: memref<4x256x144xbf16> {moe.name = "d"}, %rw: memref<?x1xf32> {moe.name = "rw"},
      %routes: memref<?xi32> {moe.name = "routes"}, %tiles: memref<?x4xi32> {moe.name = "tiles", moe_kernel.size = #t},
      %tickets: memref<1xi32> {moe.name = "tickets"},
      %h: memref<?x144xbf16> {moe.name = "h", moe_kernel.output}, %y: memref<?x256xbf16> {moe.name = "y", moe_kernel.output},
      %z: memref<?x256xbf16> {moe.name = "z", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    // CHECK-LABEL: // moe_grouped_matmul_0: moe_kernel.grouped_matmul for sm_90a
    // CHECK: #include "moe/common/math.cuh"
    // CHECK-NEXT: #include "moe/kernels/grouped_matmul_wgmma.cuh"
    // CHECK-EMPTY:
    // CHECK-NEXT: struct Problem : moe::GroupedMatmulProblem {
    // CHECK-NEXT:   using Element = moe::bf16;
    // CHECK-NEXT:   using Output = moe::bf16;
    // CHECK-NEXT:   static constexpr int kN = 144, kK = 256, kTopK = 1;
    // CHECK-NEXT:   static constexpr moe::RowSource kRowSource = moe::RowSource::gathered;
    // CHECK-NEXT:   static constexpr moe::WeightForm kWeightForm = moe::WeightForm::interleaved;
    // CHECK-NEXT:   static constexpr bool kUpFirst = true;
    // CHECK-NEXT: };
    // CHECK-NEXT: struct Schedule : moe::WgmmaSchedule {
    // CHECK-NEXT:   static constexpr int kBlockM = 128, kBlockN = 192, kStages = 4;
    // CHECK-NEXT: };
    // CHECK-NEXT: struct Epilogue {
    // CHECK: using Plan = moe::GroupedMatmulWgmmaPlan<Problem, Schedule>;
    // CHECK-NEXT: static_assert(Plan::kSharedBytes == {{[0-9]+}}, "shared memory of the launch");
    // CHECK-NEXT: static_assert(Plan::kBoxRows == 96, "weight rows of a box");
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C" __global__ void __launch_bounds__(Plan::kThreads, 1)
    // CHECK-NEXT: moe_grouped_matmul_0(const moe::bf16 *rows, const int *routes, const int4 *tiles,
    // CHECK-NEXT:     const __grid_constant__ moe::TensorMap weights,
    // CHECK-NEXT:     const __grid_constant__ moe::TensorMap up_weights, moe::bf16 *out) {
    // CHECK-NEXT:   extern __shared__ unsigned char shared[];
    // CHECK-NEXT:   moe::grouped_matmul_wgmma<Plan, Epilogue>(
    // CHECK-NEXT:       {.rows = rows, .routes = routes, .tiles = tiles, .weights = &weights,
    // CHECK-NEXT:        .up_weights = &up_weights, .store = {.out = out, .routes = routes}}, shared);
    // CHECK-NEXT: }
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x288x256xbf16>) routes(%routes : memref<?xi32>) outs(%h : memref<?x144xbf16>)
      store(rows) gathered top_k(1) layout<interleaved, up_first>
      schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 4, raster_group = 4> epilogue {
    ^bb0(%gate: f32, %up: f32):
      %p = arith.mulf %gate, %up : f32
      moe_kernel.yield %p : f32
    }
    // CHECK-LABEL: // moe_grouped_matmul_1: moe_kernel.grouped_matmul for sm_90a
    // CHECK: struct Schedule : moe::WgmmaSchedule {
    // CHECK-NEXT:   static constexpr int kBlockM = 64, kBlockN = 128, kStages = 6;
    // CHECK-NEXT:   static constexpr bool kSwapped = true;
    // CHECK-NEXT:   static constexpr int kTokenStep = 16;
    // CHECK-NEXT:   static constexpr bool kDynamic = true;
    // CHECK-NEXT:   static constexpr moe::WeightPolicy kWeightPolicy = moe::WeightPolicy::evict_first;
    // CHECK-NEXT:   static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: };
    // CHECK: static_assert(Plan::kRowBox == 16, "rows of a box");
    // CHECK-NEXT: static_assert(Plan::kBoxRows == 128, "weight rows of a box");
    // CHECK: moe_grouped_matmul_1(const __grid_constant__ moe::TensorMap rows, const int *routes,
    // CHECK: moe::grouped_matmul_wgmma<Plan, moe::IdentityEpilogue>(
    // CHECK-NEXT: {.row_map = &rows, .routes = routes, .tiles = tiles, .tickets = tickets, .weights = &weights,
    // CHECK-NEXT: .store = {.out = out, .routes = routes, .routing_weights = routing_weights}}, shared);
    moe_kernel.grouped_matmul ins(%h : memref<?x144xbf16>) tiles(%tiles : memref<?x4xi32>) tickets(%tickets : memref<1xi32>)
      weights(%d : memref<4x256x144xbf16>) routes(%routes : memref<?xi32>) routing_weights(%rw : memref<?x1xf32>)
      outs(%y : memref<?x256xbf16>) store(weighted_rows)
      schedule<wgmma_swapped, block_m = 64, block_n = 128, block_k = 64, stages = 6, token_step = 16, dynamic = true, weights = evict_first>
      dependent
    // Rows as wgmma's M: a box of a quarter of them for each of the producers' warps.
    // CHECK-LABEL: // moe_grouped_matmul_2: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static_assert(Plan::kRowBox == 32, "rows of a box");
    moe_kernel.grouped_matmul ins(%h : memref<?x144xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%d : memref<4x256x144xbf16>) outs(%z : memref<?x256xbf16>) store(rows)
      schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 4>
    // Swapped tiles of many tokens as well; their ping-pong consumers have memory for 96 rows of 64 columns each to store from,
    // 1024 + 4 (320 * 128 + 16) + 64 + 2 * 16 bytes being what the others have.
    // CHECK-LABEL: // moe_grouped_matmul_3: moe_kernel.grouped_matmul for sm_90a
    // CHECK: static_assert(Plan::kSharedBytes == 189600, "shared memory of the launch");
    // CHECK-NEXT: static_assert(Plan::kRowBox == 48, "rows of a box");
    moe_kernel.grouped_matmul ins(%h : memref<?x144xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%d : memref<4x256x144xbf16>) outs(%z : memref<?x256xbf16>) store(rows)
      schedule<wgmma_swapped, block_m = 192, block_n = 128, block_k = 64, stages = 4, token_step = 16>
    return
  }
}

// Gathered rows have 32 pieces of 16 bytes, which a word numbers.
// CHECK: "max_tokens": 67106815,
// CHECK: "name": "moe_grouped_matmul_0",
// CHECK: "parameters": ["pointer", "pointer", "pointer", "tensormap", "tensormap", "pointer"],
// CHECK-NEXT: "threads": 384,
// CHECK: "launches": [
// CHECK: "kernel": 0,
// CHECK: "min",
// CHECK: 132
// CHECK: "block": [384, 1, 1],
// The up rows come first: gate's map starts one row of 512 bytes in; both step two rows.
// CHECK: "tensor": 1,
// CHECK-NEXT: "offset": 512,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [256, 144, 4],
// CHECK-NEXT: "strides": [1024, 147456],
// CHECK-NEXT: "box": [64, 96, 1],
// CHECK-NEXT: "swizzle": "128b",
// CHECK: "tensor": 1,
// CHECK-NEXT: "offset": 0,
// CHECK: "kernel": 1,
// CHECK: "tensor": 7,
// CHECK-NEXT: "offset": 0,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [144, "T"],
// CHECK-NEXT: "strides": [288],
// CHECK-NEXT: "box": [64, 16],
// CHECK-NEXT: "swizzle": "128b",
// CHECK: "tensor": 2,
// CHECK-NEXT: "offset": 0,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [144, 256, 4],
// CHECK-NEXT: "strides": [288, 73728],
// CHECK-NEXT: "box": [64, 128, 1],
// CHECK: "kernel": 2,
// CHECK: "tensor": 7,
// CHECK: "box": [64, 32],
