// The caller of a grouped matmul: only what differs from the template's defaults is printed.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

#r = affine_map<(d0) -> (d0 * 2)>
#t = affine_map<(d0) -> (d0 floordiv 32 + 4, d0 * 2 + d0 floordiv 32)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @b_t0(%x: memref<?x64xf16> {moe.name = "x"}, %g: memref<4x64x32xf16> {moe.name = "g"},
      %u: memref<4x64x32xf16> {moe.name = "u"}, %bias: memref<4x64xf32> {moe.name = "bias"},
      %w: memref<4x64x32xf16> {moe.name = "w"}, %rw: memref<?x2xf32> {moe.name = "rw"},
      %routes: memref<?xi32> {moe.name = "routes", moe_kernel.size = #r},
      %tiles: memref<?x4xi32> {moe.name = "tiles", moe_kernel.size = #t},
      %h: memref<?x32xf16> {moe.name = "h", moe_kernel.output, moe_kernel.size = #r},
      %v: memref<?x32xf16> {moe.name = "v", moe_kernel.output, moe_kernel.size = #r},
      %y: memref<?x64xf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = #r},
      %s: memref<?x64xf32> {moe.name = "s", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    // CHECK-LABEL: // moe_grouped_matmul_0: moe_kernel.grouped_matmul for sm_80
    // CHECK-NEXT: //
    // CHECK-NEXT: //   rows : memref<?x64xf16>
    // CHECK-NEXT: //   weights : memref<4x64x32xf16>
    // CHECK-NEXT: //   up_weights : memref<4x64x32xf16>
    // CHECK-NEXT: //   routes : memref<?xi32>
    // CHECK-NEXT: //   tiles : memref<?x4xi32>
    // CHECK-NEXT: //   out : memref<?x32xf16>
    // CHECK-NEXT: //   up_out : memref<?x32xf16>
    // CHECK:      //   schedule = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2, warps_n = 2>
    // CHECK:      #include "moe/kernels/grouped_matmul_mma.cuh"
    // CHECK-EMPTY:
    // CHECK-NEXT: struct Problem : moe::GroupedMatmulProblem {
    // CHECK-NEXT:   using Element = moe::f16;
    // CHECK-NEXT:   using Output = moe::f16;
    // CHECK-NEXT:   static constexpr int kN = 32, kK = 64, kTopK = 2;
    // CHECK-NEXT:   static constexpr moe::RowSource kRowSource = moe::RowSource::gathered;
    // CHECK-NEXT:   static constexpr moe::WeightForm kWeightForm = moe::WeightForm::separate;
    // CHECK-NEXT:   static constexpr bool kTransposed = true;
    // CHECK-NEXT:   static constexpr bool kTwoOutputs = true;
    // CHECK-NEXT: };
    // CHECK-NEXT: struct Schedule : moe::GroupedMatmulSchedule {
    // CHECK-NEXT:   static constexpr int kBlockM = 64, kBlockN = 64, kBlockK = 32, kStages = 2;
    // CHECK-NEXT:   static constexpr int kWarpsM = 2, kWarpsN = 2, kMinBlocks = 1;
    // CHECK-NEXT: };
    // CHECK-NEXT: using Plan = moe::GroupedMatmulPlan<Problem, Schedule>;
    // CHECK-NEXT: static_assert(Plan::kSharedBytes == {{[0-9]+}}, "shared memory of the launch");
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C" __global__ void __launch_bounds__(Plan::kThreads, Plan::kMinBlocks)
    // CHECK-NEXT: moe_grouped_matmul_0(const moe::f16 *rows, const moe::f16 *weights, const moe::f16 *up_weights,
    // CHECK-NEXT:     const int *routes, const int4 *tiles, moe::f16 *out, moe::f16 *up_out) {
    // CHECK-NEXT:   moe::grouped_matmul_mma<Problem, Schedule>(
    // CHECK-NEXT:       {.rows = rows, .weights = weights, .up_weights = up_weights, .routes = routes,
    // CHECK-NEXT:       .tiles = tiles, .out = out, .up_out = up_out});
    // CHECK-NEXT: }
    moe_kernel.grouped_matmul ins(%x : memref<?x64xf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%g, %u : memref<4x64x32xf16>, memref<4x64x32xf16>) routes(%routes : memref<?xi32>)
      outs(%h, %v : memref<?x32xf16>, memref<?x32xf16>) store(rows) gathered top_k(2) transposed
      schedule<mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2, warps_n = 2>

    // CHECK-LABEL: // moe_grouped_matmul_1: moe_kernel.grouped_matmul for sm_80
    // CHECK: #include "moe/common/math.cuh"
    // CHECK-NEXT: #include "moe/kernels/grouped_matmul_mma.cuh"
    // CHECK-EMPTY:
    // CHECK-NEXT: struct Problem : moe::GroupedMatmulProblem {
    // CHECK-NEXT:   using Element = moe::f16;
    // CHECK-NEXT:   using Output = moe::f16;
    // CHECK-NEXT:   using Bias = float;
    // CHECK-NEXT:   static constexpr int kN = 32, kK = 32;
    // CHECK-NEXT:   static constexpr moe::WeightForm kWeightForm = moe::WeightForm::interleaved;
    // CHECK-NEXT:   static constexpr bool kUpFirst = true;
    // CHECK-NEXT: };
    // CHECK-NEXT: struct Schedule : moe::GroupedMatmulSchedule {
    // CHECK-NEXT:   static constexpr int kBlockM = 32, kBlockN = 64, kBlockK = 32, kStages = 3;
    // CHECK-NEXT:   static constexpr int kWarpsM = 1, kWarpsN = 4, kMinBlocks = 2;
    // CHECK-NEXT:   static constexpr moe::WeightPolicy kWeightPolicy = moe::WeightPolicy::evict_first;
    // CHECK-NEXT:   static constexpr bool kDependentLaunch = true;
    // CHECK-NEXT: };
    // CHECK-NEXT: struct Epilogue {
    // CHECK-NEXT:   static MOE_DEVICE float apply(float gate, float up) {
    // CHECK-NEXT:     const float v0 = gate * up;
    // CHECK-NEXT:     return v0;
    // CHECK-NEXT:   }
    // CHECK-NEXT: };
    // CHECK-NEXT: using Plan = moe::GroupedMatmulPlan<Problem, Schedule>;
    // CHECK-NEXT: static_assert(Plan::kSharedBytes == {{[0-9]+}}, "shared memory of the launch");
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C"
    // CHECK-NEXT: moe_grouped_matmul_1(const moe::f16 *rows, const moe::f16 *weights, const float *bias,
    // CHECK-NEXT:     const int4 *tiles, moe::f16 *out) {
    // CHECK-NEXT:   moe::grouped_matmul_mma<Problem, Schedule, Epilogue>(
    // CHECK-NEXT:       {.rows = rows, .weights = weights, .bias = bias, .tiles = tiles, .out = out});
    // CHECK-NEXT: }
    moe_kernel.grouped_matmul ins(%h : memref<?x32xf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x64x32xf16>) bias(%bias : memref<4x64xf32>) outs(%v : memref<?x32xf16>) store(rows)
      layout<interleaved, up_first>
      schedule<mma, block_m = 32, block_n = 64, block_k = 32, stages = 3, warps_m = 1, warps_n = 4, min_blocks = 2,
               raster_group = 1, weights = evict_first> dependent epilogue {
    ^bb0(%gate: f32, %up: f32):
      %p = arith.mulf %gate, %up : f32
      moe_kernel.yield %p : f32
    }

    // CHECK-LABEL: // moe_grouped_matmul_2: moe_kernel.grouped_matmul for sm_80
    // CHECK: static constexpr moe::StoreForm kStore = moe::StoreForm::weighted_rows;
    // CHECK: moe_grouped_matmul_2(const moe::f16 *rows, const moe::f16 *weights, const int *routes,
    // CHECK-NEXT: const float *routing_weights, const int4 *tiles, moe::f16 *out) {
    moe_kernel.grouped_matmul ins(%h : memref<?x32xf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x64x32xf16>) routes(%routes : memref<?xi32>) routing_weights(%rw : memref<?x2xf32>)
      outs(%y : memref<?x64xf16>) store(weighted_rows)
      schedule<mma, block_m = 32, block_n = 64, block_k = 32, stages = 3, warps_m = 1, warps_n = 4>

    // CHECK-LABEL: // moe_grouped_matmul_3: moe_kernel.grouped_matmul for sm_80
    // CHECK: using Element = moe::f16;
    // CHECK-NEXT: using Output = float;
    // CHECK-NEXT: static constexpr int kN = 64, kK = 32, kTopK = 2;
    // CHECK-NEXT: static constexpr moe::StoreForm kStore = moe::StoreForm::accumulate;
    // CHECK: const float *routing_weights, const int4 *tiles, float *out) {
    moe_kernel.grouped_matmul ins(%h : memref<?x32xf16>) tiles(%tiles : memref<?x4xi32>)
      weights(%w : memref<4x64x32xf16>) routes(%routes : memref<?xi32>) routing_weights(%rw : memref<?x2xf32>)
      outs(%s : memref<?x64xf32>) store(accumulate) top_k(2)
      schedule<mma, block_m = 32, block_n = 64, block_k = 32, stages = 3, warps_m = 1, warps_n = 4>
    return
  }
}
