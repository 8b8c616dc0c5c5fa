// The checks of attributes: targets, intervals of T, the partition that variants make.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects an architecture such as "sm_90a", but got "hopper"}}
module attributes {moe_kernel.target = #moe_kernel.target<"hopper", shared_bytes = 1, registers = 1, multiprocessors = 1>} {
}

// -----

// expected-error @+1 {{expects sm_80 or newer, but got sm_75}}
module attributes {moe_kernel.target = #moe_kernel.target<"sm_75", shared_bytes = 1, registers = 1, multiprocessors = 1>} {
}

// -----

// expected-error @+1 {{expects limits in [1, 2147483647], but got shared_bytes = 0, registers = 1, multiprocessors = 1}}
module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 0, registers = 1, multiprocessors = 1>} {
}

// -----

// expected-error @+1 {{expects limits in [1, 2147483647], but got shared_bytes = 1, registers = 1, multiprocessors = 2147483648}}
module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 1, registers = 1, multiprocessors = 2147483648>} {
}

// -----

// expected-error @+1 {{expects 'moe_kernel.target' to be a #moe_kernel.target on a module, but got "sm_80"}}
module attributes {moe_kernel.target = "sm_80"} {
}

// -----

// expected-error @+1 {{expects 0 <= min <= max <= 2147483647, or max = -1, but got 4 and 3}}
func.func private @f() attributes {moe_kernel.tokens = #moe_kernel.tokens<4, 3>}

// -----

// expected-error @+1 {{expects 0 <= min <= max <= 2147483647, or max = -1, but got 0 and 9223372036854775807}}
func.func private @f() attributes {moe_kernel.tokens = #moe_kernel.tokens<0, 9223372036854775807>}

// -----

// expected-error @+1 {{expects 0 <= min <= max <= 2147483647, or max = -1, but got 2147483648 and -1}}
func.func private @f() attributes {moe_kernel.tokens = #moe_kernel.tokens<2147483648, -1>}

// -----

// expected-error @+1 {{expects 0 <= min <= max <= 2147483647, or max = -1, but got -1 and 3}}
func.func private @f() attributes {moe_kernel.tokens = #moe_kernel.tokens<-1, 3>}

// -----

// expected-error @+1 {{expects 'moe_kernel.tokens' on a function, with a value of its own kind, but got 4 : i64}}
func.func private @f() attributes {moe_kernel.tokens = 4}

// -----

// expected-error @+1 {{expects no attribute 'moe_kernel.tokenz'}}
func.func private @f() attributes {moe_kernel.tokenz}

// -----

// expected-error @+1 {{expects 'moe_kernel.output' of argument 0 to be a unit attribute, but got true}}
func.func private @f(memref<?x8xf32> {moe_kernel.output = true})

// -----

// expected-error @+1 {{expects 'moe_kernel.size' of argument 0 to be an affine map of one dimension with positive divisors, but got affine_map<(d0, d1) -> (d0)>}}
func.func private @f(memref<?x8xf32> {moe_kernel.size = affine_map<(d0, d1) -> (d0)>})

// -----

// expected-error @+1 {{expects 'moe_kernel.size' of argument 0 to be an affine map of one dimension with positive divisors, but got affine_map<(d0) -> (d0 floordiv 0)>}}
func.func private @f(memref<?x8xf32> {moe_kernel.size = affine_map<(d0) -> (d0 floordiv 0)>})

// -----

// expected-error @+1 {{expects no attribute 'moe_kernel.input' on argument 0}}
func.func private @f(memref<?x8xf32> {moe_kernel.input})

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @b_t0() attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, 7>} { return }
  // expected-error @+1 {{expects the variants of block 'b' to serve every T once, but none serves T = 8}}
  func.func @b_t9() attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<9, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  func.func @b_t0() attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, 7>} { return }
  // expected-error @+1 {{expects the variants of block 'b' to serve every T once, but an earlier one also serves T = 7}}
  func.func @b_t7() attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<7, -1>} { return }
}

// -----

module attributes {moe_kernel.target = #moe_kernel.target<"sm_80", shared_bytes = 166912, registers = 65536, multiprocessors = 108>} {
  // expected-error @+1 {{expects the variants of block 'b' to serve every T once, but none serves T = 8}}
  func.func @b_t0() attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, 7>} { return }
}
