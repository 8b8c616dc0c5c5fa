// What a store of wgmma accumulators knows of its tile: where rows go, and the finished value of a
// place from its raw accumulators.
#pragma once
#include "moe/common/convert.cuh"
#include "moe/epilogue/identity.cuh"
#include "moe/kernels/grouped_matmul_wgmma_policy.cuh"
#include "moe/ptx/ld_st.cuh"
#include "moe/scheduler/persistent.cuh"

namespace moe {

/// What stores need besides the accumulators.
template <class Plan>
struct StoreTarget {
  using Output = typename Plan::Output;
  using Bias = typename Plan::Bias;
  Output *out;
  Output *up_out; ///< two outputs: where the up values go
  const Bias *bias;
  const Bias *up_bias;          ///< separate matrices: the up matrix's bias
  const i32 *routes;            ///< weighted and accumulating stores (the producers read these
  const float *routing_weights; ///< two: [R], [T, k])
};

/// The finished tile: what it covers, where the producers left what stores need of its rows, and
/// which of two cooperating consumers this is (else 0).
struct StoreTile : Tile {
  u32 targets;
  int consumer;
};

/// Where a row of the tile goes, and its factor.
struct RowTarget {
  i64 row;
  float scale;
  bool valid;
};

template <class Plan>
MOE_DEVICE RowTarget row_target(const StoreTile &tile, int row) {
  RowTarget target{i64(tile.row_begin) + row, 1.0f, row < tile.rows};
  if constexpr (Plan::kStore != StoreForm::rows) {
    const u32 at = tile.targets + row * Plan::kTargetBytes;
    target.scale = __uint_as_float(ptx::ld_shared_4(at));
    if constexpr (Plan::kStore == StoreForm::accumulate) {
      target.row = int(ptx::ld_shared_4(at + 4));
      target.valid = target.valid && target.row >= 0;
    }
  }
  return target;
}

/// Swapped operands: the first of the 64 columns of strip s.
template <class Plan>
MOE_DEVICE int strip_column(const StoreTile &tile, int s) {
  return tile.column_tile * Plan::kTileColumns + 64 * (Plan::kStripStride * s + tile.consumer);
}

/// Finished value of a place whose accumulators, with their bias, are `gate` and `up` (plain forms:
/// `gate`). `part` picks one of two outputs.
template <class Plan, class Epilogue>
MOE_DEVICE float finished(float gate, float up, int part) {
  if constexpr (Plan::kTwoOutputs)
    return part ? up : gate;
  else if constexpr (Plan::kGated)
    return Epilogue::apply(gate, up);
  else
    return Epilogue::apply(gate);
}

} // namespace moe
