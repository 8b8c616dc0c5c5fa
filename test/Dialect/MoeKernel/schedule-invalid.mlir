// The checks of #moe_kernel.schedule that need no target.
// RUN: moe-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects warps_m * warps_n to be a power of two up to 32, but got 3 * 1}}
func.func private @warps() attributes {s = #moe_kernel.schedule<mma, block_m = 48, block_n = 64, block_k = 64, stages = 3, warps_m = 3, warps_n = 1>}

// -----

// Factors are bounded before their product is.
// expected-error @+1 {{expects warps_m * warps_n to be a power of two up to 32, but got 4611686018427387904 * 4}}
func.func private @warps_overflow() attributes {s = #moe_kernel.schedule<mma, block_m = 16, block_n = 32, block_k = 64, stages = 4, warps_m = 4611686018427387904, warps_n = 4>}

// -----

// expected-error @+1 {{expects warps_m * warps_n to be a power of two up to 32, but got 8 * 8}}
func.func private @warps_product() attributes {s = #moe_kernel.schedule<mma, block_m = 128, block_n = 128, block_k = 64, stages = 4, warps_m = 8, warps_n = 8>}

// -----

// expected-error @+1 {{expects block_m to be a multiple of 16 * warps_m = 32, but got 48}}
func.func private @block_m() attributes {s = #moe_kernel.schedule<mma, block_m = 48, block_n = 64, block_k = 64, stages = 3, warps_m = 2, warps_n = 1>}

// -----

// expected-error @+1 {{expects block_n to be a multiple of 16 * warps_n = 64, but got 96}}
func.func private @block_n() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 96, block_k = 64, stages = 3, warps_m = 1, warps_n = 4>}

// -----

// expected-error @+1 {{expects block_m and block_n of at most 4096, but got 4294967296 and 4294967296}}
func.func private @blocks_overflow() attributes {s = #moe_kernel.schedule<mma, block_m = 4294967296, block_n = 4294967296, block_k = 64, stages = 3, warps_m = 2, warps_n = 2>}

// -----

// A tile map has no taller tiles.
// expected-error @+1 {{expects block_m and block_n of at most 4096, but got 8192 and 16}}
func.func private @blocks_tall() attributes {s = #moe_kernel.schedule<mma, block_m = 8192, block_n = 16, block_k = 64, stages = 3, warps_m = 32>}

// -----

// expected-error @+1 {{expects block_k to be 32, 64, 128 or 256, but got 48}}
func.func private @block_k() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 48, stages = 3, warps_m = 1, warps_n = 4>}

// -----

// expected-error @+1 {{expects stages in [2, 16], but got 1}}
func.func private @stages() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 1, warps_m = 1, warps_n = 4>}

// -----

// expected-error @+1 {{expects min_blocks in [1, 32], but got 0}}
func.func private @min_blocks() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 2, warps_m = 1, warps_n = 4, min_blocks = 0>}

// -----

// expected-error @+1 {{expects raster_group in [1, 255], but got 0}}
func.func private @raster() attributes {s = #moe_kernel.schedule<mma, block_m = 64, block_n = 64, block_k = 64, stages = 2, warps_m = 1, warps_n = 4, raster_group = 0>}

// -----

// expected-error @+1 {{expects at most 4096 accumulators a warp, but block_m / warps_m * block_n / warps_n is 8192}}
func.func private @accumulators() attributes {s = #moe_kernel.schedule<mma, block_m = 128, block_n = 128, block_k = 64, stages = 2, warps_m = 1, warps_n = 2>}

// -----

// expected-error @+1 {{expects both_ends with dynamic only}}
func.func private @both_ends() attributes {s = #moe_kernel.schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5, both_ends = true>}
