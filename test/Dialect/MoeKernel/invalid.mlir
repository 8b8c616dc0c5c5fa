// Every check of the row and buffer ops has a case; those of their types are in types-invalid.mlir.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @buffer_c1_layout() {
  // expected-error @+1 {{must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<4x4xf32, strided<[8, 1]>>'}}
  %b = moe_kernel.buffer "b" : memref<4x4xf32, strided<[8, 1]>>
  return
}

// -----

func.func @buffer_c1_inner() {
  // expected-error @+1 {{must be compact memref of rank 1 to 8 of bf16, f16, f32 or i32 values, dynamic in at most its leading extent, but got 'memref<4x?xf32>'}}
  %b = moe_kernel.buffer "b" : memref<4x?xf32>
  return
}

// -----

func.func @buffer_c2_missing() {
  // expected-error @+1 {{expects a size exactly for a dynamic leading extent, but got no size for 'memref<?xf32>'}}
  %b = moe_kernel.buffer "b" : memref<?xf32>
  return
}

// -----

func.func @buffer_c2_extra() {
  // expected-error @+1 {{expects a size exactly for a dynamic leading extent, but got a size for 'memref<4xf32>'}}
  %b = moe_kernel.buffer "b" size(affine_map<(d0) -> (d0)>) : memref<4xf32>
  return
}

// -----

func.func @buffer_c2_dims() {
  // expected-error @+1 {{expects the size to be an affine map of one dimension with positive divisors, but got affine_map<(d0, d1) -> (d0)>}}
  %b = moe_kernel.buffer "b" size(affine_map<(d0, d1) -> (d0)>) : memref<?xf32>
  return
}

// -----

func.func @buffer_c2_divisor() {
  // expected-error @+1 {{expects the size to be an affine map of one dimension with positive divisors, but got affine_map<(d0) -> (d0, d0 + d0 ceildiv 0)>}}
  %b = moe_kernel.buffer "b" size(affine_map<(d0) -> (d0, d0 + d0 ceildiv 0)>) : memref<?xf32>
  return
}

// -----

func.func @launch_threads(%a: memref<?xi32>, %b: memref<?xi32>) {
  // expected-error @+2 {{expects threads to be a multiple of 32 in [32, 1024], but got 48}}
  moe_kernel.invert_routes ins(%a : memref<?xi32>) outs(%b : memref<?xi32>)
    schedule<threads = 48>
  return
}

// -----

func.func @launch_per_thread(%a: memref<?xi32>) {
  // expected-error @+1 {{expects per_thread in [1, 16], but got 17}}
  moe_kernel.fill outs(%a : memref<?xi32>) bits(0) schedule<threads = 64, per_thread = 17>
  return
}

// -----

