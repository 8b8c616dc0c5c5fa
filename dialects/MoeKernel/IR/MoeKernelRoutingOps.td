//===- MoeKernelRoutingOps.td - routing, sorting, tile maps -----*- tablegen -*-===//
//
// Everything that works on indices. E and k are the extents of the buffers.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELROUTINGOPS_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELROUTINGOPS_TD

include "dialects/MoeKernel/IR/MoeKernelBase.td"

def MoeKernel_RouteOp : MoeKernel_LaunchOp<"route", [
    DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getSharedBytes"]>]> {
  let summary = "chooses k experts for every token and weighs them";
  let description = [{
    Order, scores and weights as `moe.route`; `softmax(selected)` is the sum over the winners, to
    which the renormalised sum over all experts is equal.

    Constraints:
    * C1: `1 <= k <= min(E, 32)`.
    * C2: `weights` and `experts` have one shape, `[T, k]`; the T of all three is one.
    * C3: `sets` i32 `[ceil(T / 32), E]` says for `moe_kernel.sort_routes` which tokens chose each
      expert: bit b of word `[w, e]` stands for token 32 w + b. A block routes 8, 16 or 32 tokens.

    Example:

    ```mlir
    moe_kernel.route ins(%logits : memref<?x128xf32>)
        outs(%weights, %experts : memref<?x8xf32>, memref<?x8xi32>) softmax(selected)
        schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Float2D>:$logits,
                       MoeKernel_Out<MoeKernel_Float2D>:$weights,
                       MoeKernel_Out<MoeKernel_Index2D>:$experts,
                       MoeKernel_Out<Optional<MoeKernel_Index2D>>:$sets,
                       MoeKernel_SoftmaxOverAttr:$softmax, MoeKernel_LaunchAttr:$schedule,
                       UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $logits `:` type($logits) `)`
    `outs` `(` $weights `,` $experts `:` type($weights) `,` type($experts) `)`
    (`sets` `(` $sets^ `:` type($sets) `)`)?
    `softmax` `` $softmax `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getLogits().getType().getDimSize(1); }
    int64_t getTopK() { return getWeights().getType().getDimSize(1); }
    /// Lanes of a warp that share a token.
    int64_t getLanes();
  }];
}

/// Attributes and text that all ops share which write tile maps.
defvar tileMapText = [{
    Tile map `j` covers every group with tiles of `tile_shapes[j]`. An entry is
    `{expert, first row, rows and place in a band, number of entries}`; entries beyond the last
    have 0 rows. Of a shape with `both_ends`, where experts are uneven, they come by size of the
    expert, which a bit of the first number says, and bits of the others which experts come late.
    Its leading extent is `rows / tile_shapes[j].rows + min(E, rows)`, rounded down.
    `tickets` are counters that matmuls with a dynamic schedule draw tiles from, `progress` words
    in which they report what they have stored; all counters are set to 0.
}];

