// Every word of a buffer is filled: a thread has per_thread times four words. The least of several extents bounds T.
// RUN: moe-opt %s --emit-cuda="only=none manifest=true" -o /dev/null | FileCheck %s
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s --check-prefix=SOURCE

#r = affine_map<(d0) -> (d0 * 2)>
#p = affine_map<(d0) -> (d0 floordiv 4 + 2, d0 * 8)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  // CHECK: "max_tokens": 1073709055,
  // SOURCE: moe::fill_words<256, 2>(buffer, 4294967295u, moe::i64(tokens) * 33);
  // CHECK{LITERAL}: "grid": [["ceildiv", ["mul", "T", 33], 2048], 1, 1],
  func.func @b_t0(%y: memref<?x66xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    %other = moe_kernel.buffer "other" size(#p) : memref<?x64xbf16>
    %large = moe_kernel.buffer "large" size(#r) : memref<?x64xbf16>
    moe_kernel.fill outs(%y : memref<?x66xbf16>) bits(-1) schedule<threads = 256, per_thread = 2>
    return
  }
}
