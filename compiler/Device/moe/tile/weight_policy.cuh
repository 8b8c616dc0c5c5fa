// The schedule's L2 policy for weights, as requests to the copy engine take it.
#pragma once
#include "moe/kernels/grouped_matmul_policy.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

template <class Plan>
MOE_DEVICE u64 create_weight_policy() {
  return Plan::kWeightPolicy == WeightPolicy::evict_first  ? ptx::create_policy_evict_first()
         : Plan::kWeightPolicy == WeightPolicy::evict_last ? ptx::create_policy_evict_last()
                                                           : ptx::create_policy_normal();
}

} // namespace moe
