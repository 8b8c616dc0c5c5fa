//===- MoeRoutingOps.td - routing and row movement --------------*- tablegen -*-===//
//
// From router logits to rows grouped by expert, and from rows back to tokens.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEROUTINGOPS_TD
#define MOEC_DIALECTS_MOE_IR_MOEROUTINGOPS_TD

include "dialects/Moe/IR/MoeAttrs.td"
include "dialects/Moe/IR/MoeTypes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Moe_RouteOp : Moe_Op<"route", [Pure, InferTypeOpAdaptorWithIsCompatible, Moe_NamedResults]> {
  let summary = "chooses k experts for every token and weighs them";
  let description = [{
    Semantics, for each token `t` with logits `l[e]`:

    * *Order.* Expert `a` ranks before `b` when `l[a] > l[b]`, or when they are equal and `a < b`.
      A NaN ranks after every number; NaNs among themselves rank by expert id. The winners are the
      first `k` experts of that order; slot `s` holds the `s`-th.
    * *Scores.* `p[e] = exp(l[e] - m) / sum_j exp(l[j] - m)` with `m` the largest logit in the sum;
      a NaN logit contributes 0 and has score 0. At infinities `exp(l[e] - m)` is its limit: 0 for
      `l[e] = -inf`, 1 for `l[e] = m = +inf`. With `score_then_select` the sum runs over all E
      experts, with `select_then_score` over the winners.
    * *Weights.* `weights[t, s] = p[experts[t, s]]`, with `renormalize` divided by their sum over
      the slots. A zero denominator gives weight 0.

    Constraints:
    * C1: `1 <= top_k <= min(E, 32)`.
    * C2: `logits` is `[T, E]` with a static `E >= 1`.
    * C3: `weights` and `experts` are `[T, top_k]`.
    * C4: `renormalize` goes with `score_then_select` (the other order sums to 1 already).

    Example:

    ```mlir
    %weights, %experts = moe.route %logits top_k(8) score(softmax) order(score_then_select)
        renormalize : (tensor<?x128xf32>) -> (tensor<?x8xf32>, tensor<?x8xi32>)
    ```
  }];
  let arguments = (ins Moe_FloatTensor2D:$logits, I64Attr:$top_k, Moe_ScoreFunctionAttr:$score,
                       Moe_SelectOrderAttr:$order, UnitAttr:$renormalize);
  let results = (outs Moe_FloatTensor2D:$weights, Moe_IndexTensor2D:$experts);
  let assemblyFormat = [{
    $logits `top_k` `(` $top_k `)` `score` `` $score `order` `` $order (`renormalize` $renormalize^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Moe_PermuteOp : Moe_Op<"permute", [Pure, InferTypeOpAdaptorWithIsCompatible, Moe_NamedResults]> {
  let summary = "groups the routes by expert, and the rows with them";
  let description = [{
    Sorts the `R = T * k` routes by expert id, stably: `routes[i]` is the route `t * k + slot` of
    sorted row `i`, `offsets[e]` the first sorted row of expert `e`, `offsets[E]` the number of
    routed rows. A route whose id is outside `[0, E)` (-1 marks a padding slot) belongs to no group
    and is never used as an index. For `i >= offsets[E]`: `routes[i] = -1`.

    With the operand `x` the rows come along: `rows[i] = x[routes[i] / k]`, zero where
    `routes[i] = -1`. Without it the op yields the two index tensors only.

    Constraints:
    * C1: `1 <= num_experts < 2^31 - 1`.
    * C2: `x`, where given, has the `T` of `experts`.
    * C3: `rows` is `[R, H]`, `routes` is `[R]`, `offsets` is `[num_experts + 1]`; `rows` is there
      exactly when `x` is.
    * C4: `R < 2^31`, so that i32 numbers every route.

    Example:

    ```mlir
    %rows, %routes, %offsets = moe.permute %experts, %x experts(128)
        : (tensor<?x8xi32>, tensor<?x2048xbf16>)
        -> (tensor<?x2048xbf16>, tensor<?xi32>, tensor<129xi32>)
    %routes, %offsets = moe.permute %experts experts(128)
        : (tensor<?x8xi32>) -> (tensor<?xi32>, tensor<129xi32>)
    ```
  }];
  let arguments = (ins Moe_IndexTensor2D:$experts, Optional<Moe_DataTensor2D>:$x,
                       I64Attr:$num_experts);
  let results = (outs Optional<Moe_DataTensor2D>:$rows, Moe_RoutesTensor:$routes,
                      Moe_OffsetsTensor:$offsets);
  let assemblyFormat = [{
    $experts (`,` $x^)? `experts` `(` $num_experts `)` attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Moe_PadOp : Moe_Op<"pad", [Pure, InferTypeOpAdaptorWithIsCompatible, Moe_NamedResults]> {
  let summary = "pads every group of rows to a multiple of a number";
  let description = [{
    Group `e` of `offsets[e + 1] - offsets[e]` rows becomes a group of the next multiple of
    `multiple` rows; an empty group stays empty. The pad rows, and all rows from
    `padded_offsets[E]` on, are zero. The row count of the result does not depend on the data: it
    is the upper bound `P = R + min(E, R) * (multiple - 1)`.

    Constraints:
    * C1: `1 <= multiple < 2^31`.
    * C2: `padded` is `[P, H]`, `padded_offsets` has the type of `offsets`.
    * C3: `P < 2^31`, so that i32 numbers every padded row.

    Example:

    ```mlir
    %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8)
        : (tensor<?x2048xbf16>, tensor<129xi32>) -> (tensor<?x2048xbf16>, tensor<129xi32>)
    ```
  }];
  let arguments = (ins Moe_DataTensor2D:$rows, Moe_OffsetsTensor:$offsets, I64Attr:$multiple);
  let results = (outs Moe_DataTensor2D:$padded, Moe_OffsetsTensor:$padded_offsets);
  let assemblyFormat = [{
    $rows `,` $offsets `multiple` `(` $multiple `)` attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Moe_UnpadOp : Moe_Op<"unpad", [Pure, InferTypeOpAdaptorWithIsCompatible, Moe_NamedResults]> {
  let summary = "takes the pad rows out again";
  let description = [{
    `rows[offsets[e] + i] = padded[padded_offsets[e] + i]` for every expert `e` and
    `0 <= i < offsets[e + 1] - offsets[e]`; rows from `offsets[E]` on are zero. `routes` gives the
    row count `R` of the result; its values are not read.

    Constraints:
    * C1: `padded_offsets` and `offsets` have one type.
    * C2: `rows` is `[R, H]`, where `H` is that of `padded` and `R` the length of `routes`.

    Example:

    ```mlir
    %rows = moe.unpad %padded, %padded_offsets, %offsets, %routes
        : (tensor<?x2048xbf16>, tensor<129xi32>, tensor<129xi32>, tensor<?xi32>)
        -> tensor<?x2048xbf16>
    ```
  }];
  let arguments = (ins Moe_DataTensor2D:$padded, Moe_OffsetsTensor:$padded_offsets,
                       Moe_OffsetsTensor:$offsets, Moe_RoutesTensor:$routes);
  let results = (outs Moe_DataTensor2D:$rows);
  let assemblyFormat = [{
    $padded `,` $padded_offsets `,` $offsets `,` $routes attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Moe_CombineOp : Moe_Op<"combine", [Pure, InferTypeOpAdaptorWithIsCompatible, Moe_NamedResults]> {
  let summary = "the weighted sum of a token's expert rows";
  let description = [{
    `output[t] = sum_{s = 0}^{k - 1} weights[t, s] * rows[i(t, s)]` in f32 and in slot order, where
    `i(t, s)` is the sorted row with `routes[i] = t * k + s`; a slot that no row names contributes
    nothing. One rounding, at the end.

    Constraints:
    * C1: the length of `routes` is the row count of `rows`, and `T * k` where all are static.
    * C2: `output` is `[T, H]` with the `T` of `weights`, the `H` and element type of `rows`.

    Example:

    ```mlir
    %output = moe.combine %rows, %weights, %routes
        : (tensor<?x2048xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x2048xbf16>
    ```
  }];
  let arguments = (ins Moe_DataTensor2D:$rows, Moe_FloatTensor2D:$weights,
                       Moe_RoutesTensor:$routes);
  let results = (outs Moe_DataTensor2D:$output);
  let assemblyFormat = [{
    $rows `,` $weights `,` $routes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // MOEC_DIALECTS_MOE_IR_MOEROUTINGOPS_TD
