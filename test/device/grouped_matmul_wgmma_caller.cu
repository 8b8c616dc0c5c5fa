// One caller of the Hopper form of the grouped matmul, as the emitter prints it;
// test/device/nvrtc_compile.py compiles it.
#include "moe/common/math.cuh"
#include "moe/kernels/grouped_matmul_wgmma.cuh"

struct Problem : moe::GroupedMatmulProblem {
  static constexpr int kN = 768, kK = 2048, kTopK = 8;
  static constexpr moe::RowSource kRowSource = moe::RowSource::gathered;
  static constexpr moe::WeightForm kWeightForm = moe::WeightForm::halves;
};
struct Schedule : moe::WgmmaSchedule {
  static constexpr int kBlockM = 128, kBlockN = 192, kStages = 5;
};
struct Epilogue {
  static __device__ __forceinline__ float apply(float gate, float up) {
    return moe::silu(gate) * up;
  }
};
using Plan = moe::GroupedMatmulWgmmaPlan<Problem, Schedule>;

extern "C" __global__ void __launch_bounds__(Plan::kThreads, 1)
    gate_up(const moe::bf16 *x, const __grid_constant__ moe::TensorMap gate,
            const __grid_constant__ moe::TensorMap up, const int *routes, const int4 *tiles,
            moe::bf16 *out) {
  extern __shared__ unsigned char shared[];
  moe::grouped_matmul_wgmma<Plan, Epilogue>({.rows = x,
                                             .routes = routes,
                                             .tiles = tiles,
                                             .weights = &gate,
                                             .up_weights = &up,
                                             .store = {.out = out, .routes = routes}},
                                            shared);
}
