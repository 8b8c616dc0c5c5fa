// The callers of the kernels that move or map rows.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

#r = affine_map<(d0) -> (d0 * 2)>
#p = affine_map<(d0) -> (d0 * 2 + 28, d0 * 16)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%x: memref<?x64xbf16> {moe.name = "x"}, %routes: memref<?xi32> {moe.name = "routes", moe_kernel.size = #r},
      %o: memref<5xi32> {moe.name = "o"}, %po: memref<5xi32> {moe.name = "po"}, %w: memref<?x2xf32> {moe.name = "w"},
      %s: memref<?x64xf32> {moe.name = "s"}, %y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    %rows = moe_kernel.buffer "rows" size(#r) : memref<?x64xbf16>
    %padded = moe_kernel.buffer "padded" size(#p) : memref<?x64xbf16>
    %half = moe_kernel.buffer "half" size(#p) : memref<?x32xbf16>
    // CHECK-LABEL: // moe_gather_0:
    // CHECK: #include "moe/kernels/copy_rows.cuh"
    // CHECK-EMPTY:
    // CHECK-NEXT: using Copy = moe::CopyConfig<moe::bf16, 64, 256, 2>;
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C" __global__ void __launch_bounds__(Copy::kThreads, Copy::kMinBlocks)
    // CHECK-NEXT: moe_gather_0(const moe::bf16 *x, const int *routes, moe::bf16 *rows, int tokens) {
    // CHECK-NEXT:   moe::copy_rows<Copy>(x, rows, moe::GatherSource<2>{routes, tokens}, tokens * 2);
    // CHECK-NEXT: }
    moe_kernel.gather ins(%x, %routes : memref<?x64xbf16>, memref<?xi32>) outs(%rows : memref<?x64xbf16>) top_k(2)
      schedule<threads = 256, per_thread = 2>
    // CHECK-LABEL: // moe_pad_0:
    // CHECK: moe_pad_0(const moe::bf16 *input, const int *offsets, const int *padded_offsets, moe::bf16 *output,
    // CHECK-NEXT:     int tokens) {
    // CHECK-NEXT:   moe::copy_rows<Copy>(input, output, moe::PadSource<4>{offsets, padded_offsets},
    // CHECK-NEXT:                        int(min(((moe::i64(tokens) * 2ll) + 28ll), (moe::i64(tokens) * 16ll))));
    moe_kernel.pad ins(%rows, %o, %po : memref<?x64xbf16>, memref<5xi32>, memref<5xi32>)
      outs(%padded : memref<?x64xbf16>) schedule<threads = 256, per_thread = 2>
    // CHECK-LABEL: // moe_unpad_0:
    // CHECK:   moe::copy_rows<Copy>(input, output, moe::UnpadSource<4>{offsets, padded_offsets},
    // CHECK-NEXT:                        tokens * 2);
    moe_kernel.unpad ins(%padded, %o, %po : memref<?x64xbf16>, memref<5xi32>, memref<5xi32>)
      outs(%rows : memref<?x64xbf16>) schedule<threads = 256, per_thread = 2>
    // CHECK-LABEL: // moe_activation_0:
    // CHECK: #include "moe/common/math.cuh"
    // CHECK-NEXT: #include "moe/kernels/activation.cuh"
    // CHECK-EMPTY:
    // CHECK-NEXT: struct Function {
    // CHECK-NEXT:   static MOE_DEVICE float apply(float gate, float up) {
    // CHECK-NEXT:     return up;
    // CHECK-NEXT:   }
    // CHECK-NEXT: };
    // CHECK-NEXT: using Activation = moe::ActivationConfig<moe::bf16, 32, moe::GateLayout::kInterleaved, false, 128, 4>;
    // CHECK-EMPTY:
    // CHECK-NEXT: extern "C" __global__ void __launch_bounds__(Activation::kThreads, Activation::kMinBlocks)
    // CHECK-NEXT: moe_activation_0(const moe::bf16 *input, moe::bf16 *output, int tokens) {
    // CHECK-NEXT:   moe::activation<Activation, Function>(input, nullptr, output, int(min(
    moe_kernel.activation ins(%padded : memref<?x64xbf16>) outs(%half : memref<?x32xbf16>) layout<interleaved, up_first>
      schedule<threads = 128, per_thread = 4> {
    ^bb0(%gate: f32, %up: f32):
      moe_kernel.yield %up : f32
    }
    // CHECK-LABEL: // moe_activation_1:
    // CHECK: static MOE_DEVICE float apply(float value) {
    // CHECK: moe::GateLayout::kPlain, true, 128, 1>;
    moe_kernel.activation ins(%rows : memref<?x64xbf16>) outs(%rows : memref<?x64xbf16>) schedule<threads = 128> {
    ^bb0(%v: f32):
      moe_kernel.yield %v : f32
    }
    // CHECK-LABEL: // moe_activation_2:
    // CHECK: moe::GateLayout::kSeparate, true, 128, 1>;
    // CHECK: moe_activation_2(const moe::bf16 *gate, const moe::bf16 *up, moe::bf16 *output, int tokens) {
    // CHECK-NEXT:   moe::activation<Activation, Function>(gate, up, output, tokens * 2);
    moe_kernel.activation ins(%rows, %rows : memref<?x64xbf16>, memref<?x64xbf16>) outs(%rows : memref<?x64xbf16>)
      schedule<threads = 128> {
    ^bb0(%gate: f32, %up: f32):
      moe_kernel.yield %up : f32
    }
    // CHECK-LABEL: // moe_combine_0:
    // CHECK: using Combine = moe::CombineConfig<moe::bf16, 64, 2, true, 128, 1, false, 0>;
    // CHECK: moe_combine_0(const moe::bf16 *rows, const int *positions, const float *weights, moe::bf16 *output,
    // CHECK-NEXT:     int tokens) {
    // CHECK-NEXT:   moe::combine<Combine>(rows, positions, weights, output, tokens);
    moe_kernel.combine ins(%rows, %routes : memref<?x64xbf16>, memref<?xi32>) weights(%w : memref<?x2xf32>)
      outs(%y : memref<?x64xbf16>) top_k(2) schedule<threads = 128>
    // CHECK-LABEL: // moe_combine_1:
    // CHECK: using Combine = moe::CombineConfig<moe::bf16, 64, 2, false, 128, 1, false, 0>;
    // CHECK:   moe::combine<Combine>(rows, positions, nullptr, output, tokens);
    moe_kernel.combine ins(%rows, %routes : memref<?x64xbf16>, memref<?xi32>)
      outs(%y : memref<?x64xbf16>) top_k(2) schedule<threads = 128>
    // Rows that nothing reads later need not be written to memory.
    // CHECK-LABEL: // moe_combine_2:
    // CHECK: using Combine = moe::CombineConfig<moe::bf16, 64, 2, false, 128, 1, false, 1280>;
    %last = moe_kernel.buffer "last" size(affine_map<(d0) -> (d0 * 2)>) : memref<?x64xbf16>
    moe_kernel.combine ins(%last, %routes : memref<?x64xbf16>, memref<?xi32>)
      outs(%y : memref<?x64xbf16>) top_k(2) schedule<threads = 128> discards(1280)
    // CHECK-LABEL: // moe_fill_0:
    // CHECK: moe::fill_words<256, 1>(buffer, 0u, moe::i64(tokens * 2) * 32);
    moe_kernel.fill outs(%rows : memref<?x64xbf16>) bits(0) schedule<threads = 256>
    // CHECK-LABEL: // moe_cast_0:
    // CHECK: moe_cast_0(const float *accumulator, moe::bf16 *output, int tokens) {
    // CHECK-NEXT:   moe::cast_rows<moe::bf16, 64, 256>(accumulator, output, tokens);
    moe_kernel.cast ins(%s : memref<?x64xf32>) outs(%y : memref<?x64xbf16>) schedule<threads = 256>
    return
  }
}
