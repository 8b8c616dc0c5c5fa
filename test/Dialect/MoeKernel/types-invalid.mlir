// What no kernel reads or writes is no operand and no buffer.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @strided(%x: memref<?x64xbf16, strided<[128, 1]>>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{operand #0 must be compact 2D memref of bf16 or f16 values, dynamic in at most its leading extent, but got 'memref<?x64xbf16, strided<[128, 1]>>'}}
  moe_kernel.gather ins(%x, %r : memref<?x64xbf16, strided<[128, 1]>>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @space(%x: memref<?x64xbf16, 3>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{operand #0 must be compact 2D memref of bf16 or f16 values, dynamic in at most its leading extent, but got 'memref<?x64xbf16, 3>'}}
  moe_kernel.gather ins(%x, %r : memref<?x64xbf16, 3>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @inner(%x: memref<?x?xbf16>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{operand #0 must be compact 2D memref of bf16 or f16 values, dynamic in at most its leading extent, but got 'memref<?x?xbf16>'}}
  moe_kernel.gather ins(%x, %r : memref<?x?xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @elements(%x: memref<?x64xf32>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{operand #0 must be compact 2D memref of bf16 or f16 values, dynamic in at most its leading extent, but got 'memref<?x64xf32>'}}
  moe_kernel.gather ins(%x, %r : memref<?x64xf32>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @rank(%x: memref<?x8x8xbf16>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{operand #0 must be compact 2D memref of bf16 or f16 values, dynamic in at most its leading extent, but got 'memref<?x8x8xbf16>'}}
  moe_kernel.gather ins(%x, %r : memref<?x8x8xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @buffer_i64() {
  // expected-error @+1 {{result #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<8xi64>'}}
  %b = moe_kernel.buffer "b" : memref<8xi64>
  return
}

// -----

func.func @buffer_rank() {
  // expected-error @+1 {{result #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<f32>'}}
  %b = moe_kernel.buffer "b" : memref<f32>
  return
}

// -----

func.func @buffer_deep() {
  // expected-error @+1 {{result #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<1x1x1x1x1x1x1x1x1xf32>'}}
  %b = moe_kernel.buffer "b" : memref<1x1x1x1x1x1x1x1x1xf32>
  return
}

// -----

func.func @buffer_unsigned() {
  // expected-error @+1 {{result #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<8xui32>'}}
  %b = moe_kernel.buffer "b" : memref<8xui32>
  return
}

// -----

func.func @buffer_extent() {
  // expected-error @+1 {{result #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<2147483648xi32>'}}
  %b = moe_kernel.buffer "b" : memref<2147483648xi32>
  return
}

// -----

func.func @buffer_elements() {
  // expected-error @+1 {{result #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<65536x65536x65536xi32>'}}
  %b = moe_kernel.buffer "b" : memref<65536x65536x65536xi32>
  return
}

// -----

func.func @fill_rank(%x: memref<f32>) {
  // expected-error @+1 {{operand #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<f32>'}}
  moe_kernel.fill outs(%x : memref<f32>) bits(0) schedule<threads = 128>
  return
}

// -----

func.func @fill_i1(%x: memref<?x32xi1>) {
  // expected-error @+1 {{operand #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<?x32xi1>'}}
  moe_kernel.fill outs(%x : memref<?x32xi1>) bits(0) schedule<threads = 128>
  return
}

// -----

func.func @fill_index(%x: memref<8xindex>) {
  // expected-error @+1 {{operand #0 must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<8xindex>'}}
  moe_kernel.fill outs(%x : memref<8xindex>) bits(0) schedule<threads = 128>
  return
}
