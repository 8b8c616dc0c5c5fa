//===- Passes.td - passes of the moe dialect --------------------*- tablegen -*-===//
//
// Fusions keep the meaning of a block and may run alone, in any subset and in any order; what a
// pass cannot fuse it leaves as it is, with a remark of the category "moe-fusion" that says why.
// A fused intermediate is neither stored nor rounded to its element type: results differ from the
// unfused ones by those roundings only.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_TRANSFORMS_PASSES_TD
#define MOEC_DIALECTS_MOE_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseGateUpPass : Pass<"moe-fuse-gate-up"> {
  let summary = "Join two grouped matmuls of the same rows into one with two weights";
  let description = [{
    Two grouped matmuls of one block with the same rows, offsets and gather, weights of one type and
    equally typed biases (or none) become one op with both weights; the weights stay where they are.

    1. For every activation of two inputs whose producers are such a pair, the pair becomes one op
       with the gate's weight first.
    2. Pairs that no activation joins follow in program order. A product that a plain activation
       alone reads is left for `moe-fuse-activation`.

    The new op stands at the first of the two, or at the second where an operand is computed in
    between; where neither is possible the pair stays.

    Example: `test/Dialect/Moe/Transforms/fuse-gate-up.mlir`.

    ```mlir
    %g = moe.grouped_matmul %rows, %offsets, %gate : (...) -> tensor<?x768xbf16>
    %u = moe.grouped_matmul %rows, %offsets, %up : (...) -> tensor<?x768xbf16>
    // becomes
    %g, %u = moe.grouped_matmul %rows, %offsets, %gate, %up
        : (...) -> (tensor<?x768xbf16>, tensor<?x768xbf16>)
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def FusePaddingPass : Pass<"moe-fuse-padding"> {
  let summary = "Remove pad and unpad around grouped matmuls: partial tiles are masked";
  let description = [{
    A pad disappears where everything that reads its rows is a grouped matmul (as its rows) by the
    padded offsets, an activation or an unpad back to the original offsets, through any number of
    such ops. The ops in between then work on the unpadded rows and offsets.

    It stays where the padded rows or offsets escape, where an activation joins them with other
    rows, and where the number of rows or the zeros after the last group could change.

    Example: `test/Dialect/Moe/Transforms/fuse-padding.mlir`.

    ```mlir
    %prows, %poffsets = moe.pad %rows, %offsets multiple(8) : ...
    %p = moe.grouped_matmul %prows, %poffsets, %w : ...
    %d = moe.unpad %p, %poffsets, %offsets, %routes : ...
    // becomes
    %d = moe.grouped_matmul %rows, %offsets, %w : ...
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def FuseActivationPass : Pass<"moe-fuse-activation"> {
  let summary = "Move activations into the epilogue of the grouped matmul before them";
  let description = [{
    An activation whose inputs all come from one grouped matmul in the same block, and which is the
    only reader of its results, becomes that matmul's epilogue. Named kinds are spelled out
    (`moe-expand-activation`). An epilogue that is there already applies first, to gate and to up
    each where the activation reads both from one axis.

    Example: `test/Dialect/Moe/Transforms/fuse-activation.mlir`.

    ```mlir
    %gu = moe.grouped_matmul %rows, %offsets, %w : (...) -> tensor<?x1536xbf16>
    %h = moe.activation %gu kind(relu_gate) layout<halves, gate_first> : ...
    // becomes
    %h = moe.grouped_matmul %rows, %offsets, %w layout<halves, gate_first> epilogue {
    ^bb0(%gate: f32, %up: f32):
      %zero = arith.constant 0.0 : f32
      %relu = arith.maximumf %gate, %zero : f32
      %y = arith.mulf %relu, %up : f32
      moe.yield %y : f32
    } : (...) -> tensor<?x768xbf16>
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def FusePermutePass : Pass<"moe-fuse-permute"> {
  let summary = "Gather token rows in the operand load of the grouped matmul";
  let description = [{
    Where all readers of a permute's rows are grouped matmuls (as their rows), these read the token
    rows through `gather(routes) top_k(k)` and the permute yields routes and offsets only. Where one
    reader needs the permuted rows in memory, or combines by other routes, all keep reading them.

    Example: `test/Dialect/Moe/Transforms/fuse-permute.mlir`.

    ```mlir
    %rows, %routes, %offsets = moe.permute %experts, %x experts(128) : ...
    %p = moe.grouped_matmul %rows, %offsets, %w : ...
    // becomes
    %routes, %offsets = moe.permute %experts experts(128) : ...
    %p = moe.grouped_matmul %x, %offsets, %w gather(%routes) top_k(8) : ...
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def FuseCombinePass : Pass<"moe-fuse-combine"> {
  let summary = "Move the combine into the grouped matmul that makes its rows";
  let description = [{
    A combine whose rows are the one result of a grouped matmul in the same block, with no other
    reader, becomes the matmul's `combine(weights, routes)`. The fused op stands where the combine
    stood. A matmul that gathers by other routes is left alone: no kernel follows two.

    Example: `test/Dialect/Moe/Transforms/fuse-combine.mlir`.

    ```mlir
    %d = moe.grouped_matmul %h, %offsets, %down : (...) -> tensor<?x2048xbf16>
    %y = moe.combine %d, %weights, %routes : (...) -> tensor<?x2048xbf16>
    // becomes
    %y = moe.grouped_matmul %h, %offsets, %down combine(%weights, %routes) : ...
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def ExpandActivationPass : Pass<"moe-expand-activation"> {
  let summary = "Spell named activations out as bodies";
  let description = [{
    `kind(...)` is shorthand for a body of `arith` and `math` ops; this pass writes the body. It is
    no part of the fusion pipeline: lowerings take named kinds and bodies alike.

    Example: `test/Dialect/Moe/Transforms/expand-activation.mlir`.
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

#endif // MOEC_DIALECTS_MOE_TRANSFORMS_PASSES_TD
