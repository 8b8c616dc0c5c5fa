//===- MoeKernelAttrs.td - target, interval of T, schedules -----*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELATTRS_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELATTRS_TD

include "dialects/MoeKernel/IR/MoeKernelEnums.td"
include "mlir/IR/AttrTypeBase.td"

class MoeKernel_Attr<string name, string attrMnemonic> : AttrDef<MoeKernel_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def MoeKernel_TargetAttr : MoeKernel_Attr<"Target", "target"> {
  let summary = "the GPU that schedules are made for and checked against";
  let description = [{
    `arch` is the name NVRTC takes; the numbers are dynamic shared memory of one block in bytes,
    32-bit registers of one multiprocessor and the count of multiprocessors (a planning number:
    kernels run on any count). KnownTargets.h has the table.

    ```mlir
    #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>
    ```
  }];
  let parameters = (ins StringRefParameter<"compute architecture">:$arch, "int64_t":$shared_bytes,
                        "int64_t":$registers, "int64_t":$multiprocessors);
  let assemblyFormat = "`<` $arch `,` struct($shared_bytes, $registers, $multiprocessors) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// 90 for "sm_90a".
    int64_t getComputeCapability() const;
  }];
}

def MoeKernel_TokensAttr : MoeKernel_Attr<"Tokens", "tokens"> {
  let summary = "an interval of T, both ends included; an end of -1 is infinity";
  let description = [{
    Token counts are below 2^31.

    ```mlir
    #moe_kernel.tokens<64, -1>
    ```
  }];
  let parameters = (ins "int64_t":$min, "int64_t":$max);
  let assemblyFormat = "`<` $min `,` $max `>`";
  let genVerifyDecl = 1;
}

def MoeKernel_TileShapeAttr : MoeKernel_Attr<"TileShape", "tile_shape"> {
  let summary = "how a tile map cuts each expert's rows";
  let description = [{
    Tiles have at most `rows` rows. Without `unit` all have that many but an expert's last; with it
    the tiles of an expert share its rows evenly, in multiples of `unit`, which divides `rows`. A
    band is what a matmul walks together for each weight tile: at most `band` row tiles of one
    expert.
    The blocks of a `cluster` take as many tiles of an expert together, `band` such entries in a
    band, and share the column tiles of one that is left over.
    With `both_ends` experts come by size, the largest first, where their rows are so uneven that
    products of some could overlap with the weights of others; else in their own order.

    ```mlir
    #moe_kernel.tile_shape<rows = 192, unit = 16, band = 8>
    #moe_kernel.tile_shape<rows = 176, unit = 16, band = 4, cluster = 2, both_ends = true>
    ```
  }];
  let parameters = (ins "int64_t":$rows, DefaultValuedParameter<"int64_t", "0">:$unit,
                        DefaultValuedParameter<"int64_t", "8">:$band,
                        DefaultValuedParameter<"int64_t", "1">:$cluster,
                        DefaultValuedParameter<"bool", "false">:$both_ends);
  let assemblyFormat = "`<` struct($rows, $unit, $band, $cluster, $both_ends) `>`";
  let genVerifyDecl = 1;
}
def MoeKernel_TileShapeArrayAttr
    : TypedArrayAttrBase<MoeKernel_TileShapeAttr, "array of tile shapes">;

def MoeKernel_WeightPolicyParameter : EnumParameter<MoeKernel_WeightPolicy> {
  let defaultValue = "::moec::kernel::WeightPolicy::Normal";
}

