// From wgmma accumulators to global memory: bias, epilogue, routing weight, rounding, stores.
#pragma once
#include "moe/epilogue/bias.cuh"
#include "moe/epilogue/row_strips.cuh"
#include "moe/epilogue/token_columns.cuh"

namespace moe {

template <class Plan, class Epilogue>
struct FragmentStore {
  /// `staging`: where Plan::kStaged, shared memory of this consumer's own.
  MOE_DEVICE static void run(float (&acc)[Plan::kStrips][Plan::kMmaN / 2],
                             const StoreTarget<Plan> &to, const StoreTile &tile, u32 staging) {
    if constexpr (Plan::kHasBias)
      AddBias<Plan>(to, tile).run(acc);
    if constexpr (Plan::kStaged)
      StagedTokenStore<Plan, Epilogue>::run(acc, to, tile, staging);
    else if constexpr (Plan::kSwapped)
      TokenColumnStore<Plan, Epilogue>::run(acc, to, tile);
    else
      RowStripStore<Plan, Epilogue>::run(acc, to, tile);
  }
};

} // namespace moe
