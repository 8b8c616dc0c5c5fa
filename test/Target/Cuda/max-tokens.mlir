// What bounds T: a grid of 2^31 - 1 blocks, and rows of an argument below 2^31 - 2^16.
// RUN: moe-opt %s --emit-cuda="only=none manifest=true" -o /dev/null --split-input-file | FileCheck %s

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  // Two blocks of 256 threads, which fill eight words each, a row of 4096 words.
  // CHECK: "max_tokens": 1073741823,
  func.func @b_t0(%y: memref<?x8192xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    moe_kernel.fill outs(%y : memref<?x8192xbf16>) bits(-1) schedule<threads = 256, per_thread = 2>
    return
  }
}

// -----

#r = affine_map<(d0) -> (d0 * 4)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  // CHECK: "max_tokens": 536854527,
  func.func @b_t0(%y: memref<?x8xbf16> {moe.name = "y", moe_kernel.output}, %rows: memref<?x8xbf16> {moe.name = "rows", moe_kernel.size = #r})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    moe_kernel.fill outs(%y : memref<?x8xbf16>) bits(-1) schedule<threads = 256, per_thread = 2>
    return
  }
}
