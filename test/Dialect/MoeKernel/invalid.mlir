// Every check of the index, row and buffer ops has a case; matmuls are in matmul-invalid.mlir.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @buffer_c1_layout() {
  // expected-error @+1 {{expects a compact type of rank 1 or more, but got 'memref<4x4xf32, strided<[8, 1]>>'}}
  %b = moe_kernel.buffer "b" : memref<4x4xf32, strided<[8, 1]>>
  return
}

// -----

func.func @buffer_c1_inner() {
  // expected-error @+1 {{expects only the leading extent to be dynamic, but got 'memref<4x?xf32>'}}
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
  // expected-error @+1 {{expects the size to be an affine map of one dimension, but got affine_map<(d0, d1) -> (d0)>}}
  %b = moe_kernel.buffer "b" size(affine_map<(d0, d1) -> (d0)>) : memref<?xf32>
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

func.func @route_c1_slots(%l: memref<?x4xf32>, %w: memref<?x8xf32>, %e: memref<?x8xi32>) {
  // expected-error @+1 {{expects k in [1, 4], but got 8}}
  moe_kernel.route ins(%l : memref<?x4xf32>) outs(%w, %e : memref<?x8xf32>, memref<?x8xi32>)
    softmax(all) schedule<threads = 256>
  return
}

// -----

func.func @route_c2_columns(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x4xi32>) {
  // expected-error @+1 {{expects experts to have 2 columns, but got 4}}
  moe_kernel.route ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x4xi32>)
    softmax(all) schedule<threads = 256>
  return
}

// -----

func.func @route_c2_tokens(%l: memref<?x8xf32>, %w: memref<4x2xf32>, %e: memref<?x2xi32>) {
  // expected-error @+1 {{expects the leading extent of weights to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (4)>}}
  moe_kernel.route ins(%l : memref<?x8xf32>) outs(%w, %e : memref<4x2xf32>, memref<?x2xi32>)
    softmax(all) schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c1_routes(%e: memref<?x2xi32>, %o: memref<9xi32>,
                          %r: memref<?xi32>, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects the leading extent of routes to be affine_map<(d0) -> (d0 * 2)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
  return
}

// -----

#w = affine_map<(d0) -> (d0 ceildiv 32)>
func.func @route_c3_threads(%l: memref<?x64xf32>, %w: memref<?x8xf32>, %e: memref<?x8xi32>, %s: memref<?x64xi32> {moe_kernel.size = #w}) {
  // expected-error @+1 {{expects 8, 16 or 32 tokens a block with sets, but 1024 threads route 64}}
  moe_kernel.route ins(%l : memref<?x64xf32>) outs(%w, %e : memref<?x8xf32>, memref<?x8xi32>)
    sets(%s : memref<?x64xi32>) softmax(all) schedule<threads = 1024>
  return
}

// -----

#w = affine_map<(d0) -> (d0 ceildiv 32)>
func.func @route_c3_columns(%l: memref<?x64xf32>, %w: memref<?x8xf32>, %e: memref<?x8xi32>, %s: memref<?x32xi32> {moe_kernel.size = #w}) {
  // expected-error @+1 {{expects sets to have 64 columns, but got 32}}
  moe_kernel.route ins(%l : memref<?x64xf32>) outs(%w, %e : memref<?x8xf32>, memref<?x8xi32>)
    sets(%s : memref<?x32xi32>) softmax(all) schedule<threads = 256>
  return
}

// -----

func.func @route_c3_extent(%l: memref<?x64xf32>, %w: memref<?x8xf32>, %e: memref<?x8xi32>, %s: memref<?x64xi32>) {
  // expected-error @+1 {{expects the leading extent of sets to be affine_map<(d0) -> (d0 ceildiv 32)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.route ins(%l : memref<?x64xf32>) outs(%w, %e : memref<?x8xf32>, memref<?x8xi32>)
    sets(%s : memref<?x64xi32>) softmax(all) schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
#w = affine_map<(d0) -> (d0 ceildiv 32)>
func.func @sort_c4_both(%e: memref<?x2xi32>, %o: memref<9xi32>, %c: memref<4x8xi32>, %s: memref<?x8xi32> {moe_kernel.size = #w},
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects counts or sets, but got both}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>) counts(%c : memref<4x8xi32>) sets(%s : memref<?x8xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c4_extent(%e: memref<?x2xi32>, %o: memref<9xi32>, %s: memref<?x8xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects the leading extent of sets to be affine_map<(d0) -> (d0 ceildiv 32)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>) sets(%s : memref<?x8xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c2_heights(%e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects one of tile_shapes for each tile map, but got 1 for 0}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c2_count(%e: memref<?x2xi32>, %o: memref<9xi32>, %t: memref<?x4xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects at most 4 tile maps, but got 5}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>)
    tiles(%t, %t, %t, %t, %t : memref<?x4xi32>, memref<?x4xi32>, memref<?x4xi32>, memref<?x4xi32>, memref<?x4xi32>)
    tile_shapes = [#moe_kernel.tile_shape<rows = 16>, #moe_kernel.tile_shape<rows = 32>, #moe_kernel.tile_shape<rows = 64>, #moe_kernel.tile_shape<rows = 128>, #moe_kernel.tile_shape<rows = 256>] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c2_height(%e: memref<?x2xi32>, %o: memref<9xi32>, %t: memref<?x4xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>)
    // expected-error @+1 {{expects rows in [1, 8191], but got 0}}
    tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 0>] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c2_cluster(%e: memref<?x2xi32>, %o: memref<9xi32>, %t: memref<?x4xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>)
    // expected-error @+1 {{expects a cluster of 1 or 2, but got 3}}
    tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16, cluster = 3>] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c2_extent(%e: memref<?x2xi32>, %o: memref<9xi32>, %t: memref<?x4xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects the leading extent of a tile map to be affine_map<(d0) -> (d0 floordiv 8 + 8, d0 * 2 + d0 floordiv 8)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>)
    tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_offsets(%e: memref<?x2xi32>, %o: memref<1xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects offsets of E + 1 entries, but got 'memref<1xi32>'}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<1xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c3_columns(%e: memref<?x2xi32>, %o: memref<9xi32>, %c: memref<64x16xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects counts to have 8 columns, but got 16}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>) counts(%c : memref<64x16xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c3_static(%e: memref<?x2xi32>, %o: memref<9xi32>, %c: memref<?x8xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects counts of a static number of blocks, but got 'memref<?x8xi32>'}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>) counts(%c : memref<?x8xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_shared(%e: memref<?x2xi32>, %o: memref<1025xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects at most 101376 bytes of shared memory, but needs 143492; take fewer threads}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<1025xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 1024>
  return
}

// -----

func.func @count_static(%e: memref<?x2xi32>, %c: memref<?x8xi32>) {
  // expected-error @+1 {{expects counts of static shape, but got 'memref<?x8xi32>'}}
  moe_kernel.count_routes ins(%e : memref<?x2xi32>) outs(%c : memref<?x8xi32>) schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c1_offsets(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<8xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects offsets of E + 1 = 9 entries, but got 8}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<8xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(64)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c2_tokens(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r})
    attributes {moe_kernel.tokens = #moe_kernel.tokens<0, 65>} {
  // expected-error @+1 {{expects max_tokens to cover the function's #moe_kernel.tokens<0, 65>, but got 64}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(64)
    schedule<threads = 256>
  return
}

// -----

func.func @tile_maps_c1_none(%o: memref<9xi32>) {
  // expected-error @+1 {{expects at least one tile map}}
  "moe_kernel.tile_maps"(%o) {tile_shapes = [], rows = affine_map<(d0) -> (d0)>,
    operandSegmentSizes = array<i32: 1, 0, 0, 0>, schedule = #moe_kernel.launch<threads = 256>} : (memref<9xi32>) -> ()
  return
}

// -----

func.func @tile_maps_tickets(%o: memref<9xi32>, %c: memref<2xi32>,
    %t: memref<?x4xi32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 16 + 8, d0 floordiv 16 + d0)>}) {
  // expected-error @+1 {{expects tickets of one counter, but got 'memref<2xi32>'}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    tickets(%c : memref<2xi32>) rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  return
}

// -----

func.func @tile_maps_progress(%o: memref<9xi32>, %c: memref<1xi32>,
    %t: memref<?x4xi32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 16 + 8, d0 floordiv 16 + d0)>}) {
  // expected-error @+1 {{expects progress of 5 words, but got 'memref<1xi32>'}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    progress(%c : memref<1xi32>) rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  return
}

