// What no kernel can run is one error on the op; so are options that make no sense.
// RUN: moe-opt %s --convert-moe-to-kernel --split-input-file --verify-diagnostics
// RUN: not moe-opt %s --convert-moe-to-kernel=target=sm_75 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not moe-opt %s --convert-moe-to-kernel=tokens=-1 2>&1 | FileCheck %s --check-prefix=TOKENS

// TARGET: error: expects one of the targets sm_80, {{.*}}sm_90a{{.*}}, but got 'sm_75'
// TOKENS: error: expects token counts of at least 0, but got -1

func.func @f32(%x: tensor<?x64xf32>, %offsets: tensor<5xi32>, %w: tensor<4x32x64xf32>) -> tensor<?x32xf32> {
  // expected-error @+1 {{unsupported problem: expects rows of bf16 or f16 on a GPU, but got 'f32'}}
  %y = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x64xf32>, tensor<5xi32>, tensor<4x32x64xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @hidden(%x: tensor<?x60xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x32x60xbf16>) -> tensor<?x32xbf16> {
  // expected-error @+1 {{unsupported problem: expects rows in rows of a multiple of 8 elements, but got 60}}
  %y = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x60xbf16>, tensor<5xi32>, tensor<4x32x60xbf16>) -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}

// -----

func.func @intermediate(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x30x64xbf16>) -> tensor<?x30xbf16> {
  // expected-error @+1 {{unsupported problem: expects results in rows of a multiple of 8 elements, but got 30}}
  %y = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x30x64xbf16>) -> tensor<?x30xbf16>
  return %y : tensor<?x30xbf16>
}

// -----

func.func @experts(%ids: tensor<?x2xi32>) -> (tensor<?xi32>, tensor<20001xi32>) {
  // expected-error @+1 {{unsupported problem: expects few enough experts for the sort's counters in shared memory, but got 20000}}
  %routes, %offsets = moe.permute %ids experts(20000) : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<20001xi32>)
  return %routes, %offsets : tensor<?xi32>, tensor<20001xi32>
}

// -----

func.func @padded_experts(%x: tensor<?x64xbf16>, %offsets: tensor<30001xi32>)
    -> (tensor<?x64xbf16>, tensor<30001xi32>) {
  // expected-error @+1 {{unsupported problem: expects few enough experts for the sort's counters in shared memory, but got 30000}}
  %padded, %padded_offsets = moe.pad %x, %offsets multiple(8)
    : (tensor<?x64xbf16>, tensor<30001xi32>) -> (tensor<?x64xbf16>, tensor<30001xi32>)
  return %padded, %padded_offsets : tensor<?x64xbf16>, tensor<30001xi32>
}

// -----

// expected-error @+1 {{expects every argument to be a tensor of rank 1 to 8 of less than 2^48 bf16, f16, f32 or i32 values, dynamic in the leading extent only, but #1 is of type 'tensor<1x1x1x1x1x1x1x1x1xf32>'}}
func.func @deep(%x: tensor<?x64xbf16>, %u: tensor<1x1x1x1x1x1x1x1x1xf32>) -> tensor<?x64xbf16> {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @argument(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: expects results computed by moe ops, each returned once, but result 0 is an argument}}
  return %x : tensor<?x64xbf16>
}

// -----

func.func @twice(%x: tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  // expected-error @+1 {{unsupported problem: expects results computed by moe ops, each returned once, but result 1 is another one}}
  return %y, %y : tensor<?x64xbf16>, tensor<?x64xbf16>
}

// -----

func.func @foreign(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: no kernel computes 'arith.addf'}}
  %y = arith.addf %x, %x : tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// expected-error @+1 {{expects a body of one basic block}}
