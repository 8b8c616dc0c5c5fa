// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Routing ops. The expert ops are in invalid-matmul, invalid-epilogue and invalid-experts.

func.func @route_c1_top_k_zero(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{'moe.route' op expects a top_k between 1 and min(E, 32) = 8, but got 0}}
  %w, %e = moe.route %l top_k(0) score(softmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

func.func @route_c1_top_k_negative(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{expects a top_k between 1 and min(E, 32) = 8, but got -3}}
  %w, %e = moe.route %l top_k(-3) score(softmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

func.func @route_c1_top_k_above_experts(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{expects a top_k between 1 and min(E, 32) = 8, but got 9}}
  %w, %e = moe.route %l top_k(9) score(softmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x9xf32>, tensor<?x9xi32>)
  return
}

// -----

func.func @route_c1_top_k_above_32(%l: tensor<?x64xf32>) {
  // expected-error @+1 {{expects a top_k between 1 and min(E, 32) = 32, but got 33}}
  %w, %e = moe.route %l top_k(33) score(softmax) order(score_then_select)
    : (tensor<?x64xf32>) -> (tensor<?x33xf32>, tensor<?x33xi32>)
  return
}

// -----

func.func @route_c2_dynamic_experts(%l: tensor<?x?xf32>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor of f32 with a static, positive number of columns, but got 'tensor<?x?xf32>'}}
  %w, %e = moe.route %l top_k(2) score(softmax) order(score_then_select)
    : (tensor<?x?xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @route_c2_no_experts(%l: tensor<4x0xf32>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor of f32 with a static, positive number of columns, but got 'tensor<4x0xf32>'}}
  %w, %e = moe.route %l top_k(1) score(softmax) order(score_then_select)
    : (tensor<4x0xf32>) -> (tensor<4x1xf32>, tensor<4x1xi32>)
  return
}

// -----

func.func @route_c2_rank(%l: tensor<8xf32>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor of f32}}
  %w, %e = moe.route %l top_k(1) score(softmax) order(score_then_select)
    : (tensor<8xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

func.func @route_c2_unranked(%l: tensor<*xf32>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor of f32}}
  %w, %e = moe.route %l top_k(1) score(softmax) order(score_then_select)
    : (tensor<*xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

func.func @route_c3_weights(%l: tensor<4x8xf32>) {
  // expected-error @+1 {{expects weights of type 'tensor<4x2xf32>', but got 'tensor<4x3xf32>'}}
  %w, %e = moe.route %l top_k(2) score(softmax) order(score_then_select)
    : (tensor<4x8xf32>) -> (tensor<4x3xf32>, tensor<4x2xi32>)
  return
}

// -----

func.func @route_c3_experts(%l: tensor<4x8xf32>) {
  // expected-error @+1 {{expects experts of type 'tensor<4x2xi32>', but got 'tensor<5x2xi32>'}}
  %w, %e = moe.route %l top_k(2) score(softmax) order(score_then_select)
    : (tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<5x2xi32>)
  return
}

// -----

func.func @route_c4_renormalize(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{expects order(score_then_select) with renormalize, but got order(select_then_score)}}
  %w, %e = moe.route %l top_k(2) score(softmax) order(select_then_score) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @permute_c1_no_experts(%e: tensor<?x2xi32>) {
  // expected-error @+1 {{'moe.permute' op expects at least 1 and fewer than 2147483647 experts, but got 0}}
  %r, %o = moe.permute %e experts(0) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<1xi32>)
  return
}

// -----

func.func @permute_c1_most_experts(%e: tensor<?x2xi32>) {
  // expected-error @+1 {{expects at least 1 and fewer than 2147483647 experts, but got 9223372036854775807}}
  %r, %o = moe.permute %e experts(9223372036854775807)
    : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<1xi32>)
  return
}

// -----

