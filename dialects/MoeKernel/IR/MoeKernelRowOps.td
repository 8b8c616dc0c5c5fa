//===- MoeKernelRowOps.td - kernels that move or map whole rows -*- tablegen -*-===//
//
// Rows are walked as 16-byte vectors: a row of data is a multiple of 8 elements.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELROWOPS_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELROWOPS_TD

include "dialects/Moe/IR/MoeAttrs.td"
include "dialects/MoeKernel/IR/MoeKernelBase.td"

def MoeKernel_GatherOp : MoeKernel_LaunchOp<"gather"> {
  let summary = "rows of tokens, in the order of routes";
  let description = [{
    `rows[i] = x[routes[i] / k]`, zero where `routes[i]` is -1.

    Constraints:
    * C1: a row is a multiple of 8 elements; `x` and `rows` have one.
    * C2: `top_k >= 1`; `routes` and `rows` have one leading extent.

    Example:

    ```mlir
    moe_kernel.gather ins(%x, %routes : memref<?x2048xbf16>, memref<?xi32>)
        outs(%rows : memref<?x2048xbf16>) top_k(8) schedule<threads = 256, per_thread = 2>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Data2D>:$x, MoeKernel_In<MoeKernel_Index1D>:$routes,
                       MoeKernel_Out<MoeKernel_Data2D>:$rows, I64Attr:$top_k,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $x `,` $routes `:` type($x) `,` type($routes) `)` `outs` `(` $rows `:` type($rows) `)`
    `top_k` `(` $top_k `)` `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
}

class MoeKernel_RegroupOp<string mnemonic> : MoeKernel_LaunchOp<mnemonic> {
  let arguments = (ins MoeKernel_In<MoeKernel_Data2D>:$input,
                       MoeKernel_In<MoeKernel_Index1D>:$offsets,
                       MoeKernel_In<MoeKernel_Index1D>:$padded_offsets,
                       MoeKernel_Out<MoeKernel_Data2D>:$output, MoeKernel_LaunchAttr:$schedule,
                       UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $input `,` $offsets `,` $padded_offsets `:` type($input) `,` type($offsets) `,`
    type($padded_offsets) `)` `outs` `(` $output `:` type($output) `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getOffsets().getType().getDimSize(0) - 1; }
  }];
}

def MoeKernel_PadOp : MoeKernel_RegroupOp<"pad"> {
  let summary = "rows to padded groups; pad rows are zero";
  let description = [{
    Constraints:
    * C1: a row is a multiple of 8 elements; `input` and `output` have one.
    * C2: `offsets` and `padded_offsets` have one type, of E + 1 entries.

    Example:

    ```mlir
    moe_kernel.pad ins(%rows, %offsets, %poffsets : memref<?x2048xbf16>, memref<129xi32>,
        memref<129xi32>) outs(%padded : memref<?x2048xbf16>) schedule<threads = 256>
    ```
  }];
}

def MoeKernel_UnpadOp : MoeKernel_RegroupOp<"unpad"> {
  let summary = "padded groups to rows; rows beyond the last group are zero";
  let description = [{
    Constraints:
    * C1: a row is a multiple of 8 elements; `input` and `output` have one.
    * C2: `offsets` and `padded_offsets` have one type, of E + 1 entries.

    Example:

    ```mlir
    moe_kernel.unpad ins(%padded, %offsets, %poffsets : memref<?x2048xbf16>, memref<129xi32>,
        memref<129xi32>) outs(%rows : memref<?x2048xbf16>) schedule<threads = 256>
    ```
  }];
}

def MoeKernel_ActivationOp : MoeKernel_LaunchOp<"activation", [IsolatedFromAbove]> {
  let summary = "a scalar function in f32 on rows, rounded once";
  let description = [{
    Operand forms as `moe.activation`; the function is the body.

    Constraints:
    * C1: one or two inputs of one type; a row of the result is a multiple of 8 elements.
    * C2: `layout` goes with one input of twice the result's columns, every other input has as
      many as the result.
    * C3: the body takes two f32 in the gated forms, else one, and holds only ops of `arith` and
      `math` with one result of f32 or i1.

    Example:

    ```mlir
    moe_kernel.activation ins(%gate_up : memref<?x1536xbf16>) outs(%h : memref<?x768xbf16>)
        layout<halves, gate_first> schedule<threads = 256, per_thread = 2> {
      ^bb0(%gate: f32, %up: f32):
        %y = arith.mulf %gate, %up : f32
        moe_kernel.yield %y : f32
    }
    ```
  }];
  let arguments = (ins MoeKernel_In<Variadic<MoeKernel_Data2D>>:$inputs,
                       MoeKernel_Out<MoeKernel_Data2D>:$output,
                       OptionalAttr<Moe_GateLayoutAttr>:$gate_layout,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `ins` `(` $inputs `:` type($inputs) `)` `outs` `(` $output `:` type($output) `)`
    (`layout` `` $gate_layout^)? `schedule` `` $schedule (`dependent` $dependent^)? $body attr-dict
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool isGated() { return getInputs().size() == 2 || getGateLayout().has_value(); }
  }];
}

def MoeKernel_CombineOp : MoeKernel_LaunchOp<"combine"> {
  let summary = "the sum of a token's rows, in slot order";
  let description = [{
    `output[t] = sum_s weights[t, s] * rows[positions[t * k + s]]` in f32, one rounding; slots whose
    position is -1 add nothing. Without `weights` the rows carry them already.

    Constraints:
    * C1: a row is a multiple of 8 elements; `rows` and `output` have one.
    * C2: `top_k >= 1`; `weights` has `top_k` columns.
    * C3: `early_positions`, of a `dependent` kernel: it reads `positions` before the kernel before
      has ended. That is a matmul, which does not begin before what made them has ended.
    * C4: `discards`, the most tokens of which L2 holds the rows, is 0 to 2^31 - 1. For up to so many
      it discards there what it has read, which need not be written to memory then: `rows` is
      undefined afterwards. So with `discards` it is a buffer that nothing reads later, its rows are
      whole lines of 128 bytes, and `positions` names each at most once.

    Example:

    ```mlir
    moe_kernel.combine ins(%rows, %positions : memref<?x2048xbf16>, memref<?xi32>)
        weights(%weights : memref<?x8xf32>) outs(%output : memref<?x2048xbf16>) top_k(8)
        schedule<threads = 128> discards(1280)
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Data2D>:$rows,
                       MoeKernel_In<MoeKernel_Index1D>:$positions,
                       MoeKernel_In<Optional<MoeKernel_Float2D>>:$weights,
                       MoeKernel_Out<MoeKernel_Data2D>:$output, I64Attr:$top_k,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent,
                       UnitAttr:$early_positions, DefaultValuedAttr<I64Attr, "0">:$discards);
  let assemblyFormat = [{
    `ins` `(` $rows `,` $positions `:` type($rows) `,` type($positions) `)`
    (`weights` `(` $weights^ `:` type($weights) `)`)? `outs` `(` $output `:` type($output) `)`
    `top_k` `(` $top_k `)` `schedule` `` $schedule (`dependent` $dependent^)?
    (`early_positions` $early_positions^)? (`discards` `(` $discards^ `)`)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// What L2 keeps or discards.
    static constexpr int64_t kLineBytes = 128;
    int64_t getRowBytes();
    /// Whether `rows` is a buffer of the function's own that no later op has to do with.
    bool readsRowsLast();
  }];
}

def MoeKernel_FillOp : MoeKernel_LaunchOp<"fill"> {
  let summary = "sets every 32-bit word of a buffer";
  let description = [{
    `bits` is the word: 0 for zeros of any type, -1 for "no row" in an index buffer.

    Constraints:
    * C1: the trailing extents of the buffer hold whole 32-bit words.

    Example:

    ```mlir
    moe_kernel.fill outs(%positions : memref<?xi32>) bits(-1) schedule<threads = 256, per_thread = 4>
    ```
  }];
  let arguments = (ins MoeKernel_Out<MoeKernel_AnyMemRef>:$output, I32Attr:$bits,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let assemblyFormat = [{
    `outs` `(` $output `:` type($output) `)` `bits` `(` $bits `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// 32-bit words of a row (the trailing extents).
    int64_t getRowWords();
  }];
}

def MoeKernel_CastOp : MoeKernel_LaunchOp<"cast"> {
  let summary = "f32 rows rounded to bf16 or f16";
  let description = [{
    Constraints:
    * C1: both operands have one shape; a row is a multiple of 8 elements.

    Example:

    ```mlir
    moe_kernel.cast ins(%sums : memref<?x2048xf32>) outs(%output : memref<?x2048xbf16>)
        schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Float2D>:$input,
                       MoeKernel_Out<MoeKernel_Data2D>:$output, MoeKernel_LaunchAttr:$schedule,
                       UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELROWOPS_TD