def MoeKernel_SortRoutesOp : MoeKernel_LaunchOp<"sort_routes", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getSharedBytes"]>]> {
  let summary = "groups the routes by expert, stably";
  let description = [{
    `offsets` i32 [E+1] and `routes` i32 [R] as `moe.permute`; `positions` i32 [R] is the sorted
    row of a route, -1 where its id is outside `[0, E)`. Without `counts` one block does all of it;
    with `counts` i32 [G, E], written by `moe_kernel.count_routes`, G blocks share the work; with
    `sets`, written by the `moe_kernel.route` that chose the experts, blocks of 32 tokens do.

  }] # tileMapText # [{

    Constraints:
    * C1: `routes` and `positions` have the extent `T * k` of `experts`.
    * C2: at most four tile maps, one shape each, of the extent above, as many tickets and progress.
    * C3: `counts` has E columns.
    * C4: `sets` is `[ceil(T / 32), E]`, and there are no `counts`.

    Example:

    ```mlir
    moe_kernel.sort_routes ins(%experts : memref<?x8xi32>)
        outs(%offsets, %routes, %positions : memref<129xi32>, memref<?xi32>, memref<?xi32>)
        tiles(%tiles : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 64>] schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Index2D>:$experts,
                       MoeKernel_In<Optional<MoeKernel_Index2D>>:$counts,
                       MoeKernel_In<Optional<MoeKernel_Index2D>>:$sets,
                       MoeKernel_Out<MoeKernel_Index1D>:$offsets,
                       MoeKernel_Out<MoeKernel_Index1D>:$routes,
                       MoeKernel_Out<MoeKernel_Index1D>:$positions,
                       MoeKernel_Out<Variadic<MoeKernel_Index2D>>:$tiles,
                       MoeKernel_Out<Variadic<MoeKernel_Index1D>>:$tickets,
                       MoeKernel_Out<Variadic<MoeKernel_Index1D>>:$progress,
                       MoeKernel_TileShapeArrayAttr:$tile_shapes, MoeKernel_LaunchAttr:$schedule,
                       UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $experts `:` type($experts) `)` (`counts` `(` $counts^ `:` type($counts) `)`)?
    (`sets` `(` $sets^ `:` type($sets) `)`)?
    `outs` `(` $offsets `,` $routes `,` $positions `:` type($offsets) `,` type($routes) `,`
    type($positions) `)`
    (`tiles` `(` $tiles^ `:` type($tiles) `)`)? `tile_shapes` `=` $tile_shapes
    (`tickets` `(` $tickets^ `:` type($tickets) `)`)?
    (`progress` `(` $progress^ `:` type($progress) `)`)?
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getOffsets().getType().getDimSize(0) - 1; }
    int64_t getTopK() { return getExperts().getType().getDimSize(1); }
  }];
}

def MoeKernel_CountRoutesOp : MoeKernel_LaunchOp<"count_routes", [
    DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getSharedBytes"]>]> {
  let summary = "how many routes of each expert lie in each block's part";
  let description = [{
    `counts[g, e]` for G equal contiguous parts of the routes, for `moe_kernel.sort_routes`, whose
    threads it shares.

    Example:

    ```mlir
    moe_kernel.count_routes ins(%experts : memref<?x8xi32>) outs(%counts : memref<64x128xi32>)
        schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Index2D>:$experts,
                       MoeKernel_Out<MoeKernel_Index2D>:$counts, MoeKernel_LaunchAttr:$schedule,
                       UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $experts `:` type($experts) `)` `outs` `(` $counts `:` type($counts) `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getCounts().getType().getDimSize(1); }
    int64_t getTopK() { return getExperts().getType().getDimSize(1); }
  }];
}

def MoeKernel_RouteSortOp : MoeKernel_LaunchOp<"route_sort", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getSharedBytes"]>]> {
  let summary = "routes and sorts few tokens in one block";
  let description = [{
    `moe_kernel.route` and `moe_kernel.sort_routes` in one launch of one block, for at most
    `max_tokens` tokens.

  }] # tileMapText # [{

    Constraints:
    * C1: those of the two ops.
    * C2: `max_tokens`, not negative, covers the `moe_kernel.tokens` of the function.

    Example:

    ```mlir
    moe_kernel.route_sort ins(%logits : memref<?x128xf32>)
        outs(%weights, %experts : memref<?x8xf32>, memref<?x8xi32>)
        sorted(%offsets, %routes, %positions : memref<129xi32>, memref<?xi32>, memref<?xi32>)
        tiles(%tiles : memref<?x4xi32>) tile_shapes = [#moe_kernel.tile_shape<rows = 16>] softmax(selected) max_tokens(64)
        schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Float2D>:$logits,
                       MoeKernel_Out<MoeKernel_Float2D>:$weights,
                       MoeKernel_Out<MoeKernel_Index2D>:$experts,
                       MoeKernel_Out<MoeKernel_Index1D>:$offsets,
                       MoeKernel_Out<MoeKernel_Index1D>:$routes,
                       MoeKernel_Out<MoeKernel_Index1D>:$positions,
                       MoeKernel_Out<Variadic<MoeKernel_Index2D>>:$tiles,
                       MoeKernel_Out<Variadic<MoeKernel_Index1D>>:$tickets,
                       MoeKernel_Out<Variadic<MoeKernel_Index1D>>:$progress,
                       MoeKernel_TileShapeArrayAttr:$tile_shapes, MoeKernel_SoftmaxOverAttr:$softmax,
                       I64Attr:$max_tokens, MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $logits `:` type($logits) `)`
    `outs` `(` $weights `,` $experts `:` type($weights) `,` type($experts) `)`
    `sorted` `(` $offsets `,` $routes `,` $positions `:` type($offsets) `,` type($routes) `,`
    type($positions) `)`
    (`tiles` `(` $tiles^ `:` type($tiles) `)`)? `tile_shapes` `=` $tile_shapes
    (`tickets` `(` $tickets^ `:` type($tickets) `)`)?
    (`progress` `(` $progress^ `:` type($progress) `)`)?
    `softmax` `` $softmax `max_tokens` `(` $max_tokens `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getLogits().getType().getDimSize(1); }
    int64_t getTopK() { return getWeights().getType().getDimSize(1); }
    int64_t getLanes();
  }];
}

def MoeKernel_TileMapsOp : MoeKernel_LaunchOp<"tile_maps", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getSharedBytes"]>]> {
  let summary = "tile maps of groups that another kernel or the caller made";
  let description = [{
    `rows` is the extent of the rows that `offsets` i32 [E+1] divide, an upper bound of
    `offsets[E]`.

  }] # tileMapText # [{

    Constraints:
    * C1: one to four tile maps, one shape each, of the extent above, as many tickets and progress.
    * C2: `rows` maps one dimension, T, and divides by positive numbers only.

    Example:

    ```mlir
    moe_kernel.tile_maps ins(%offsets : memref<129xi32>) tiles(%tiles : memref<?x4xi32>)
        tile_shapes = [#moe_kernel.tile_shape<rows = 64>] rows(affine_map<(d0) -> (d0 * 8)>) schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Index1D>:$offsets,
                       MoeKernel_Out<Variadic<MoeKernel_Index2D>>:$tiles,
                       MoeKernel_Out<Variadic<MoeKernel_Index1D>>:$tickets,
                       MoeKernel_Out<Variadic<MoeKernel_Index1D>>:$progress,
                       MoeKernel_TileShapeArrayAttr:$tile_shapes, AffineMapAttr:$rows,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $offsets `:` type($offsets) `)` `tiles` `(` $tiles `:` type($tiles) `)`
    `tile_shapes` `=` $tile_shapes
    (`tickets` `(` $tickets^ `:` type($tickets) `)`)?
    (`progress` `(` $progress^ `:` type($progress) `)`)? `rows` `(` $rows `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getOffsets().getType().getDimSize(0) - 1; }
  }];
}

def MoeKernel_PadOffsetsOp : MoeKernel_LaunchOp<"pad_offsets", [
    DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface, ["getSharedBytes", "takesTokens"]>]> {
  let summary = "where groups start once each was padded to a multiple";
  let description = [{
    Constraints:
    * C1: `multiple >= 1`; both operands have one type, of E + 1 entries.

    Example:

    ```mlir
    moe_kernel.pad_offsets ins(%offsets : memref<129xi32>) outs(%padded : memref<129xi32>)
        multiple(8) schedule<threads = 128>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Index1D>:$offsets,
                       MoeKernel_Out<MoeKernel_Index1D>:$padded_offsets, I64Attr:$multiple,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $offsets `:` type($offsets) `)` `outs` `(` $padded_offsets `:` type($padded_offsets) `)`
    `multiple` `(` $multiple `)` `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getOffsets().getType().getDimSize(0) - 1; }
  }];
}

def MoeKernel_InvertRoutesOp : MoeKernel_LaunchOp<"invert_routes"> {
  let summary = "positions from routes: the sorted row of every route";
  let description = [{
    `positions[routes[i]] = i` for every route in `[0, R)`; other entries of `positions` keep what
    they hold (fill them with -1 first).

    Example:

    ```mlir
    moe_kernel.invert_routes ins(%routes : memref<?xi32>) outs(%positions : memref<?xi32>)
        schedule<threads = 256>
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Index1D>:$routes,
                       MoeKernel_Out<MoeKernel_Index1D>:$positions,
                       MoeKernel_LaunchAttr:$schedule, UnitAttr:$dependent);
  let assemblyFormat = [{
    `ins` `(` $routes `:` type($routes) `)` `outs` `(` $positions `:` type($positions) `)`
    `schedule` `` $schedule (`dependent` $dependent^)? attr-dict
  }];
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELROUTINGOPS_TD