func.func @permute_c2_tokens(%e: tensor<4x2xi32>, %x: tensor<5x64xbf16>) {
  // expected-error @+1 {{expects x with the 4 tokens of the experts, but got 'tensor<5x64xbf16>'}}
  %rows, %r, %o = moe.permute %e, %x experts(8)
    : (tensor<4x2xi32>, tensor<5x64xbf16>) -> (tensor<8x64xbf16>, tensor<8xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c3_rows(%e: tensor<4x2xi32>, %x: tensor<4x64xbf16>) {
  // expected-error @+1 {{expects rows of type 'tensor<8x64xbf16>', but got 'tensor<8x32xbf16>'}}
  %rows, %r, %o = moe.permute %e, %x experts(8)
    : (tensor<4x2xi32>, tensor<4x64xbf16>) -> (tensor<8x32xbf16>, tensor<8xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c3_rows_element_type(%e: tensor<4x2xi32>, %x: tensor<4x64xbf16>) {
  // expected-error @+1 {{expects rows of type 'tensor<8x64xbf16>', but got 'tensor<8x64xf16>'}}
  %rows, %r, %o = moe.permute %e, %x experts(8)
    : (tensor<4x2xi32>, tensor<4x64xbf16>) -> (tensor<8x64xf16>, tensor<8xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c3_rows_without_x(%e: tensor<4x2xi32>) {
  // expected-error @+1 {{expects rows exactly when x is given, but got rows without x}}
  %rows, %r, %o = moe.permute %e experts(8)
    : (tensor<4x2xi32>) -> (tensor<8x64xbf16>, tensor<8xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c3_x_without_rows(%e: tensor<4x2xi32>, %x: tensor<4x64xbf16>) {
  // expected-error @+1 {{expects rows exactly when x is given, but got x without rows}}
  %r, %o = moe.permute %e, %x experts(8)
    : (tensor<4x2xi32>, tensor<4x64xbf16>) -> (tensor<8xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c3_routes(%e: tensor<4x2xi32>) {
  // expected-error @+1 {{expects routes of type 'tensor<8xi32>', but got 'tensor<4xi32>'}}
  %r, %o = moe.permute %e experts(8) : (tensor<4x2xi32>) -> (tensor<4xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c3_offsets(%e: tensor<?x2xi32>) {
  // expected-error @+1 {{expects offsets of type 'tensor<9xi32>', but got 'tensor<8xi32>'}}
  %r, %o = moe.permute %e experts(8) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<8xi32>)
  return
}

// -----

func.func @permute_c3_dynamic_offsets(%e: tensor<?x2xi32>) {
  // expected-error @+1 {{result #2 must be plain [E + 1] tensor of i32 with a static, positive size, but got 'tensor<?xi32>'}}
  %rows, %r, %o = moe.permute %e experts(8)
    : (tensor<?x2xi32>) -> (tensor<?x2xf32>, tensor<?xi32>, tensor<?xi32>)
  return
}

// -----

func.func @permute_c4_routes(%e: tensor<2147483647x2xi32>) {
  // expected-error @+1 {{expects at most 2147483647 routes, but got 2147483647 * 2}}
  %r, %o = moe.permute %e experts(8)
    : (tensor<2147483647x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  return
}

// -----

func.func @permute_c4_unsized(%e: tensor<9223372036854775807x9223372036854775807xi32>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor of i32}}
  %r, %o = moe.permute %e experts(8)
    : (tensor<9223372036854775807x9223372036854775807xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  return
}

// -----

func.func @pad_c1_multiple(%x: tensor<?x64xbf16>, %o: tensor<9xi32>) {
  // expected-error @+1 {{'moe.pad' op expects a multiple between 1 and 2147483647, but got 0}}
  %p, %po = moe.pad %x, %o multiple(0)
    : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  return
}

// -----

func.func @pad_c1_multiple_beyond_i32(%x: tensor<?x64xbf16>, %o: tensor<9xi32>) {
  // expected-error @+1 {{expects a multiple between 1 and 2147483647, but got 2147483648}}
  %p, %po = moe.pad %x, %o multiple(2147483648)
    : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  return
}

// -----

func.func @pad_c2_rows(%x: tensor<16x64xbf16>, %o: tensor<9xi32>) {
  // expected-error @+1 {{expects padded rows of type 'tensor<72x64xbf16>', but got 'tensor<128x64xbf16>'}}
  %p, %po = moe.pad %x, %o multiple(8)
    : (tensor<16x64xbf16>, tensor<9xi32>) -> (tensor<128x64xbf16>, tensor<9xi32>)
  return
}

// -----

func.func @pad_c2_offsets(%x: tensor<?x64xbf16>, %o: tensor<9xi32>) {
  // expected-error @+1 {{expects padded offsets of type 'tensor<9xi32>', but got 'tensor<8xi32>'}}
  %p, %po = moe.pad %x, %o multiple(8)
    : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<8xi32>)
  return
}

// -----

func.func @pad_c3_rows(%x: tensor<16x64xbf16>, %o: tensor<9xi32>) {
  // expected-error @+1 {{expects at most 2147483647 padded rows, but got 16 rows in 8 groups padded to multiples of 2147483647}}
  %p, %po = moe.pad %x, %o multiple(2147483647)
    : (tensor<16x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  return
}

// -----

func.func @unpad_c1_offsets(%x: tensor<?x64xbf16>, %po: tensor<8xi32>, %o: tensor<9xi32>, %r: tensor<?xi32>) {
  // expected-error @+1 {{'moe.unpad' op expects padded offsets of the offsets' type 'tensor<9xi32>', but got 'tensor<8xi32>'}}
  %y = moe.unpad %x, %po, %o, %r
    : (tensor<?x64xbf16>, tensor<8xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @unpad_c2_rows(%x: tensor<?x64xbf16>, %po: tensor<9xi32>, %o: tensor<9xi32>, %r: tensor<16xi32>) {
  // expected-error @+1 {{expects rows of type 'tensor<16x64xbf16>', but got 'tensor<8x64xbf16>'}}
  %y = moe.unpad %x, %po, %o, %r
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<9xi32>, tensor<16xi32>) -> tensor<8x64xbf16>
  return
}

// -----

func.func @combine_c1_rows(%x: tensor<8x64xbf16>, %w: tensor<?x2xf32>, %r: tensor<6xi32>) {
  // expected-error @+1 {{'moe.combine' op expects one route for each of 8 rows, but got 6}}
  %y = moe.combine %x, %w, %r
    : (tensor<8x64xbf16>, tensor<?x2xf32>, tensor<6xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @combine_c1_weights(%x: tensor<?x64xbf16>, %w: tensor<4x2xf32>, %r: tensor<6xi32>) {
  // expected-error @+1 {{expects one route for each entry of 'tensor<4x2xf32>', but got 6}}
  %y = moe.combine %x, %w, %r
    : (tensor<?x64xbf16>, tensor<4x2xf32>, tensor<6xi32>) -> tensor<4x64xbf16>
  return
}

// -----

func.func @combine_c2_output(%x: tensor<8x64xbf16>, %w: tensor<4x2xf32>, %r: tensor<8xi32>) {
  // expected-error @+1 {{expects an output of type 'tensor<4x64xbf16>', but got 'tensor<4x64xf32>'}}
  %y = moe.combine %x, %w, %r
    : (tensor<8x64xbf16>, tensor<4x2xf32>, tensor<8xi32>) -> tensor<4x64xf32>
  return
}
