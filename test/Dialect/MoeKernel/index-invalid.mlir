// Every check of the index ops, and of the tile shapes that they take, has a case.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

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

func.func @route_c2_experts(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<4x2xi32>) {
  // expected-error @+1 {{expects the leading extent of experts to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (4)>}}
  moe_kernel.route ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<4x2xi32>)
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

#r = affine_map<(d0) -> (d0 * 2)>
func.func @sort_c1_positions(%e: memref<?x2xi32>, %o: memref<9xi32>,
                             %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32>) {
  // expected-error @+1 {{expects the leading extent of positions to be affine_map<(d0) -> (d0 * 2)>, but got affine_map<(d0) -> (d0)>}}
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

#w = affine_map<(d0) -> (d0 ceildiv 32)>
func.func @route_shared(%l: memref<?x25600xf32>, %w: memref<?x8xf32>, %e: memref<?x8xi32>, %s: memref<?x25600xi32> {moe_kernel.size = #w}) {
  // expected-error @+1 {{expects at most 101376 bytes of shared memory, but needs 102400; take fewer threads}}
  moe_kernel.route ins(%l : memref<?x25600xf32>) outs(%w, %e : memref<?x8xf32>, memref<?x8xi32>)
    sets(%s : memref<?x25600xi32>) softmax(all) schedule<threads = 256>
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
#w = affine_map<(d0) -> (d0 ceildiv 32)>
func.func @sort_c4_columns(%e: memref<?x2xi32>, %o: memref<9xi32>, %s: memref<?x16xi32> {moe_kernel.size = #w},
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects sets to have 8 columns, but got 16}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>) sets(%s : memref<?x16xi32>)
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
func.func @sort_c2_columns(%e: memref<?x2xi32>, %o: memref<9xi32>,
    %t: memref<?x3xi32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 8 + 8, d0 * 2 + d0 floordiv 8)>},
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects a tile map to have 4 columns, but got 3}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>)
    tiles(%t : memref<?x3xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>] schedule<threads = 256>
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
func.func @sort_offsets_dynamic(%e: memref<?x2xi32>, %o: memref<?xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects offsets of E + 1 entries, but got 'memref<?xi32>'}}
  moe_kernel.sort_routes ins(%e : memref<?x2xi32>)
    outs(%o, %r, %p : memref<?xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] schedule<threads = 256>
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

func.func @count_shared(%e: memref<?x2xi32>, %c: memref<4x25600xi32>) {
  // expected-error @+1 {{expects at most 101376 bytes of shared memory, but needs 102400; take fewer threads}}
  moe_kernel.count_routes ins(%e : memref<?x2xi32>) outs(%c : memref<4x25600xi32>) schedule<threads = 256>
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

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c1_slots(%l: memref<?x1xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects k in [1, 1], but got 2}}
  moe_kernel.route_sort ins(%l : memref<?x1xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(64)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c1_columns(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x4xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects experts to have 2 columns, but got 4}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x4xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(64)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c1_routes(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32>, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects the leading extent of routes to be affine_map<(d0) -> (d0 * 2)>, but got affine_map<(d0) -> (d0)>}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(64)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c2_unbounded(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r})
    attributes {moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
  // expected-error @+1 {{expects max_tokens to cover the function's #moe_kernel.tokens<0, -1>, but got 64}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(64)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c2_least(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects max_tokens in [0, 2147483647], but got -5}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(-5)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_c2_most(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects max_tokens in [0, 2147483647], but got 2147483648}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(2147483648)
    schedule<threads = 256>
  return
}

// -----

