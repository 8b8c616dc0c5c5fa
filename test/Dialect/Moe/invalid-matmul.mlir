// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Operands of moe.grouped_matmul.

func.func @grouped_matmul_c1_no_weight(%x: tensor<?x64xbf16>, %o: tensor<9xi32>) {
  // expected-error @+1 {{'moe.grouped_matmul' op expects one or two weights, but got 0}}
  %y = moe.grouped_matmul %x, %o,
    : (tensor<?x64xbf16>, tensor<9xi32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_three_weights(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>, %c: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects one or two weights, but got 3}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %a, %b, %c
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c1_weight_types(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x32x64xbf16>) {
  // expected-error @+1 {{expects weights of one type, but got 'tensor<8x48x64xbf16>', 'tensor<8x32x64xbf16>'}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %a, %b
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x32x64xbf16>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c1_element_type(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xf16>) {
  // expected-error @+1 {{expects weights of the rows' element type 'bf16', but got 'f16'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_reduction_size(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x32xbf16>) {
  // expected-error @+1 {{expects weights with the rows' K of 64, but got 32 in 'tensor<8x48x32xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x32xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_transposed(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects weights with the rows' K of 64, but got 48 in 'tensor<8x48x64xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w transposed
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_offsets(%x: tensor<?x64xbf16>, %o: tensor<8xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects E + 1 = 9 offsets, but got 8}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<8xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_dynamic_weight(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x?x64xbf16>) {
  // expected-error @+1 {{operand #2 must be variadic of plain [E, N, K] tensor of bf16, f16 or f32 with static, positive sizes, but got 'tensor<8x?x64xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x?x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_no_experts(%x: tensor<?x64xbf16>, %o: tensor<1xi32>, %w: tensor<0x48x64xbf16>) {
  // expected-error @+1 {{operand #2 must be variadic of plain [E, N, K] tensor of bf16, f16 or f32 with static, positive sizes, but got 'tensor<0x48x64xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<1xi32>, tensor<0x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_dynamic_reduction(%x: tensor<?x?xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor of bf16, f16 or f32 with a static, positive number of columns, but got 'tensor<?x?xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x?xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_encoding(%x: tensor<?x64xbf16, "sparse">, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{operand #0 must be plain [rows, columns] tensor}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16, "sparse">, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c1_unsized(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x1152921504606846976x64xbf16>) {
  // expected-error @+1 {{operand #2 must be variadic of plain [E, N, K] tensor}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x1152921504606846976x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c2_one_bias_for_two(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>, %c: tensor<8x48xf32>) {
  // expected-error @+1 {{expects one bias per weight, 2, but got 1}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %a, %b bias(%c)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>, tensor<8x48xf32>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c2_shape(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %c: tensor<8x64xf32>) {
  // expected-error @+1 {{expects a bias of shape [E, N] = [8, 48], but got 'tensor<8x64xf32>'}}
  %y = moe.grouped_matmul %x, %o, %w bias(%c)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x64xf32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c2_dynamic(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %c: tensor<?x48xf32>) {
  // expected-error @+1 {{expects a bias of shape [E, N] = [8, 48], but got 'tensor<?x48xf32>'}}
  %y = moe.grouped_matmul %x, %o, %w bias(%c)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<?x48xf32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c2_types(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>, %c: tensor<8x48xf32>, %d: tensor<8x48xbf16>) {
  // expected-error @+1 {{expects biases of one type, but got 'tensor<8x48xf32>', 'tensor<8x48xbf16>'}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %a, %b bias(%c, %d)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>, tensor<8x48xf32>, tensor<8x48xbf16>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c3_top_k_zero(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %r: tensor<?xi32>) {
  // expected-error @+1 {{expects a top_k between 1 and 2147483647, but got 0}}
  %y = moe.grouped_matmul %x, %o, %w gather(%r) top_k(0)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<?xi32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c3_top_k_alone(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects gather and top_k together, but got top_k alone}}
  %y = moe.grouped_matmul %x, %o, %w {top_k = 2 : i64}
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c3_routes(%x: tensor<4x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %r: tensor<6xi32>) {
  // expected-error @+1 {{expects T * top_k = 4 * 2 gather routes, but got 6}}
  %y = moe.grouped_matmul %x, %o, %w gather(%r) top_k(2)
    : (tensor<4x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<6xi32>) -> tensor<6x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c3_gather_alone(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %r: tensor<?xi32>) {
  // expected-error @+1 {{expects gather and top_k together, but got gather alone}}
  %y = "moe.grouped_matmul"(%x, %o, %w, %r) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 1, 0, 0>}> ({})
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<?xi32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c6_combine_routes_alone(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %r: tensor<?xi32>) {
  // expected-error @+1 {{expects combine to take weights and routes, but got routes alone}}
  %y = "moe.grouped_matmul"(%x, %o, %w, %r) ({}) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 1>}
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<?xi32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c4_no_epilogue(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects an epilogue with a layout, but got none}}
  %y = moe.grouped_matmul %x, %o, %w layout<halves, gate_first>
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x24xbf16>
  return
}

// -----

func.func @grouped_matmul_c4_two_weights(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects one weight with a layout, but got 2}}
  %y = moe.grouped_matmul %x, %o, %a, %b layout<halves, gate_first> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %g : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>) -> tensor<?x24xbf16>
  return
}

// -----

func.func @grouped_matmul_c4_odd(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x47x64xbf16>) {
  // expected-error @+1 {{expects an even N with a layout, but got 47}}
  %y = moe.grouped_matmul %x, %o, %w layout<halves, gate_first> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %g : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x47x64xbf16>) -> tensor<?x23xbf16>
  return
}
