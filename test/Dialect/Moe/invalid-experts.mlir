// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Results of moe.grouped_matmul, and moe.activation.

func.func @grouped_matmul_c6_two_weights_one_result(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects 2 results without an epilogue and 2 weights, but got 1}}
  %y = moe.grouped_matmul %x, %o, %a, %b
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c6_one_weight_two_results(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects 1 result without an epilogue and 1 weight, but got 2}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c6_epilogue_two_results(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects 1 result with an epilogue and 2 weights, but got 2}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %a, %b epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %g : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c6_combine_two_results(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %a: tensor<8x48x64xbf16>, %b: tensor<8x48x64xbf16>, %c: tensor<?x2xf32>, %r: tensor<?xi32>) {
  // expected-error @+1 {{expects one result with combine, but got 2}}
  %y0, %y1 = moe.grouped_matmul %x, %o, %a, %b combine(%c, %r)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8x48x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> (tensor<?x48xbf16>, tensor<?x48xbf16>)
  return
}

// -----

func.func @grouped_matmul_c6_combine_without_routes(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %c: tensor<?x2xf32>) {
  // expected-error @+1 {{expects combine to take weights and routes, but got weights alone}}
  %y = "moe.grouped_matmul"(%x, %o, %w, %c) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 0>}> ({})
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<?x2xf32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_columns(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<?x48xbf16>', but got 'tensor<?x64xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_layout_columns(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x96x64xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<?x48xbf16>', but got 'tensor<?x96xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w layout<interleaved, up_first> epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %g : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_element_type(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<?x48xbf16>', but got 'tensor<?x48xf32>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xf32>
  return
}

// -----

func.func @grouped_matmul_c7_rows(%x: tensor<16x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<16x48xbf16>', but got 'tensor<8x48xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w
    : (tensor<16x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<8x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_gathered_rows(%x: tensor<4x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %r: tensor<8xi32>) {
  // expected-error @+1 {{expects a result of type 'tensor<8x48xbf16>', but got 'tensor<4x48xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w gather(%r) top_k(2)
    : (tensor<4x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<8xi32>) -> tensor<4x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_combined_rows(%x: tensor<8x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %c: tensor<4x2xf32>, %r: tensor<8xi32>) {
  // expected-error @+1 {{expects a result of type 'tensor<4x48xbf16>', but got 'tensor<8x48xbf16>'}}
  %y = moe.grouped_matmul %x, %o, %w combine(%c, %r)
    : (tensor<8x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<4x2xf32>, tensor<8xi32>) -> tensor<8x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_combine_routes(%x: tensor<8x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %c: tensor<?x2xf32>, %r: tensor<6xi32>) {
  // expected-error @+1 {{expects one combine route for each of 8 rows, but got 6}}
  %y = moe.grouped_matmul %x, %o, %w combine(%c, %r)
    : (tensor<8x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<?x2xf32>, tensor<6xi32>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c7_combine_weights(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %c: tensor<4x2xf32>, %r: tensor<6xi32>) {
  // expected-error @+1 {{expects a combine route for each entry of 'tensor<4x2xf32>', but got 6}}
  %y = moe.grouped_matmul %x, %o, %w combine(%c, %r)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>, tensor<4x2xf32>, tensor<6xi32>) -> tensor<4x48xbf16>
  return
}

// -----

func.func @activation_c1_no_input() {
  // expected-error @+1 {{'moe.activation' op expects one or two inputs, but got 0}}
  %y = "moe.activation"() <{kind = #moe<activation_kind(silu)>}> ({}) : () -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c1_three_inputs(%a: tensor<?x48xbf16>, %b: tensor<?x48xbf16>, %c: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects one or two inputs, but got 3}}
  %y = moe.activation %a, %b, %c kind(silu_gate)
    : (tensor<?x48xbf16>, tensor<?x48xbf16>, tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c1_shapes(%a: tensor<?x48xbf16>, %b: tensor<?x64xbf16>) {
  // expected-error @+1 {{expects inputs of one type, but got 'tensor<?x48xbf16>', 'tensor<?x64xbf16>'}}
  %y = moe.activation %a, %b kind(silu_gate)
    : (tensor<?x48xbf16>, tensor<?x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c1_element_types(%a: tensor<?x48xbf16>, %b: tensor<?x48xf16>) {
  // expected-error @+1 {{expects inputs of one type, but got 'tensor<?x48xbf16>', 'tensor<?x48xf16>'}}
  %y = moe.activation %a, %b kind(silu_gate)
    : (tensor<?x48xbf16>, tensor<?x48xf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_neither(%h: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a kind or a body, but got neither}}
  %y = moe.activation %h
    : (tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_both(%h: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a kind or a body, but got both}}
  %y = moe.activation %h kind(silu) body {
  ^bb0(%g: f32):
    moe.yield %g : f32
  }
    : (tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_gated_kind(%h: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a plain kind for this form, but got silu_gate}}
  %y = moe.activation %h kind(silu_gate)
    : (tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_plain_kind(%a: tensor<?x48xbf16>, %b: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a gated kind for this form, but got silu}}
  %y = moe.activation %a, %b kind(silu)
    : (tensor<?x48xbf16>, tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_plain_kind_with_layout(%h: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a gated kind for this form, but got relu2}}
  %y = moe.activation %h kind(relu2) layout<halves, gate_first>
    : (tensor<?x48xbf16>) -> tensor<?x24xbf16>
  return
}

// -----

func.func @activation_c2_body_arguments(%a: tensor<?x48xbf16>, %b: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects 2 region arguments of type f32, but got ('f32')}}
  %y = moe.activation %a, %b body {
  ^bb0(%g: f32):
    moe.yield %g : f32
  }
    : (tensor<?x48xbf16>, tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_body_op(%h: tensor<?x48xbf16>) {
  %y = moe.activation %h body {
  ^bb0(%g: f32):
    // expected-error @+1 {{expects only pure arith and math ops in the region of 'moe.activation', but got 'llvm.fneg'}}
    %v = llvm.fneg %g : f32
    moe.yield %v : f32
  } : (tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c3_two_inputs(%a: tensor<?x48xbf16>, %b: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects one input with a layout, but got 2}}
  %y = moe.activation %a, %b kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x48xbf16>, tensor<?x48xbf16>) -> tensor<?x24xbf16>
  return
}

// -----

func.func @activation_c3_odd(%h: tensor<?x47xbf16>) {
  // expected-error @+1 {{expects an even number of columns with a layout, but got 47}}
  %y = moe.activation %h kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x47xbf16>) -> tensor<?x23xbf16>
  return
}

// -----

func.func @activation_c4_columns(%h: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<?x24xbf16>', but got 'tensor<?x48xbf16>'}}
  %y = moe.activation %h kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x48xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c4_element_type(%h: tensor<?x48xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<?x48xbf16>', but got 'tensor<?x48xf32>'}}
  %y = moe.activation %h kind(silu)
    : (tensor<?x48xbf16>) -> tensor<?x48xf32>
  return
}

// -----

func.func @activation_c4_rows(%h: tensor<4x48xbf16>) {
  // expected-error @+1 {{expects a result of type 'tensor<4x48xbf16>', but got 'tensor<5x48xbf16>'}}
  %y = moe.activation %h kind(silu)
    : (tensor<4x48xbf16>) -> tensor<5x48xbf16>
  return
}

// -----

func.func @yield_elsewhere(%v: f32) {
  // expected-error @+1 {{'moe.yield' op expects parent op to be one of 'moe.grouped_matmul, moe.activation'}}
  moe.yield %v : f32
}