#r = affine_map<(d0) -> (d0 * 2)>
func.func @route_sort_shared(%l: memref<?x8xf32>, %w: memref<?x2xf32>, %e: memref<?x2xi32>, %o: memref<9xi32>,
    %r: memref<?xi32> {moe_kernel.size = #r}, %p: memref<?xi32> {moe_kernel.size = #r}) {
  // expected-error @+1 {{expects at most 101376 bytes of shared memory, but needs 102404; take fewer threads}}
  moe_kernel.route_sort ins(%l : memref<?x8xf32>) outs(%w, %e : memref<?x2xf32>, memref<?x2xi32>)
    sorted(%o, %r, %p : memref<9xi32>, memref<?xi32>, memref<?xi32>) tile_shapes = [] softmax(all) max_tokens(11360)
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

func.func @tile_maps_many_progress(%o: memref<9xi32>, %c: memref<5xi32>,
    %t: memref<?x4xi32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 16 + 8, d0 floordiv 16 + d0)>}) {
  // expected-error @+1 {{expects at most 4 progress, but got 5}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    progress(%c, %c, %c, %c, %c : memref<5xi32>, memref<5xi32>, memref<5xi32>, memref<5xi32>, memref<5xi32>)
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
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
  // expected-error @+1 {{expects rows to be an affine map of one dimension with positive divisors, but got affine_map<() -> (8)>}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    rows(affine_map<() -> (8)>) schedule<threads = 256>
  return
}

// -----

func.func @tile_maps_divisor(%o: memref<9xi32>, %t: memref<?x4xi32>) {
  // expected-error @+1 {{expects rows to be an affine map of one dimension with positive divisors, but got affine_map<(d0) -> (d0 mod 0)>}}
  moe_kernel.tile_maps ins(%o : memref<9xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    rows(affine_map<(d0) -> (d0 mod 0)>) schedule<threads = 256>
  return
}

// -----

func.func @tile_maps_offsets(%o: memref<?xi32>, %t: memref<?x4xi32>) {
  // expected-error @+1 {{expects offsets of E + 1 entries, but got 'memref<?xi32>'}}
  moe_kernel.tile_maps ins(%o : memref<?xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
  return
}

// -----

func.func @tile_maps_shared(%o: memref<12801xi32>,
    %t: memref<?x4xi32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 16 + 12800, d0 floordiv 16 + d0)>}) {
  // expected-error @+1 {{expects at most 101376 bytes of shared memory, but needs 102664; take fewer threads}}
  moe_kernel.tile_maps ins(%o : memref<12801xi32>) tiles(%t : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>]
    rows(affine_map<(d0) -> (d0)>) schedule<threads = 256>
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

func.func @pad_offsets_c1_offsets(%o: memref<1xi32>, %p: memref<1xi32>) {
  // expected-error @+1 {{expects offsets of E + 1 entries, but got 'memref<1xi32>'}}
  moe_kernel.pad_offsets ins(%o : memref<1xi32>) outs(%p : memref<1xi32>) multiple(8) schedule<threads = 128>
  return
}

// -----

func.func @pad_offsets_shared(%o: memref<60001xi32>, %p: memref<60001xi32>) {
  // expected-error @+1 {{expects at most 232448 bytes of shared memory a block on any known GPU, but needs 240132}}
  moe_kernel.pad_offsets ins(%o : memref<60001xi32>) outs(%p : memref<60001xi32>) multiple(8) schedule<threads = 128>
  return
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_86", shared_bytes = 101376, registers = 65536, multiprocessors = 84>} {
  func.func @pad_offsets_target(%o: memref<30001xi32>, %p: memref<30001xi32>) {
    // expected-error @+1 {{expects at most 101376 bytes of shared memory a block on sm_86, but needs 120132}}
    moe_kernel.pad_offsets ins(%o : memref<30001xi32>) outs(%p : memref<30001xi32>) multiple(8) schedule<threads = 128>
    return
  }
}

// -----

func.func @invert_extent(%a: memref<?xi32>, %b: memref<8xi32>) {
  // expected-error @+1 {{expects the leading extent of positions to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (8)>}}
  moe_kernel.invert_routes ins(%a : memref<?xi32>) outs(%b : memref<8xi32>) schedule<threads = 64>
  return
}