def MoeKernel_ScheduleAttr : MoeKernel_Attr<"Schedule", "schedule"> {
  let summary = "how a grouped matmul runs";
  let description = [{
    Tile sizes count rows (`block_m`), weight rows (`block_n`; gated forms have half as many
    columns) and steps of the reduction (`block_k`). `stages` tiles are under way at once.
    `raster_group` row tiles of an expert are walked together for each weight tile; `weights` says
    how long weights stay in L2.

    * `mma`, any GPU from sm_80 on: `warps_m` x `warps_n` warps share a tile, registers leave room
      for `min_blocks` blocks on a multiprocessor.
    * `wgmma`, sm_90a: one persistent block a multiprocessor, a producer warpgroup and two consumer
      warpgroups that take whole tiles in turn; `block_k` is 64.
      With `cooperative` they share every tile instead, which halves their accumulators. Each block
      takes every n-th tile; with `dynamic` each takes the next one that no block has taken, which
      keeps neighbours in the raster together in time, and so in L2, where tiles are uneven.
      With `both_ends` they are drawn from both ends of a map by size, where experts are uneven
      enough: some blocks multiply while others stream the weights of experts with few rows.
      With `cluster` = 2 blocks work in pairs on neighbouring row tiles of an expert, for which each
      loads half of the weights, so that L2 is asked for them once; of one that is left over, on
      neighbouring column tiles.
    * `wgmma_swapped`: the same with the weights as the instruction's M and the rows as its N, which
      follows each tile's own rows in steps of `token_step`: for few rows an expert.

    Where the matmul before makes the rows, `early_start` lets blocks start as that one's run out
    of tiles. In the wgmma forms a tile waits for its part of the rows alone: one half of them, or
    where the matmul before draws from both ends either what it takes last, about where its blocks
    meet, or the rest. In the mma form blocks ask for the weights of their first stages and then
    wait for all rows. They can as soon as the matmul before lets them: once all of its blocks have
    nothing left to ask for, or with its `early_release` once all of them run.

    ```mlir
    #moe_kernel.schedule<wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5>
    #moe_kernel.schedule<mma, block_m = 64, block_n = 128, block_k = 64, stages = 4, warps_m = 2,
                         warps_n = 2, min_blocks = 2, raster_group = 8, weights = normal>
    ```
  }];
  let parameters = (ins EnumParameter<MoeKernel_MatmulForm>:$form,
      "int64_t":$block_m, "int64_t":$block_n, "int64_t":$block_k, "int64_t":$stages,
      DefaultValuedParameter<"int64_t", "1">:$warps_m,
      DefaultValuedParameter<"int64_t", "1">:$warps_n,
      DefaultValuedParameter<"int64_t", "1">:$min_blocks,
      DefaultValuedParameter<"int64_t", "32">:$token_step,
      DefaultValuedParameter<"bool", "false">:$cooperative,
      DefaultValuedParameter<"bool", "false">:$dynamic,
      DefaultValuedParameter<"bool", "false">:$both_ends,
      DefaultValuedParameter<"int64_t", "1">:$cluster,
      DefaultValuedParameter<"int64_t", "8">:$raster_group,
      MoeKernel_WeightPolicyParameter:$weights,
      DefaultValuedParameter<"bool", "true">:$early_start,
      DefaultValuedParameter<"bool", "false">:$early_release);
  let assemblyFormat = [{
    `<` $form `,` struct($block_m, $block_n, $block_k, $stages, $warps_m, $warps_n, $min_blocks,
                         $token_step, $cooperative, $dynamic, $both_ends, $cluster, $raster_group,
                         $weights, $early_start, $early_release) `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// f32 accumulators of a consumer thread of the wgmma forms.
    int64_t getHopperAccumulators() const {
      return getBlockM() * getBlockN() / (getCooperative() ? 256 : 128);
    }
    /// Of the tile map: even tiles of what the form multiplies at once, rows as wgmma's M or N; an
    /// entry for a whole cluster.
    TileShapeAttr getTileShape() const;
    /// The same with every n-th tile for a block, where no counter is left to draw from, and so
    /// from one end.
    ScheduleAttr getStatic() const;
    bool isHopper() const { return getForm() != MatmulForm::Mma; }
    bool isSwapped() const { return getForm() == MatmulForm::WgmmaSwapped; }
    /// Swapped tiles of so many tokens that the producers' four warps have a quarter each to load,
    /// and ping-pong consumers memory of their own to store them from.
    bool hasLargeTiles() const {
      return isSwapped() && getBlockM() >= 128 && getBlockM() % 32 == 0;
    }
    int64_t getThreads() const { return isHopper() ? 384 : 32 * getWarpsM() * getWarpsN(); }
  }];
}

def MoeKernel_LaunchAttr : MoeKernel_Attr<"Launch", "launch"> {
  let summary = "how a kernel other than a matmul runs";
  let description = [{
    Threads of a block, and 16-byte vectors that each of them has in flight (row kernels only).

    ```mlir
    #moe_kernel.launch<threads = 256, per_thread = 2>
    ```
  }];
  let parameters = (ins "int64_t":$threads, DefaultValuedParameter<"int64_t", "1">:$per_thread);
  let assemblyFormat = "`<` struct($threads, $per_thread) `>`";
  let genVerifyDecl = 1;
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELATTRS_TD
