// The bulk tensor copy engine: boxes of a tensor to shared memory (sm_90).
#pragma once
#include "moe/common/types.cuh"

namespace moe {

/// The driver's 128-byte tensor descriptor (CUtensorMap), passed by value as a
/// `__grid_constant__` kernel parameter.
struct alignas(64) TensorMap {
  u64 words[16];
};

namespace ptx {

MOE_DEVICE void tma_prefetch_map(const TensorMap *map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}
/// Copies the box at coordinates (x, y), innermost first, and completes its bytes on `barrier`.
/// Elements outside the tensor arrive as zeros and count.
MOE_DEVICE void tma_load_2d(u32 shared, const TensorMap *map, u32 barrier, int x, int y) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
               " [%0], [%1, {%3, %4}], [%2];" ::"r"(shared),
               "l"(map), "r"(barrier), "r"(x), "r"(y)
               : "memory");
}
/// The same of three dimensions, with a policy for L2.
MOE_DEVICE void tma_load_3d(u32 shared, const TensorMap *map, u32 barrier, int x, int y, int z,
                            u64 policy) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
               ".L2::cache_hint [%0], [%1, {%3, %4, %5}], [%2], %6;" ::"r"(shared),
               "l"(map), "r"(barrier), "r"(x), "r"(y), "r"(z), "l"(policy)
               : "memory");
}
/// The same box for every block of the cluster whose bit is set in `blocks`: to the same place of
/// its shared memory, completing its bytes on its barrier at the same place.
MOE_DEVICE void tma_load_3d_multicast(u32 shared, const TensorMap *map, u32 barrier, int x, int y,
                                      int z, u16 blocks, u64 policy) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster.L2::cache_hint [%0], [%1, {%3, %4, %5}], [%2], %6, %7;" ::"r"(shared),
      "l"(map), "r"(barrier), "r"(x), "r"(y), "r"(z), "h"(blocks), "l"(policy)
      : "memory");
}
/// The same box towards L2 only.
MOE_DEVICE void tma_prefetch_3d(const TensorMap *map, int x, int y, int z, u64 policy) {
  asm volatile("cp.async.bulk.prefetch.tensor.3d.L2.global.L2::cache_hint [%0, {%1, %2, %3}], %4;" ::
                   "l"(map),
               "r"(x), "r"(y), "r"(z), "l"(policy)
               : "memory");
}

} // namespace ptx
} // namespace moe
