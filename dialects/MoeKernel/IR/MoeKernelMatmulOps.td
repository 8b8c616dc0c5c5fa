//===- MoeKernelMatmulOps.td - the grouped matmul kernel --------*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELMATMULOPS_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELMATMULOPS_TD

include "dialects/Moe/IR/MoeAttrs.td"
include "dialects/MoeKernel/IR/MoeKernelBase.td"

def MoeKernel_GroupedMatmulOp : MoeKernel_Op<"grouped_matmul",
    [AttrSizedOperandSegments, IsolatedFromAbove,
     DeclareOpInterfaceMethods<MoeKernel_KernelOpInterface,
       ["getSharedBytes", "getGrid", "getCluster", "takesTokens"]>]> {
  let summary = "one matrix product per expert over that expert's rows";
  let description = [{
    For every entry of `tiles` the rows `i` it covers, with the product, bias, gather, weight forms
    and epilogue of `moe.grouped_matmul`, stored as `store` says:

    * `rows`: `outs[i] = value`;
    * `weighted_rows`: `outs[i] = routing_weights[routes[i]] * value`, 0 where `routes[i]` is -1;
    * `accumulate`: `outs[routes[i] / top_k] += routing_weights[routes[i]] * value` in f32 and in no
      order; the buffer holds zeros before.

    Constraints:
    * C1: one or two weights `[E, N, K]` (`[E, K, N]` when `transposed`) of one type, K that of
      `rows`; no bias or one `[E, N]` per weight.
    * C2: the columns of the result and K are positive multiples of 8.
    * C3: `top_k` is there exactly with `gathered` or `accumulate`; `routes` with either of them or
      `weighted_rows`; `routing_weights` with the last two.
    * C4: an epilogue takes two f32 in the gated forms, else one, and holds what that of
      `moe_kernel.activation` may; two weights without an epilogue have two outs and plain `rows`;
      `layout` goes with one weight and an epilogue.
    * C5: outs have N columns (`layout`: N / 2), and a row for each of `routes`, or without them of
      `rows`; f32 exactly when `accumulate`, and then a row for each `top_k` of `routes`.
    * C6: the schedule's tile fits the warps, its shared memory the target, its accumulators and
      `min_blocks` the registers.
    * C7: the kernel of the function that writes `tiles` makes them for as many experts and for the
      schedule: `block_m` rows, in multiples of what the form multiplies at once, `raster_group` row
      tiles a band, its cluster.
    * C8: `tickets`, one counter that the same kernel clears and no other matmul has, are there
      exactly with a dynamic schedule.
    * C9: `progress`, five words that the same kernel sets and no other matmul has, says that the
      kernel has begun and counts what is stored of two parts of the rows; only matmuls in wgmma
      forms with one out report it.
    * C10: `awaits` names the `progress` and the tiles of the kernel before, which makes `rows`: a
      `dependent` kernel that may start with it and waits for the parts of its rows by itself. Only
      wgmma forms with contiguous rows and `early_start` do.
    * C11: `early_weights`, of a `dependent` kernel: blocks ask for weights before the kernel before
      has ended. In the mma form, with contiguous rows and `early_start`, they read `tiles` before:
      the kernel before is a matmul in the mma form, too, which waits for all that came before it,
      and so for what made the tiles. In the wgmma forms, with gathered rows, they ask for what
      they would need if all experts had as many rows, and only towards L2.
    * C12: `logits`, of a `dependent` kernel in the mma form with gathered rows, for one token:
      blocks choose their expert from its logits, as the kernel before does, and ask for all they
      need before that has ended. It is the `route_sort` of these logits, with `max_tokens(1)`,
      which makes `tiles` and `routes`; its logits stay in registers, up to 32 a lane.

    Example:

    ```mlir
    moe_kernel.grouped_matmul ins(%x : memref<?x2048xbf16>) tiles(%tiles : memref<?x4xi32>)
        weights(%gate_up : memref<128x1536x2048xbf16>) routes(%routes : memref<?xi32>)
        outs(%h : memref<?x768xbf16>) store(rows) gathered top_k(8) layout<halves, gate_first>
        schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 4, warps_m = 2,
                 warps_n = 2> epilogue {
      ^bb0(%gate: f32, %up: f32):
        %y = arith.mulf %gate, %up : f32
        moe_kernel.yield %y : f32
    }
    ```
  }];
  let arguments = (ins MoeKernel_In<MoeKernel_Data2D>:$rows,
                       MoeKernel_In<Variadic<MoeKernel_Data3D>>:$weights,
                       MoeKernel_In<Variadic<MoeKernel_Result2D>>:$bias,
                       MoeKernel_In<Optional<MoeKernel_Index1D>>:$routes,
                       MoeKernel_In<Optional<MoeKernel_Float2D>>:$routing_weights,
                       MoeKernel_In<MoeKernel_Index2D>:$tiles,
                       MoeKernel_In<Optional<MoeKernel_Float2D>>:$logits,
                       MoeKernel_Out<Optional<MoeKernel_Index1D>>:$tickets,
                       MoeKernel_Out<Optional<MoeKernel_Index1D>>:$progress,
                       MoeKernel_In<Optional<MoeKernel_Index1D>>:$awaited,
                       MoeKernel_In<Optional<MoeKernel_Index2D>>:$awaited_tiles,
                       MoeKernel_Out<Variadic<MoeKernel_Result2D>>:$outs,
                       MoeKernel_StoreFormAttr:$store, UnitAttr:$gathered,
                       OptionalAttr<I64Attr>:$top_k, UnitAttr:$transposed,
                       OptionalAttr<Moe_GateLayoutAttr>:$gate_layout,
                       MoeKernel_ScheduleAttr:$schedule, UnitAttr:$dependent,
                       UnitAttr:$early_weights);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $rows `:` type($rows) `)` `tiles` `(` $tiles `:` type($tiles) `)`
    (`logits` `(` $logits^ `:` type($logits) `)`)?
    (`tickets` `(` $tickets^ `:` type($tickets) `)`)?
    (`progress` `(` $progress^ `:` type($progress) `)`)?
    (`awaits` `(` $awaited^ `,` $awaited_tiles `:` type($awaited) `,` type($awaited_tiles) `)`)?
    `weights` `(` $weights `:` type($weights) `)` (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`routes` `(` $routes^ `:` type($routes) `)`)?
    (`routing_weights` `(` $routing_weights^ `:` type($routing_weights) `)`)?
    `outs` `(` $outs `:` type($outs) `)` `store` `` $store (`gathered` $gathered^)?
    (`top_k` `(` $top_k^ `)`)? (`transposed` $transposed^)? (`layout` `` $gate_layout^)?
    `schedule` `` $schedule (`dependent` $dependent^)? (`early_weights` $early_weights^)?
    (`epilogue` $epilogue^)? attr-dict
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getWeightType().getDimSize(0); }
    /// Weight rows of one matrix (N, with a layout 2 * columns), and the length of the reduction.
    int64_t getWeightRows() { return getWeightType().getDimSize(getTransposed() ? 2 : 1); }
    int64_t getReduction() { return getWeightType().getDimSize(getTransposed() ? 1 : 2); }
    /// Columns of one result.
    int64_t getColumns() { return getGateLayout() ? getWeightRows() / 2 : getWeightRows(); }
    bool isGated() { return getWeights().size() == 2 || getGateLayout().has_value(); }
    bool hasEpilogue() { return !getEpilogue().empty(); }
    bool hasTwoOutputs() { return getOuts().size() == 2; }
    /// Tiles along the columns.
    int64_t getColumnTiles();
    /// What the copy engine reads in the wgmma forms: the weights, or gate and up. Else nothing.
    ::llvm::SmallVector<::moec::kernel::CopyMap> getWeightMaps();
    /// The rows, where it reads them too: contiguous ones of the wgmma forms.
    std::optional<::moec::kernel::CopyMap> getRowMap();
    /// What words of the wgmma forms number or count, and so must fit an i32: pieces of eight
    /// elements of rows that are gathered, and of results whose progress is reported.
    ::llvm::SmallVector<::mlir::AffineMap> getPieceCounts();
    ::mlir::MemRefType getWeightType() {
      return ::mlir::cast<::mlir::MemRefType>(getWeights().front().getType());
    }
  }];
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELMATMULOPS_TD
