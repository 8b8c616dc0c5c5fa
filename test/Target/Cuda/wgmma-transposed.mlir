// Transposed weights in the wgmma forms: boxes of 64 weight rows at 64 k. Gate and up apart are two maps,
// up one half of a line further on; those that alternate come together, by one map of all weight rows. A
// plain product's rows are as many as its columns. L2 fetches 256 bytes for a request where lines begin at a
// multiple of them, else 128.
// RUN: moe-opt %s --emit-cuda="manifest=true" -o /dev/null | FileCheck %s

#t = affine_map<(d0) -> (d0 floordiv 96 + 4, d0 + d0 floordiv 96)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%x: memref<?x256xbf16> {moe.name = "x"}, %w: memref<4x256x288xbf16> {moe.name = "w"},
      %d: memref<4x144x256xbf16> {moe.name = "d"}, %b: memref<4x288xbf16> {moe.name = "b"},
      %routes: memref<?xi32> {moe.name = "routes"}, %tiles: memref<?x4xi32> {moe.name = "tiles", moe_kernel.size = #t},
      %h: memref<?x144xbf16> {moe.name = "h", moe_kernel.output}, %g: memref<?x144xbf16> {moe.name = "g", moe_kernel.output},
      %y: memref<?x256xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    // CHECK-LABEL: // moe_grouped_matmul_0:
    // CHECK: static constexpr moe::WeightForm kWeightForm = moe::WeightForm::halves;
    // CHECK-NEXT: static constexpr bool kTransposed = true;
    // CHECK: static_assert(Plan::kBoxRows == 64, "weight rows of a box");
    // CHECK: .weights = &weights,
    // CHECK-NEXT: .up_weights = &up_weights,
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x256x288xbf16>) routes(%routes : memref<?xi32>) outs(%h : memref<?x144xbf16>)
      store(rows) gathered top_k(1) transposed layout<halves, gate_first>
      schedule<wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 4> epilogue {
    ^bb0(%gate: f32, %up: f32):
      %p = arith.mulf %gate, %up : f32
      moe_kernel.yield %p : f32
    }
    // CHECK-LABEL: // moe_grouped_matmul_1:
    // CHECK: static constexpr moe::WeightForm kWeightForm = moe::WeightForm::interleaved;
    // CHECK-NEXT: static constexpr bool kUpFirst = true;
    // CHECK-NEXT: static constexpr bool kTransposed = true;
    // CHECK: static_assert(Plan::kBoxRows == 64, "weight rows of a box");
    // CHECK-NOT: up_weights
    // CHECK: .weights = &weights,
    // CHECK-NEXT: .store = {.out = out, .bias = bias, .routes = routes}}, shared);
    moe_kernel.grouped_matmul ins(%x : memref<?x256xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x256x288xbf16>) bias(%b : memref<4x288xbf16>) routes(%routes : memref<?xi32>)
      outs(%g : memref<?x144xbf16>) store(rows) gathered top_k(1) transposed layout<interleaved, up_first>
      schedule<wgmma_swapped, block_m = 96, block_n = 256, block_k = 64, stages = 4, token_step = 16, cooperative = true> epilogue {
    ^bb0(%gate: f32, %up: f32):
      %p = arith.mulf %gate, %up : f32
      moe_kernel.yield %p : f32
    }
    // CHECK-LABEL: // moe_grouped_matmul_2:
    // CHECK: static_assert(Plan::kRowBox == 16, "rows of a box");
    // CHECK-NEXT: static_assert(Plan::kBoxRows == 64, "weight rows of a box");
    moe_kernel.grouped_matmul ins(%h : memref<?x144xbf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%d : memref<4x144x256xbf16>) outs(%y : memref<?x256xbf16>) store(rows) transposed
      schedule<wgmma_swapped, block_m = 96, block_n = 192, block_k = 64, stages = 4, token_step = 16>
    return
  }
}

// CHECK: "name": "moe_grouped_matmul_0",
// CHECK: "parameters": ["pointer", "pointer", "pointer", "tensormap", "tensormap", "pointer"],
// CHECK: "name": "moe_grouped_matmul_1",
// CHECK: "parameters": ["pointer", "pointer", "pointer", "tensormap", "pointer", "pointer"],
// CHECK: "kernel": 0,
// CHECK: "tensor": 1,
// CHECK-NEXT: "offset": 0,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [144, 256, 4],
// CHECK-NEXT: "strides": [576, 147456],
// CHECK-NEXT: "box": [64, 64, 1],
// CHECK-NEXT: "swizzle": "128b",
// CHECK-NEXT: "l2_promotion": "128b"
// CHECK: "tensor": 1,
// CHECK-NEXT: "offset": 288,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [144, 256, 4],
// CHECK: "kernel": 1,
// CHECK: "tensor": 1,
// CHECK-NEXT: "offset": 0,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [288, 256, 4],
// CHECK-NEXT: "strides": [576, 147456],
// CHECK-NEXT: "box": [64, 64, 1],
// CHECK: "kernel": 2,
// CHECK: "tensor": 2,
// CHECK-NEXT: "offset": 0,
// CHECK-NEXT: "dtype": "bf16",
// CHECK-NEXT: "dims": [256, 144, 4],
// CHECK-NEXT: "strides": [512, 73728],
// CHECK-NEXT: "box": [64, 64, 1],
// CHECK-NEXT: "swizzle": "128b",
// CHECK-NEXT: "l2_promotion": "256b"
