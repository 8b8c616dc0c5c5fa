// The checks of activation, and of the regions that it shares with grouped_matmul.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @activation_c1_types(%a: memref<?x64xbf16>, %b: memref<?x64xf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects inputs of one type, but got 'memref<?x64xbf16>' and 'memref<?x64xf16>'}}
  moe_kernel.activation ins(%a, %b : memref<?x64xbf16>, memref<?x64xf16>) outs(%y : memref<?x64xbf16>)
    schedule<threads = 256> {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @activation_c1_count(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects one or two inputs, but got 3}}
  moe_kernel.activation ins(%a, %a, %a : memref<?x64xbf16>, memref<?x64xbf16>, memref<?x64xbf16>)
    outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @activation_c1_vectors(%a: memref<?x60xbf16>, %y: memref<?x60xbf16>) {
  // expected-error @+1 {{expects rows of a multiple of 8 elements, but got 60}}
  moe_kernel.activation ins(%a : memref<?x60xbf16>) outs(%y : memref<?x60xbf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    moe_kernel.yield %x : f32
  }
  return
}

// -----

func.func @activation_c1_elements(%a: memref<?x64xbf16>, %y: memref<?x64xf16>) {
  // expected-error @+1 {{expects inputs and output of one element type, but got 'bf16' and 'f16'}}
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    moe_kernel.yield %x : f32
  }
  return
}

// -----

func.func @activation_rows(%a: memref<4x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects the leading extent of an input to be affine_map<(d0) -> (d0)>, but got affine_map<(d0) -> (4)>}}
  moe_kernel.activation ins(%a : memref<4x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    moe_kernel.yield %x : f32
  }
  return
}

// -----

func.func @activation_c2_layout(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects one input with a layout, but got 2}}
  moe_kernel.activation ins(%a, %a : memref<?x64xbf16>, memref<?x64xbf16>) outs(%y : memref<?x64xbf16>)
    layout<halves, gate_first> schedule<threads = 256> {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @activation_c2_columns(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects an input to have 128 columns, but got 64}}
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>)
    layout<halves, gate_first> schedule<threads = 256> {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @region_arguments(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects a region of 1 f32 argument, but got 2}}
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%g: f32, %u: f32):
    moe_kernel.yield %g : f32
  }
  return
}

// -----

func.func @region_types(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects region arguments of type f32, but got 'bf16'}}
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%x: bf16):
    %c = arith.constant 1.0 : f32
    moe_kernel.yield %c : f32
  }
  return
}

// -----

func.func @region_dialect(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    // expected-error @+1 {{is not a scalar op of arith or math, which is all that the region of moe_kernel.activation holds}}
    %m = memref.alloc() : memref<4xf32>
    moe_kernel.yield %x : f32
  }
  return
}

// -----

func.func @region_scalars(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    // expected-error @+1 {{expects one result of f32 or i1 in the region of moe_kernel.activation, but got ('vector<4xf32>')}}
    %v = arith.constant dense<1.0> : vector<4xf32>
    moe_kernel.yield %x : f32
  }
  return
}

// -----

func.func @region_integers(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    // expected-error @+1 {{expects one result of f32 or i1 in the region of moe_kernel.activation, but got ('i32')}}
    %i = arith.fptosi %x : f32 to i32
    %f = arith.sitofp %i : i32 to f32
    moe_kernel.yield %f : f32
  }
  return
}

// -----

func.func @region_results(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  moe_kernel.activation ins(%a : memref<?x64xbf16>) outs(%y : memref<?x64xbf16>) schedule<threads = 256> {
  ^bb0(%x: f32):
    // expected-error @+1 {{expects one result of f32 or i1 in the region of moe_kernel.activation, but got ('f32', 'f32')}}
    %s, %c = math.sincos %x : f32
    moe_kernel.yield %s : f32
  }
  return
}

// -----

func.func @region_end(%a: memref<?x64xbf16>, %y: memref<?x64xbf16>) {
  // expected-error @+1 {{expects a region that ends in moe_kernel.yield}}
  "moe_kernel.activation"(%a, %y) <{schedule = #moe_kernel.launch<threads = 256>}> ({
  ^bb0(%x: f32):
    llvm.unreachable
  }) : (memref<?x64xbf16>, memref<?x64xbf16>) -> ()
  return
}
