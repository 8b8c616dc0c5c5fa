// The epilogue of a grouped matmul that has none.
#pragma once
#include "moe/common/types.cuh"

namespace moe {

/// Stores the product unchanged.
struct IdentityEpilogue {
  static MOE_DEVICE float apply(float value) { return value; }
};

} // namespace moe
