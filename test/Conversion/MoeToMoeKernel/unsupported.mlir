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
