// Kernels are shared by launches and variants that differ in nothing but buffers; the launch plan
// has grids and sizes as expressions in T.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s --check-prefix=SOURCE
// RUN: moe-opt %s --emit-cuda="only=none manifest=true" -o /dev/null | FileCheck %s

// SOURCE: // moe_gather_0:
// SOURCE: // moe_activation_0:
// SOURCE-NOT: // moe_

#r = affine_map<(d0) -> (d0 * 2)>
#p = affine_map<(d0) -> (d0 floordiv 4 + 2, d0 * 2)>
module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  // CHECK: "block": "b",
  // CHECK-NEXT: "target": "sm_90a",
  // The gather's grid, 2 T * 8 vectors / 512, would allow more; the rows of a buffer would not.
  // CHECK-NEXT: "max_tokens": 1073709055,
  // CHECK: {"name": "x", "dtype": "bf16", "shape": ["T", 64], "output": false}
  // CHECK{LITERAL}: {"name": "routes", "dtype": "i32", "shape": [["mul", "T", 2]], "output": false}
  // CHECK{LITERAL}: {"name": "y", "dtype": "bf16", "shape": [["mul", "T", 2], 64], "output": true}
  // CHECK: "name": "moe_gather_0",
  // CHECK: "parameters": ["pointer", "pointer", "pointer", "i32"],
  // CHECK: "threads": 256,
  // CHECK: "name": "moe_activation_0",
  // CHECK: "variants": [
  // CHECK: "min_tokens": 0,
  // CHECK-NEXT: "max_tokens": 7,
  // CHECK-NEXT: "deterministic": true,
  // CHECK: "kernel": 0,
  // CHECK-NEXT{LITERAL}: "grid": [["ceildiv", "T", 32], 1, 1],
  // CHECK-NEXT: "block": [256, 1, 1],
  // CHECK: "overlaps_previous": false,
  // CHECK: {"tensor": 0}, {"tensor": 1}, {"buffer": 0}, "tokens"
  // CHECK: "kernel": 1,
  // CHECK: "overlaps_previous": true,
  // CHECK: {"buffer": 0}, {"tensor": 2}, "tokens"
  func.func @b_t0(%x: memref<?x64xbf16> {moe.name = "x"}, %routes: memref<?xi32> {moe.name = "routes", moe_kernel.size = #r},
      %y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = #r})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, 7>} {
    %rows = moe_kernel.buffer "rows" size(#r) : memref<?x64xbf16>
    moe_kernel.gather ins(%x, %routes : memref<?x64xbf16>, memref<?xi32>) outs(%rows : memref<?x64xbf16>) top_k(2)
      schedule<threads = 256, per_thread = 2>
    moe_kernel.activation ins(%rows : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 128> dependent {
    ^bb0(%v: f32):
      moe_kernel.yield %v : f32
    }
    return
  }
  // CHECK: "min_tokens": 8,
  // CHECK-NEXT: "max_tokens": -1,
  // CHECK-NEXT: "deterministic": false,
  // CHECK{LITERAL}: {"name": "rows", "dtype": "bf16", "shape": [["mul", "T", 2], 64]}
  // CHECK: "name": "other",
  // CHECK-NEXT: "dtype": "i32",
  // CHECK-NEXT{LITERAL}: "shape": [["min", ["add", ["floordiv", "T", 4], 2], ["mul", "T", 2]]]
  // CHECK: "kernel": 0,
  // CHECK: "kernel": 1,
  func.func @b_t8(%x: memref<?x64xbf16> {moe.name = "x"}, %routes: memref<?xi32> {moe.name = "routes", moe_kernel.size = #r},
      %y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = #r})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<8, -1>, moe_kernel.nondeterministic} {
    %rows = moe_kernel.buffer "rows" size(#r) : memref<?x64xbf16>
    %other = moe_kernel.buffer "other" size(#p) : memref<?xi32>
    moe_kernel.gather ins(%x, %routes : memref<?x64xbf16>, memref<?xi32>) outs(%rows : memref<?x64xbf16>) top_k(2)
      schedule<threads = 256, per_thread = 2>
    moe_kernel.activation ins(%rows : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 128> {
    ^bb0(%v: f32):
      moe_kernel.yield %v : f32
    }
    return
  }
}