func.func @gather_c1_elements(%x: memref<?x64xf16>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects x and the output to have one element type, but got 'f16' and 'bf16'}}
  moe_kernel.gather ins(%x, %r : memref<?x64xf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @gather_c1_vectors(%x: memref<?x60xbf16>, %r: memref<?xi32>, %y: memref<?x60xbf16>) {
  // expected-error @+1 {{expects rows of a multiple of 8 elements, but got 60}}
  moe_kernel.gather ins(%x, %r : memref<?x60xbf16>, memref<?xi32>) outs(%y : memref<?x60xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @gather_c1_columns(%x: memref<?x32xbf16>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects x to have 64 columns, but got 32}}
  moe_kernel.gather ins(%x, %r : memref<?x32xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @gather_c2_top_k(%x: memref<?x64xbf16>, %r: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects top_k of at least 1, but got 0}}
  moe_kernel.gather ins(%x, %r : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(0)
    schedule<threads = 256>
  return
}

// -----

func.func @gather_c2_rows(%x: memref<?x64xbf16>, %r: memref<?xi32>, %y: memref<4x64xbf16>) {
  // expected-error @+1 {{expects the leading extent of rows to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (4)>}}
  moe_kernel.gather ins(%x, %r : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<4x64xbf16>) top_k(1)
    schedule<threads = 256>
  return
}

// -----

func.func @pad_c1(%x: memref<?x64xbf16>, %o: memref<9xi32>, %y: memref<?x32xbf16>) {
  // expected-error @+1 {{expects the input to have 32 columns, but got 64}}
  moe_kernel.pad ins(%x, %o, %o : memref<?x64xbf16>, memref<9xi32>, memref<9xi32>) outs(%y : memref<?x32xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @pad_c2(%x: memref<?x64xbf16>, %o: memref<9xi32>, %p: memref<8xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects offsets of one type, but got 'memref<9xi32>' and 'memref<8xi32>'}}
  moe_kernel.pad ins(%x, %o, %p : memref<?x64xbf16>, memref<9xi32>, memref<8xi32>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @pad_c1_elements(%x: memref<?x64xf16>, %o: memref<9xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects the input and the output to have one element type, but got 'f16' and 'bf16'}}
  moe_kernel.pad ins(%x, %o, %o : memref<?x64xf16>, memref<9xi32>, memref<9xi32>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @pad_c1_vectors(%x: memref<?x60xbf16>, %o: memref<9xi32>, %y: memref<?x60xbf16>) {
  // expected-error @+1 {{expects rows of a multiple of 8 elements, but got 60}}
  moe_kernel.pad ins(%x, %o, %o : memref<?x60xbf16>, memref<9xi32>, memref<9xi32>) outs(%y : memref<?x60xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @pad_c2_offsets(%x: memref<?x64xbf16>, %o: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects offsets of E + 1 entries, but got 'memref<?xi32>'}}
  moe_kernel.pad ins(%x, %o, %o : memref<?x64xbf16>, memref<?xi32>, memref<?xi32>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @unpad_c1(%x: memref<?x64xbf16>, %o: memref<9xi32>, %y: memref<?x32xbf16>) {
  // expected-error @+1 {{expects the input to have 32 columns, but got 64}}
  moe_kernel.unpad ins(%x, %o, %o : memref<?x64xbf16>, memref<9xi32>, memref<9xi32>) outs(%y : memref<?x32xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @unpad_c2(%x: memref<?x64xbf16>, %o: memref<9xi32>, %p: memref<8xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects offsets of one type, but got 'memref<9xi32>' and 'memref<8xi32>'}}
  moe_kernel.unpad ins(%x, %o, %p : memref<?x64xbf16>, memref<9xi32>, memref<8xi32>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @unpad_c1_elements(%x: memref<?x64xf16>, %o: memref<9xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects the input and the output to have one element type, but got 'f16' and 'bf16'}}
  moe_kernel.unpad ins(%x, %o, %o : memref<?x64xf16>, memref<9xi32>, memref<9xi32>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @unpad_c1_vectors(%x: memref<?x60xbf16>, %o: memref<9xi32>, %y: memref<?x60xbf16>) {
  // expected-error @+1 {{expects rows of a multiple of 8 elements, but got 60}}
  moe_kernel.unpad ins(%x, %o, %o : memref<?x60xbf16>, memref<9xi32>, memref<9xi32>) outs(%y : memref<?x60xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @unpad_c2_offsets(%x: memref<?x64xbf16>, %o: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects offsets of E + 1 entries, but got 'memref<?xi32>'}}
  moe_kernel.unpad ins(%x, %o, %o : memref<?x64xbf16>, memref<?xi32>, memref<?xi32>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256>
  return
}

// -----

func.func @combine_c2_weights(%x: memref<?x64xbf16>, %p: memref<?xi32>, %w: memref<?x4xf32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects weights to have 2 columns, but got 4}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) weights(%w : memref<?x4xf32>)
    outs(%y : memref<?x64xbf16>) top_k(2) schedule<threads = 128>
  return
}

// -----

func.func @combine_c2_top_k(%x: memref<?x64xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects top_k of at least 1, but got 0}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(0)
    schedule<threads = 128>
  return
}

// -----

func.func @combine_positions(%x: memref<?x64xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects the leading extent of positions to be affine_map<(d0) -> (d0 * 2)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(2)
    schedule<threads = 128>
  return
}

// -----

func.func @combine_c3_dependent(%x: memref<?x64xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects early_positions with dependent, behind a matmul}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128> early_positions
  return
}

// -----

func.func @combine_c3_before(%x: memref<?x64xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  moe_kernel.fill outs(%p : memref<?xi32>) bits(-1) schedule<threads = 256>
  // expected-error @+1 {{expects early_positions with dependent, behind a matmul}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128> dependent early_positions
  return
}

// -----

func.func @combine_c4_tokens(%p: memref<?xi32>, %y: memref<?x64xbf16>) {
  %x = moe_kernel.buffer "x" size(affine_map<(d0) -> (d0)>) : memref<?x64xbf16>
  // expected-error @+1 {{expects discards of 0 to 2147483647, but got -1}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128> discards(-1)
  return
}

// -----

func.func @combine_c4_many(%p: memref<?xi32>, %y: memref<?x64xbf16>) {
  %x = moe_kernel.buffer "x" size(affine_map<(d0) -> (d0)>) : memref<?x64xbf16>
  // expected-error @+1 {{expects discards of 0 to 2147483647, but got 2147483648}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128> discards(2147483648)
  return
}

// -----

func.func @combine_c4_lines(%p: memref<?xi32>, %y: memref<?x96xbf16>) {
  %x = moe_kernel.buffer "x" size(affine_map<(d0) -> (d0)>) : memref<?x96xbf16>
  // expected-error @+1 {{expects discards of rows of a multiple of 128 bytes, but got 192}}
  moe_kernel.combine ins(%x, %p : memref<?x96xbf16>, memref<?xi32>) outs(%y : memref<?x96xbf16>) top_k(1)
    schedule<threads = 128> discards(64)
  return
}

// -----

func.func @combine_c4_argument(%x: memref<?x64xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects discards of a buffer that nothing reads later}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128> discards(64)
  return
}

// -----

func.func @combine_c4_read(%p: memref<?xi32>, %y: memref<?x64xbf16>) {
  %x = moe_kernel.buffer "x" size(affine_map<(d0) -> (d0)>) : memref<?x64xbf16>
  // expected-error @+1 {{expects discards of a buffer that nothing reads later}}
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128> discards(64)
  moe_kernel.combine ins(%x, %p : memref<?x64xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128>
  return
}

// -----

func.func @combine_c1(%x: memref<?x32xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects rows to have 64 columns, but got 32}}
  moe_kernel.combine ins(%x, %p : memref<?x32xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128>
  return
}

// -----

func.func @combine_c1_elements(%x: memref<?x64xf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects rows and the output to have one element type, but got 'f16' and 'bf16'}}
  moe_kernel.combine ins(%x, %p : memref<?x64xf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
    schedule<threads = 128>
  return
}

// -----

func.func @combine_c1_vectors(%x: memref<?x60xbf16>, %p: memref<?xi32>, %y: memref<?x60xbf16>) {
  // expected-error @+1 {{expects rows of a multiple of 8 elements, but got 60}}
  moe_kernel.combine ins(%x, %p : memref<?x60xbf16>, memref<?xi32>) outs(%y : memref<?x60xbf16>) top_k(1)
    schedule<threads = 128>
  return
}

// -----

func.func @fill_c1(%x: memref<?x3xbf16>) {
  // expected-error @+1 {{expects trailing extents of whole 32-bit words, but got 'memref<?x3xbf16>'}}
  moe_kernel.fill outs(%x : memref<?x3xbf16>) bits(0) schedule<threads = 128>
  return
}

// -----

func.func @fill_c1_empty(%x: memref<?x0xf32>) {
  // expected-error @+1 {{expects trailing extents of whole 32-bit words, but got 'memref<?x0xf32>'}}
  moe_kernel.fill outs(%x : memref<?x0xf32>) bits(0) schedule<threads = 128>
  return
}

// -----

func.func @cast_c1_columns(%x: memref<?x32xf32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects the input to have 64 columns, but got 32}}
  moe_kernel.cast ins(%x : memref<?x32xf32>) outs(%y : memref<?x64xbf16>) schedule<threads = 128>
  return
}

// -----

func.func @cast_c1_rows(%x: memref<4x64xf32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects the leading extent of the input to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (4)>}}
  moe_kernel.cast ins(%x : memref<4x64xf32>) outs(%y : memref<?x64xbf16>) schedule<threads = 128>
  return
}

// -----

func.func @cast_c1_vectors(%x: memref<?x60xf32>, %y: memref<?x60xbf16>) {
  // expected-error @+1 {{expects rows of a multiple of 8 elements, but got 60}}
  moe_kernel.cast ins(%x : memref<?x60xf32>) outs(%y : memref<?x60xbf16>) schedule<threads = 128>
  return
}