func.func private @declaration(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16>

// -----

// expected-error @+1 {{unsupported problem: expects every argument to be a tensor of rank 1 to 8 of less than 2^48 bf16, f16, f32 or i32 values, dynamic in the leading extent only, but #1 is of type 'index'}}
func.func @index(%x: tensor<?x64xbf16>, %i: index) -> tensor<?x64xbf16> {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// expected-error @+1 {{expects every argument to be a tensor of rank 1 to 8 of less than 2^48 bf16, f16, f32 or i32 values, dynamic in the leading extent only, but #1 is of type 'tensor<*xf32>'}}
func.func @unranked(%x: tensor<?x64xbf16>, %u: tensor<*xf32>) -> tensor<?x64xbf16> {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// expected-error @+1 {{expects every argument to be a tensor of rank 1 to 8 of less than 2^48 bf16, f16, f32 or i32 values, dynamic in the leading extent only, but #1 is of type 'tensor<?x?xf32>'}}
func.func @dynamic_columns(%x: tensor<?x64xbf16>, %u: tensor<?x?xf32>) -> tensor<?x64xbf16> {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// expected-error @+1 {{dynamic in the leading extent only, but #1 is of type 'tensor<4xf64>'}}
func.func @doubles(%x: tensor<?x64xbf16>, %u: tensor<4xf64>) -> tensor<?x64xbf16> {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// expected-error @+1 {{expects every result to be a tensor of rank 1 to 8 of less than 2^48 bf16, f16, f32 or i32 values, dynamic in the leading extent only, but #1 is of type 'index'}}
func.func @index_result(%x: tensor<?x64xbf16>) -> (tensor<?x64xbf16>, index) {
  %y = moe.activation %x kind(relu) : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  %i = arith.constant 1 : index
  return %y, %i : tensor<?x64xbf16>, index
}

// -----

// expected-error @+1 {{unsupported problem: expects at least one result, but got none}}
func.func @no_result(%x: tensor<?x64xbf16>) {
  return
}

// -----

func.func @terminator(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: expects a block that ends in 'func.return', but got 'llvm.unreachable'}}
  llvm.unreachable
}

// -----

func.func @integers(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %y = moe.activation %x body {
  ^bb0(%v: f32):
    // expected-error @+1 {{unsupported problem: no kernel computes 'arith.fptosi' of type 'i32'}}
    %i = arith.fptosi %v : f32 to i32
    // expected-error @+1 {{unsupported problem: no kernel computes 'arith.sitofp' of type 'f32'}}
    %f = arith.sitofp %i : i32 to f32
    moe.yield %f : f32
  } : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @two_scalars(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x32x64xbf16>) -> tensor<?x32xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w epilogue {
  ^bb0(%v: f32):
    // expected-error @+1 {{unsupported problem: no kernel computes 'math.sincos' of type 'f32', 'f32'}}
    %s, %c = math.sincos %v : f32
    %z = arith.addf %s, %c : f32
    moe.yield %z : f32
  } : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x32x64xbf16>) -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}

// -----

func.func @two_routes(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x64xbf16>, %g: tensor<?xi32>,
    %c: tensor<?xi32>, %rw: tensor<?x2xf32>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: expects gather and combine by the same routes, but got two of them}}
  %y = moe.grouped_matmul %x, %offsets, %w gather(%g) top_k(2) combine(%rw, %c)
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x64x64xbf16>, tensor<?xi32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @two_top_ks(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x64xbf16>, %r: tensor<?xi32>,
    %rw: tensor<?x2xf32>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: expects gather and combine by one top_k, but got 4 and 2}}
  %y = moe.grouped_matmul %x, %offsets, %w gather(%r) top_k(4) combine(%rw, %r)
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x64x64xbf16>, tensor<?xi32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// Rows follow T, biases E: one tensor cannot be both.

func.func @activated_bias(%x: tensor<?x64xbf16>, %offsets: tensor<9xi32>, %w: tensor<8x64x64xbf16>, %b: tensor<8x64xbf16>)
    -> tensor<?x64xbf16> {
  %c = moe.activation %b kind(silu) : (tensor<8x64xbf16>) -> tensor<8x64xbf16>
  // expected-error @+1 {{unsupported problem: expects a bias that no op takes for rows or routes, but got one of type 'tensor<8x64xbf16>'}}
  %y = moe.grouped_matmul %x, %offsets, %w bias(%c)
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x64x64xbf16>, tensor<8x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @offsets_of_matmul(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %w: tensor<8x64x64xbf16>, %rw: tensor<?x3xf32>)
    -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: expects offsets that no op takes for rows or routes, but got one of type 'tensor<9xi32>'}}
  %p = moe.grouped_matmul %x, %o, %w : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x64x64xbf16>) -> tensor<?x64xbf16>
  %y = moe.combine %p, %rw, %o : (tensor<?x64xbf16>, tensor<?x3xf32>, tensor<9xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @offsets_of_permute(%x: tensor<?x64xbf16>, %ids: tensor<?x3xi32>, %rw: tensor<?x3xf32>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{expects offsets that no op takes for rows or routes, but got one of type 'tensor<9xi32>'}}
  %r, %o = moe.permute %ids experts(8) : (tensor<?x3xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %y = moe.combine %x, %rw, %o : (tensor<?x64xbf16>, tensor<?x3xf32>, tensor<9xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @offsets_of_pad(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %rw: tensor<?x3xf32>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  // expected-error @+1 {{expects offsets that no op takes for rows or routes, but got one of type 'tensor<9xi32>'}}
  %p, %po = moe.pad %x, %o multiple(8) : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  %y = moe.combine %x, %rw, %po : (tensor<?x64xbf16>, tensor<?x3xf32>, tensor<9xi32>) -> tensor<?x64xbf16>
  return %p, %y : tensor<?x64xbf16>, tensor<?x64xbf16>
}

// -----

func.func @offsets_of_unpad(%x: tensor<?x64xbf16>, %po: tensor<9xi32>, %o: tensor<9xi32>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{expects offsets that no op takes for rows or routes, but got one of type 'tensor<9xi32>'}}
  %y = moe.unpad %x, %po, %o, %o
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<9xi32>, tensor<9xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

func.func @padded_routes(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %rw: tensor<?x2xf32>, %r: tensor<?xi32>) -> tensor<?x64xbf16> {
  // expected-error @+1 {{unsupported problem: expects padded rows to be used one by one, in a tensor of type 'tensor<?x64xbf16>'}}
  %p, %po = moe.pad %x, %o multiple(8) : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  %y = moe.combine %p, %rw, %r : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// -----

// T is a third of the rows, and half of them.

func.func @fractions(%x: tensor<?x64xbf16>,
    // expected-error @+1 {{unsupported problem: expects the leading extent to be a multiple of T, in a tensor of type 'tensor<?x2xf32>'}}
    %rw: tensor<?x2xf32>, %r: tensor<?xi32>, %rv: tensor<?x3xf32>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %y = moe.combine %x, %rw, %r : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  %z = moe.combine %x, %rv, %r : (tensor<?x64xbf16>, tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y, %z : tensor<?x64xbf16>, tensor<?x64xbf16>
}
