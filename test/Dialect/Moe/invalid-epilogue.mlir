// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Epilogue regions; the body of an activation has the same checks.

func.func @grouped_matmul_c5_two_arguments(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects 1 region argument of type f32, but got ('f32', 'f32')}}
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32, %u: f32):
    moe.yield %g : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_one_argument(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x96x64xbf16>) {
  // expected-error @+1 {{expects 2 region arguments of type f32, but got ('f32')}}
  %y = moe.grouped_matmul %x, %o, %w layout<halves, gate_first> epilogue {
  ^bb0(%g: f32):
    moe.yield %g : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x96x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_argument_type(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects 1 region argument of type f32, but got ('bf16')}}
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: bf16):
    %f = arith.extf %g : bf16 to f32
    moe.yield %f : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_two_blocks(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects a region of one block, but got 2 blocks}}
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    moe.yield %g : f32
  ^bb1(%h: f32):
    moe.yield %h : f32
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_other_terminator(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  // expected-error @+1 {{expects a region that ends in 'moe.yield', but got llvm.unreachable}}
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    llvm.unreachable
  }
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_no_terminator(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    // expected-error @+1 {{block with no terminator}}
    %n = arith.negf %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_other_dialect(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    // expected-error @+1 {{expects only pure arith and math ops in the region of 'moe.grouped_matmul', but got 'tensor.empty'}}
    %t = tensor.empty() : tensor<4xf32>
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_nested_region(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    // expected-error @+1 {{expects only pure arith and math ops in the region of 'moe.grouped_matmul', but got 'scf.execute_region'}}
    %v = scf.execute_region -> f32 {
      scf.yield %g : f32
    }
    moe.yield %v : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_vector(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    // expected-error @+1 {{expects integer and float scalars in the region of 'moe.grouped_matmul', but got 'vector<4xf32>'}}
    %v = arith.constant dense<1.0> : vector<4xf32>
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_index(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    // expected-error @+1 {{expects integer and float scalars in the region of 'moe.grouped_matmul', but got 'index'}}
    %v = arith.constant 1 : index
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_yield_type(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    %d = arith.extf %g : f32 to f64
    // expected-error @+1 {{operand #0 must be 32-bit float, but got 'f64'}}
    moe.yield %d : f64
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_not_isolated(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>, %s: f32) {
  // expected-note @+1 {{required by region isolation constraints}}
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    // expected-error @+1 {{'arith.mulf' op using value defined outside the region}}
    %v = arith.mulf %g, %s : f32
    moe.yield %v : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_quotient(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    %i = arith.fptosi %g : f32 to i32
    // expected-error @+1 {{expects a constant divisor for which every quotient is defined in the region of 'moe.grouped_matmul'}}
    %q = arith.divsi %i, %i : i32
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_quotient_by_zero(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    %i = arith.fptosi %g : f32 to i32
    %z = arith.constant 0 : i32
    // expected-error @+1 {{expects a constant divisor for which every quotient is defined in the region of 'moe.grouped_matmul'}}
    %q = arith.ceildivui %i, %z : i32
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_remainder(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    %i = arith.fptosi %g : f32 to i32
    // expected-error @+1 {{expects a constant divisor for which every quotient is defined in the region of 'moe.grouped_matmul'}}
    %q = arith.remsi %i, %i : i32
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_remainder_of_minus_one(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    %i = arith.fptosi %g : f32 to i32
    %m = arith.constant -1 : i32
    // expected-error @+1 {{expects a constant divisor for which every quotient is defined in the region of 'moe.grouped_matmul'}}
    %q = arith.remsi %i, %m : i32
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @grouped_matmul_c5_rounding(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x48x64xbf16>) {
  %y = moe.grouped_matmul %x, %o, %w epilogue {
  ^bb0(%g: f32):
    %i = arith.fptosi %g : f32 to i32
    // expected-error @+1 {{expects no rounding mode in the region of 'moe.grouped_matmul', where all ops round to nearest even}}
    %t = arith.truncf %g upward : f32 to f16
    moe.yield %g : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  return
}

// -----

func.func @activation_c2_quotient(%x: tensor<?x64xf32>) {
  %y = moe.activation %x body {
  ^bb0(%a: f32):
    %i = arith.fptosi %a : f32 to i32
    // expected-error @+1 {{expects a constant divisor for which every quotient is defined in the region of 'moe.activation'}}
    %q = arith.divui %i, %i : i32
    moe.yield %a : f32
  } : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

// Constant divisors are defined for every dividend.
func.func @constant_divisors(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = moe.activation %x body {
  ^bb0(%a: f32):
    %i = arith.fptosi %a : f32 to i32
    %three = arith.constant 3 : i32
    %q = arith.divsi %i, %three : i32
    %r = arith.remsi %q, %three : i32
    %m = arith.constant -1 : i32
    %s = arith.remui %r, %m : i32
    %f = arith.sitofp %s : i32 to f32
    moe.yield %f : f32
  } : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
