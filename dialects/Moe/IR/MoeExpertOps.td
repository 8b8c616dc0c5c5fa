//===- MoeExpertOps.td - the experts' products and activations --*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEEXPERTOPS_TD
#define MOEC_DIALECTS_MOE_IR_MOEEXPERTOPS_TD

include "dialects/Moe/IR/MoeAttrs.td"
include "dialects/Moe/IR/MoeTypes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Moe_GroupedMatmulOp : Moe_Op<"grouped_matmul",
    [Pure, AttrSizedOperandSegments, IsolatedFromAbove, Moe_NamedResults]> {
  let summary = "one matrix product per expert over that expert's rows";
  let description = [{
    For every expert `e` and every row `i` in `[offsets[e], offsets[e + 1])`, with f32 accumulation:

    `acc_w[i, n] = sum_j A[i, j] * weights_w[e, n, j] (+ bias_w[e, n])`

    with `A = rows`, and with `transposed` weights `[E, K, N]` read as `weights_w[e, j, n]`. Rows
    from `offsets[E]` on are zero in the result. The parts that fusions add:

    * *Two weights* of one shape (gate and up): two accumulators, and two results unless an
      epilogue makes one of them.
    * `gather(routes) top_k(k)`: `A[i] = rows[routes[i] / k]`, a zero row where `routes[i] = -1`;
      `rows` is then `[T, K]`.
    * `epilogue { ... }`: a region on f32 scalars, applied to the accumulators of one place. With
      two weights it takes (gate, up); with one weight and a `layout` it takes the gate and up
      entries of the 2I axis, and the result has `N = I` columns; otherwise it takes one value.
    * `combine(weights, routes)`: the result is `[T, N]`, the weighted sum of each token's rows
      exactly as `moe.combine` defines it, applied after the epilogue.

    Constraints:
    * C1: one or two weights `[E, N, K]` (`[E, K, N]` when `transposed`) of one type, with the `K`
      and element type of `rows`; `E + 1` is the length of `offsets`.
    * C2: no bias, or one `[E, N]` per weight, all of one type.
    * C3: `gather` and `top_k` go together, `top_k >= 1`; without them `rows` is `[R, K]`, with them
      `[T, K]` where `T * top_k = R` is the length of the routes.
    * C4: `layout` needs an epilogue, one weight and an even `N`.
    * C5: an epilogue takes as many f32 arguments as there are values (two for gated forms, else
      one), holds `arith` and `math` ops on scalars, and yields one f32. These have no side effects,
      a result for every operand (an integer quotient has a constant divisor, neither 0 nor, where
      it is signed, -1), and no rounding mode: all round to nearest even.
    * C6: two weights without an epilogue have two results, every other form has one; `combine`
      takes weights and routes and goes with one result.
    * C7: results are `[R, N']`, with `combine` `[T, N']` where `T` is that of its weights and `R` the
      length of its routes; `N' = N`, with a `layout` `N / 2`. Their element type is that of `rows`.

    Example:

    ```mlir
    %h = moe.grouped_matmul %x, %offsets, %gate_up gather(%routes) top_k(8)
        layout<halves, gate_first> epilogue {
      ^bb0(%gate: f32, %up: f32):
        %one = arith.constant 1.0 : f32
        %neg = arith.negf %gate : f32
        %exp = math.exp %neg : f32
        %den = arith.addf %exp, %one : f32
        %silu = arith.divf %gate, %den : f32
        %y = arith.mulf %silu, %up : f32
        moe.yield %y : f32
    } : (tensor<?x2048xbf16>, tensor<129xi32>, tensor<128x1536x2048xbf16>, tensor<?xi32>)
        -> tensor<?x768xbf16>
    ```
  }];
  let arguments = (ins Moe_DataTensor2D:$rows, Moe_OffsetsTensor:$offsets,
                       Variadic<Moe_DataTensor3D>:$weights, Variadic<Moe_DataTensor2D>:$bias,
                       Optional<Moe_RoutesTensor>:$gather_routes,
                       Optional<Moe_FloatTensor2D>:$combine_weights,
                       Optional<Moe_RoutesTensor>:$combine_routes,
                       OptionalAttr<I64Attr>:$top_k, UnitAttr:$transposed,
                       OptionalAttr<Moe_GateLayoutAttr>:$gate_layout);
  let regions = (region AnyRegion:$epilogue);
  let results = (outs Variadic<Moe_DataTensor2D>:$results);
  let assemblyFormat = [{
    $rows `,` $offsets `,` $weights (`bias` `(` $bias^ `)`)?
    (`gather` `(` $gather_routes^ `)` `top_k` `(` $top_k `)`)?
    (`combine` `(` $combine_weights^ `,` $combine_routes `)`)?
    (`transposed` $transposed^)? (`layout` `` $gate_layout^)? (`epilogue` $epilogue^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether the epilogue (or its absence) sees a gate and an up value for each result.
    bool isGated() { return getWeights().size() == 2 || getGateLayout().has_value(); }
    bool hasEpilogue() { return !getEpilogue().empty(); }
    bool hasGather() { return static_cast<bool>(getGatherRoutes()); }
    bool hasCombine() { return static_cast<bool>(getCombineWeights()); }
    /// The result types that the operands ask for; dynamic sizes where they say nothing.
    ::llvm::SmallVector<::mlir::Type> inferTypes();
    /// E, N (of one weight) and K, whatever the storage order.
    int64_t getNumExperts();
    int64_t getWeightColumns();
    int64_t getReductionSize();
  }];
}

def Moe_ActivationOp : Moe_Op<"activation", [Pure, IsolatedFromAbove, Moe_NamedResults]> {
  let summary = "an activation, plain or gated, on rows";
  let description = [{
    Applies a scalar function in f32 and rounds once. Its three operand forms:

    * two inputs `[R, I]` (gate, up): `result[i, j] = f(gate[i, j], up[i, j])`;
    * one input `[R, 2I]` with a `layout` that says where gate and up lie;
    * one input `[R, I]` and a plain activation: `result[i, j] = f(x[i, j])`.

    `f` is either named by `kind`, a shorthand for a region, or given as a `body` region of `arith`
    and `math` ops on f32 scalars. The shorthands (`s(x) = x / (1 + exp(-x))`), all of which map 0 to
    0, keep NaN, and take the factor of the gate to its limit (0 at -inf, +inf at +inf):

    | kind | f |
    | --- | --- |
    | `silu_gate` | `s(gate) * up` |
    | `gelu_gate` | `gelu(gate) * up`, `gelu(x) = x / 2 * (1 + erf(x / sqrt(2)))` |
    | `gelu_tanh_gate` | the same with the tanh form of gelu |
    | `relu_gate` | `max(gate, 0) * up` |
    | `gpt_oss_swiglu` | `g / (1 + exp(-1.702 g)) * (u + 1)`, `g = min(gate, 7)`, `u = clamp(up, -7, 7)` |
    | `silu`, `gelu`, `gelu_tanh`, `relu`, `relu2` | plain; `relu2(x) = max(x, 0)^2` |

    Constraints:
    * C1: one or two inputs of one element type and of shapes that agree.
    * C2: exactly one of `kind` and `body`; a body takes two f32 arguments in the gated forms, one
      in the plain form, holds what an epilogue may hold (C5 of `moe.grouped_matmul`), and yields
      one f32; a `kind` matches the form.
    * C3: `layout` goes with one input of an even column count.
    * C4: the result is `[R, I]`, element type that of the inputs.

    Example:

    ```mlir
    %h = moe.activation %gate_up kind(silu_gate) layout<halves, gate_first>
        : (tensor<?x1536xbf16>) -> tensor<?x768xbf16>
    ```
  }];
  let arguments = (ins Variadic<Moe_DataTensor2D>:$inputs,
                       OptionalAttr<Moe_ActivationKindAttr>:$kind,
                       OptionalAttr<Moe_GateLayoutAttr>:$gate_layout);
  let regions = (region AnyRegion:$body);
  let results = (outs Moe_DataTensor2D:$result);
  let assemblyFormat = [{
    $inputs (`kind` `` $kind^)? (`layout` `` $gate_layout^)? (`body` $body^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool isGated() { return getInputs().size() == 2 || getGateLayout().has_value(); }
    /// The result type that the inputs ask for.
    ::mlir::RankedTensorType inferType();
  }];
}

def Moe_YieldOp : Moe_Op<"yield", [Pure, Terminator,
    ParentOneOf<["GroupedMatmulOp", "ActivationOp"]>]> {
  let summary = "ends an epilogue or activation body with its value";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // MOEC_DIALECTS_MOE_IR_MOEEXPERTOPS_TD
