// What the emitter refuses, on the op at fault.
// RUN: moe-opt %s --emit-cuda --split-input-file --verify-diagnostics

// expected-error @+1 {{expects a module with 'moe_kernel.target', as --convert-moe-to-kernel makes it}}
module {}

// -----

// expected-error @+1 {{expects a module with a block, but it has no function}}
module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects 'moe_kernel.block' on every function}}
  func.func @f() { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @f() attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
  // expected-error @+1 {{expects one block in a module, but got 'f' and 'g'}}
  func.func @g() attributes {moe_kernel.block = "g", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @f() attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    // expected-error @+1 {{'memref.alloc' op has no CUDA form}}
    %a = memref.alloc() : memref<4xf32>
    return
  }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects a body of one basic block}}
  func.func private @f() attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>}
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects 'moe.name' on argument 0}}
  func.func @f(%x: memref<?x8xbf16>) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects arguments that are compact memrefs of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most their leading extent, but got 'tensor<?x8xbf16>'}}
  func.func @f(%x: tensor<?x8xbf16> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects arguments that are compact memrefs of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most their leading extent, but got 'memref<f32>'}}
  func.func @f(%x: memref<f32> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects arguments that are compact memrefs of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most their leading extent, but got 'memref<?x8xi64>'}}
  func.func @f(%x: memref<?x8xi64> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects arguments that are compact memrefs of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most their leading extent, but got 'memref<?x8xbf16, strided<[16, 1]>>'}}
  func.func @f(%x: memref<?x8xbf16, strided<[16, 1]>> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects arguments that are compact memrefs of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most their leading extent, but got 'memref<?x?xf32>'}}
  func.func @f(%x: memref<?x?xf32> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @f_t0(%x: memref<?x8xbf16> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, 7>} { return }
  // expected-error @+1 {{expects the arguments of every variant to agree}}
  func.func @f_t8(%x: memref<?x16xbf16> {moe.name = "x"}) attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<8, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @f(%x: memref<?x8xbf16> {moe.name = "x"}, %y: memref<?x8xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    moe_kernel.activation ins(%x : memref<?x8xbf16>) outs(%y : memref<?x8xbf16>) schedule<threads = 128> {
    ^bb0(%v: f32):
      %i = arith.constant true
      // expected-error @+1 {{has no CUDA form in an epilogue or activation}}
      %b = arith.uitofp %i : i1 to f32
      moe_kernel.yield %v : f32
    }
    return
  }
}

// -----

// expected-error @+1 {{expects a valid launch plan, but /arguments/0/shape/0: expects an extent that is never negative and never shrinks as T grows}}
module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @f(%y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output, moe_kernel.size = affine_map<(d0) -> (d0 * 8 - 900)>})
      attributes {moe_kernel.block = "f", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    moe_kernel.fill outs(%y : memref<?x64xbf16>) bits(0) schedule<threads = 256>
    return
  }
}
