// Which T a compile serves, and schedules written by hand.
// RUN: moe-opt %s --convert-moe-to-kernel=target=sm_80 | FileCheck %s --check-prefix=ALL
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=40,4096 target=sm_80" | FileCheck %s --check-prefix=SOME
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=1 target=sm_80" | FileCheck %s --check-prefix=ONE
// RUN: moe-opt %s --convert-moe-to-kernel="tokens=4096 schedule='0: mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2, warps_n = 1; *: mma, block_m = 32, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2'" | FileCheck %s --check-prefix=HAND
// RUN: moe-opt %s --convert-moe-to-kernel="target=sm_80 schedule='1@100-199: mma, block_m = 32, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2; 0: mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2, warps_n = 1'" | FileCheck %s --check-prefix=RANGE
// RUN: moe-opt %s --convert-moe-to-kernel="target=sm_80 tokens=128 schedule='*@100-199: mma, block_m = 32, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2'" | FileCheck %s --check-prefix=INSIDE
// RUN: not moe-opt %s --convert-moe-to-kernel="schedule='0@9-8: mma, block_m = 64'" 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: not moe-opt %s --convert-moe-to-kernel="schedule='0: wave, block_m = 64'" 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not moe-opt %s --convert-moe-to-kernel="schedule='first'" 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not moe-opt %s --convert-moe-to-kernel="target=sm_86 schedule='*: mma, block_m = 128, block_n = 128, block_k = 64, stages = 4, warps_m = 2, warps_n = 2'" 2>&1 | FileCheck %s --check-prefix=LEGAL

// The boundaries are those of m = 2 T / 8 in the table of sm_80, 32 tokens for route_sort and 8192 for
// sorts by sets of tokens.
// ALL: @block_t0({{.*}}moe_kernel.tokens = #moe_kernel.tokens<0, 32>
// ALL: moe_kernel.route_sort
// ALL: block_m = 16,
// ALL: block_m = 16,
// ALL: @block_t33({{.*}}moe_kernel.tokens = #moe_kernel.tokens<33, 64>
// ALL: moe_kernel.sort_routes {{.*}} sets({{.*}} tile_shapes = [#moe_kernel.tile_shape<rows = 32, band = 1>] schedule<threads = 512>
// ALL: block_m = 32,
// ALL: @block_t65({{.*}}moe_kernel.tokens = #moe_kernel.tokens<65, 256>
// ALL: block_m = 64,
// ALL: @block_t257({{.*}}moe_kernel.tokens = #moe_kernel.tokens<257, 8192>
// ALL-NOT: moe_kernel.count_routes
// ALL: block_m = 128,
// ALL: @block_t8193({{.*}}moe_kernel.tokens = #moe_kernel.tokens<8193, -1>
// ALL: moe_kernel.count_routes
// ALL: block_m = 128,
// ALL-NOT: func.func

// SOME: @block_t0({{.*}}moe_kernel.tokens = #moe_kernel.tokens<0, 64>
// SOME: block_m = 32,
// SOME: @block_t65({{.*}}moe_kernel.tokens = #moe_kernel.tokens<65, -1>
// SOME: block_m = 128,
// SOME-NOT: func.func

// The form for few tokens cannot serve all T: the next one follows. No dependent launch on sm_80.
// ONE: moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912,
// ONE: @block_t0({{.*}}moe_kernel.tokens = #moe_kernel.tokens<0, 32>
// ONE-NOT: dependent
// ONE: @block_t33({{.*}}moe_kernel.tokens = #moe_kernel.tokens<33, -1>
// ONE-NOT: func.func

// Two heights, two maps, one sort.
// HAND: moe_kernel.sort_routes {{.*}} tiles(%[[A:.*]], %[[B:.*]] : memref<?x4xi32>, memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>, #moe_kernel.tile_shape<rows = 32>]
// HAND: moe_kernel.grouped_matmul {{.*}} tiles(%[[A]] : memref<?x4xi32>) {{.*}} schedule<mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2>
// HAND: moe_kernel.grouped_matmul {{.*}} tiles(%[[B]] : memref<?x4xi32>) {{.*}} schedule<mma, block_m = 32, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>

// Schedules for some token counts divide the variants.
// RANGE: @block_t65({{.*}}moe_kernel.tokens = #moe_kernel.tokens<65, 99>
// RANGE: moe_kernel.grouped_matmul {{.*}}block_m = 64, block_n = 64, block_k = 32
// RANGE: moe_kernel.grouped_matmul {{.*}}block_m = 64, block_n = 128
// RANGE: @block_t100({{.*}}moe_kernel.tokens = #moe_kernel.tokens<100, 199>
// RANGE: moe_kernel.grouped_matmul {{.*}}block_m = 64, block_n = 64, block_k = 32
// RANGE: moe_kernel.grouped_matmul {{.*}}block_m = 32, block_n = 64, block_k = 64
// RANGE: @block_t200({{.*}}moe_kernel.tokens = #moe_kernel.tokens<200, 256>
// RANGE: moe_kernel.grouped_matmul {{.*}}block_m = 64, block_n = 64, block_k = 32
// RANGE: moe_kernel.grouped_matmul {{.*}}block_m = 64, block_n = 128
// RANGE: @block_t257({{.*}}moe_kernel.tokens = #moe_kernel.tokens<257, 8192>

// The variant that is kept has the schedule of its own T.
// INSIDE: @block_t0({{.*}}moe_kernel.tokens = #moe_kernel.tokens<0, -1>
// INSIDE: moe_kernel.grouped_matmul {{.*}}block_m = 32, block_n = 64, block_k = 64
// INSIDE: moe_kernel.grouped_matmul {{.*}}block_m = 32, block_n = 64, block_k = 64
// INSIDE-NOT: func.func

// TOKENS: expects the first and the last token count after '@', such as 768-1535, but got '9-8'
// FORM: expects the inside of a #moe_kernel.schedule for matmul 0, but got 'wave, block_m = 64'
// ENTRY: expects a schedule override 'N: mma, block_m = ...', but got 'first'
// LEGAL: error: expects at most 101376 bytes of shared memory a block on sm_86, but needs 131072
func.func @block(%x: tensor<?x64xbf16>, %logits: tensor<?x8xf32>, %w: tensor<8x32x64xbf16>, %d: tensor<8x64x32xbf16>)
    -> tensor<?x64xbf16> {
  %rw, %ids = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %ids experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(2)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x32x64xbf16>, tensor<?xi32>) -> tensor<?x32xbf16>
  %y = moe.grouped_matmul %h, %offsets, %d combine(%rw, %routes)
    : (tensor<?x32xbf16>, tensor<9xi32>, tensor<8x64x32xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