// -----

func.func @tile_maps_many_tickets(%o: memref<9xi32>, %c: memref<1xi32>,
    %t: memref<?x4xi32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 16 + 8, d0 floordiv 16 + d0)>}) {
  // expected-error @+1 {{expects at most 4 tickets, but got 5}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    tickets(%c, %c, %c, %c, %c : memref<1xi32>, memref<1xi32>, memref<1xi32>, memref<1xi32>, memref<1xi32>)
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  return
}

// -----

// expected-error @+1 {{expects rows to be a multiple of unit, but got 100 and 16}}
func.func private @shape_unit() attributes {s = #moe_kernel.tile_shape<rows = 100, unit = 16>}

// -----

// expected-error @+1 {{expects a band in [1, 255], but got 256}}
func.func private @shape_band() attributes {s = #moe_kernel.tile_shape<rows = 16, band = 256>}

// -----

func.func @tile_maps_rows(%o: memref<9xi32>, %t: memref<?x4xi32>) {
  // expected-error @+1 {{expects rows to be an affine map of one dimension, but got affine_map<() -> (8)>}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    rows(affine_map<() -> (8)>) schedule<threads = 256>
  return
}

// -----

func.func @pad_offsets_c1_multiple(%o: memref<9xi32>, %p: memref<9xi32>) {
  // expected-error @+1 {{expects a multiple of at least 1, but got 0}}
  moe_kernel.pad_offsets ins(%o : memref<9xi32>) outs(%p : memref<9xi32>) multiple(0) schedule<threads = 128>
  return
}

// -----

func.func @pad_offsets_c1_types(%o: memref<9xi32>, %p: memref<8xi32>) {
  // expected-error @+1 {{expects offsets of one type, but got 'memref<9xi32>' and 'memref<8xi32>'}}
  moe_kernel.pad_offsets ins(%o : memref<9xi32>) outs(%p : memref<8xi32>) multiple(8) schedule<threads = 128>
  return
}

// -----

func.func @invert_extent(%a: memref<?xi32>, %b: memref<8xi32>) {
  // expected-error @+1 {{expects the leading extent of positions to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (8)>}}
  moe_kernel.invert_routes ins(%a : memref<?xi32>) outs(%b : memref<8xi32>) schedule<threads = 64>
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

func.func @combine_c1(%x: memref<?x32xbf16>, %p: memref<?xi32>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects rows to have 64 columns, but got 32}}
  moe_kernel.combine ins(%x, %p : memref<?x32xbf16>, memref<?xi32>) outs(%y : memref<?x64xbf16>) top_k(1)
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
