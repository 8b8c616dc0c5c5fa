// Shared by the grouped matmul checker and timer: problems on the device, a naive reference in
// double precision, comparison, and the registry that the parts fill at start-up.
#pragma once
#include "moe/common/math.cuh"
#include "moe/kernels/bounds.cuh"
#include "moe/kernels/grouped_matmul_mma.cuh"
#include "moe/kernels/grouped_matmul_wgmma.cuh"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cudaTypedefs.h>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#define CHECK_CUDA(call)                                                                           \
  do {                                                                                             \
    cudaError_t e_ = (call);                                                                       \
    if (e_ != cudaSuccess) {                                                                       \
      std::printf("FAILED %s:%d %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(e_));     \
      std::exit(5);                                                                                \
    }                                                                                              \
  } while (0)

namespace check {
using namespace moe;

// ------------------------------------------------------------------------------------ epilogues

struct SiluGate {
  static MOE_DEVICE float apply(float gate, float up) { return silu(gate) * up; }
};
/// An order-sensitive, asymmetric pair function: finds swapped operands.
struct ClampedGate {
  static MOE_DEVICE float apply(float gate, float up) {
    gate = fminf(gate, 0.5f);
    up = fminf(fmaxf(up, -0.5f), 0.5f);
    return (up + 1.0f) * gate * sigmoid(1.702f * gate);
  }
};
struct ReluSquared {
  static MOE_DEVICE float apply(float v) {
    v = fmaxf(v, 0.0f);
    return v * v;
  }
};

// ------------------------------------------------------------------------------- device helpers

__device__ inline u32 hash(u64 i) {
  i = (i ^ (i >> 31)) * 0x7fb5d329728ea185ull;
  i = (i ^ (i >> 27)) * 0x81dadef4bc2dd44dull;
  return u32(i >> 32);
}
/// Sum of two uniforms on [-scale, scale].
template <class T>
__global__ void fill_random(T *p, i64 count, float scale, u64 seed) {
  for (i64 i = blockIdx.x * i64(blockDim.x) + threadIdx.x; i < count;
       i += i64(gridDim.x) * blockDim.x) {
    const u32 h = hash(i + seed * 0x9e3779b97f4a7c15ull);
    p[i] = from_f32<T>(((h & 0xffff) + (h >> 16)) * (scale / 65536.0f) - scale);
  }
}

/// Product, bias, epilogue and routing weight of one element, the product in double.
template <class Problem, class Epilogue>
__device__ void reference_value(const GroupedMatmulArgs<Problem> &args, int expert, i64 row, int n,
                                float (&result)[2]) {
  using Map = WeightRowMap<Problem::kWeightForm, Problem::kUpFirst, Problem::kN>;
  i64 source = row;
  if (Problem::kRowSource == RowSource::gathered)
    source = args.routes[row] < 0 ? -1 : args.routes[row] / Problem::kTopK;
  float sums[2] = {0.0f, 0.0f};
  for (int part = 0; part < (Map::kGated ? 2 : 1); ++part) {
    const WeightRow at = Map::locate(n, part);
    const typename Problem::Element *w = at.matrix ? args.up_weights : args.weights;
    double sum = 0;
#pragma unroll 8
    for (int k = 0; k < Problem::kK && source >= 0; ++k) {
      const i64 i = Problem::kTransposed
                        ? (i64(expert) * Problem::kK + k) * Map::kMatrixRows + at.row
                        : (i64(expert) * Map::kMatrixRows + at.row) * Problem::kK + k;
      sum += double(to_f32(args.rows[source * Problem::kK + k])) * double(to_f32(w[i]));
    }
    if constexpr (!is_same<typename Problem::Bias, NoBias>)
      sum +=
          to_f32((at.matrix ? args.up_bias : args.bias)[i64(expert) * Map::kMatrixRows + at.row]);
    sums[part] = float(sum);
  }
  if constexpr (Problem::kTwoOutputs) {
    result[0] = sums[0];
    result[1] = sums[1];
  } else if constexpr (Map::kGated) {
    result[0] = Epilogue::apply(sums[0], sums[1]);
  } else {
    result[0] = Epilogue::apply(sums[0]);
  }
  if (Problem::kStore != StoreForm::rows)
    result[0] *= args.routes[row] < 0 ? 0.0f : args.routing_weights[args.routes[row]];
}

struct Verdict {
  u32 bad;
  u32 worst; // bits of the largest error in units of the tolerance
  i64 first; // an offending element
};

template <class T>
__device__ void compare(T got, float want, i64 where, Verdict *verdict) {
  constexpr float kRelative = is_same<T, float> ? 2e-4f : is_same<T, f16> ? 1.5e-3f : 8e-3f;
  const float error = fabsf(to_f32(got) - want) / (kRelative * fabsf(want) + 1e-3f);
  if (!(error <= 1.0f)) { // NaN, too
    if (atomicAdd(&verdict->bad, 1) == 0)
      verdict->first = where;
  }
  atomicMax(&verdict->worst, __float_as_uint(error == error ? error : 1e30f));
}

/// Every element of [R, N], or `samples` random ones; expert_of[row] < 0: no group, zeros expected.
template <class Problem, class Epilogue>
__global__ void verify(GroupedMatmulArgs<Problem> args, const int *expert_of, i64 row_count,
                       i64 samples, float *sums, Verdict *verdict) {
  const i64 total = samples ? samples : row_count * Problem::kN;
  for (i64 s = blockIdx.x * i64(blockDim.x) + threadIdx.x; s < total;
       s += i64(gridDim.x) * blockDim.x) {
    const i64 i = samples ? i64(hash(s) % (row_count * Problem::kN)) : s;
    const i64 row = i / Problem::kN;
    const int n = int(i % Problem::kN);
    float want[2] = {0.0f, 0.0f};
    if (expert_of[row] >= 0)
      reference_value<Problem, Epilogue>(args, expert_of[row], row, n, want);
    if constexpr (Problem::kStore == StoreForm::accumulate) {
      if (args.routes[row] >= 0)
        atomicAdd(sums + i64(args.routes[row] / Problem::kTopK) * Problem::kN + n, want[0]);
    } else {
      compare(args.out[i], want[0], i, verdict);
      if constexpr (Problem::kTwoOutputs)
        compare(args.up_out[i], want[1], i, verdict);
    }
  }
}
template <class T>
__global__ void compare_all(const T *got, const float *want, i64 count, Verdict *verdict) {
  for (i64 i = blockIdx.x * i64(blockDim.x) + threadIdx.x; i < count;
       i += i64(gridDim.x) * blockDim.x)
    compare(got[i], want[i], i, verdict);
}
/// Guard elements must still be poison.
static __global__ void verify_guard(const u8 *p, i64 bytes, Verdict *verdict) {
  for (i64 i = threadIdx.x; i < bytes; i += blockDim.x)
    if (p[i] != 0xff && atomicAdd(&verdict->bad, 1) == 0)
      verdict->first = -1;
}

template <class Problem, class Schedule, class Epilogue>
__global__ void __launch_bounds__(GroupedMatmulPlan<Problem, Schedule>::kThreads,
                                  Schedule::kMinBlocks)
    grouped_matmul(GroupedMatmulArgs<Problem> args) {
  grouped_matmul_mma<Problem, Schedule, Epilogue>(args);
}

template <class Schedule>
constexpr bool kIsWgmma = requires {
  Schedule::kSwapped;
};

template <class Problem, class Schedule, class Epilogue>
__global__ void __launch_bounds__(384, 1) __cluster_dims__(Schedule::kCluster, 1, 1)
    grouped_matmul_hopper(GroupedMatmulArgs<Problem> args, const __grid_constant__ TensorMap rows,
                          const __grid_constant__ TensorMap weights,
                          const __grid_constant__ TensorMap up_weights, u32 *tickets) {
  extern __shared__ unsigned char hopper_shared[];
  using Plan = GroupedMatmulWgmmaPlan<Problem, Schedule>;
  const GroupedMatmulWgmmaArgs<Plan> wgmma = {
      .rows = args.rows,
      .row_map = &rows,
      .routes = args.routes,
      .tiles = args.tiles,
      .tickets = tickets,
      .weights = &weights,
      .up_weights = &up_weights,
      .store = {args.out, args.up_out, args.bias, args.up_bias, args.routes, args.routing_weights}};
  grouped_matmul_wgmma<Plan, Epilogue>(wgmma, hopper_shared);
}

// --------------------------------------------------------------------------------- host helpers

/// A map of `Rank` dimensions in the swizzle that wgmma reads, as the runtime encodes it.
template <class Element, int kRank>
TensorMap encode_map(const Element *base, const cuuint64_t (&extents)[kRank],
                     const cuuint64_t (&strides)[kRank - 1], const cuuint32_t (&box)[kRank]) {
  static PFN_cuTensorMapEncodeTiled_v12000 encode = [] {
    void *entry = nullptr;
    cudaDriverEntryPointQueryResult found;
    CHECK_CUDA(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000,
                                                cudaEnableDefault, &found));
    return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(entry);
  }();
  const cuuint32_t steps[] = {1, 1, 1};
  alignas(64) CUtensorMap map;
  const CUresult result = encode(
      &map,
      is_same<Element, bf16> ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
      kRank, const_cast<Element *>(base), extents, strides, box, steps,
      CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    std::printf("FAILED cuTensorMapEncodeTiled: %d\n", int(result));
    std::exit(5);
  }
  TensorMap out;
  std::memcpy(&out, &map, sizeof out);
  return out;
}

/// The map of one part (gate or up) of the weights as (K, columns, experts), of transposed ones as
/// (columns, K, experts), where adjacent pairs count as two columns.
template <class Problem, class Plan>
TensorMap weight_map(const GroupedMatmulArgs<Problem> &args, int experts, int part) {
  using Map = typename Plan::RowMap;
  const WeightRow first = Map::locate(0, part), second = Map::locate(1, part);
  const auto *matrix = first.matrix ? args.up_weights : args.weights;
  if constexpr (Problem::kTransposed) {
    constexpr cuuint64_t kRowBytes = Map::kMatrixRows * 2;
    return encode_map<typename Problem::Element, 3>(
        Plan::kAdjacentPairs ? matrix : matrix + first.row,
        {Problem::kN * (Plan::kAdjacentPairs ? 2 : 1), Problem::kK, cuuint64_t(experts)},
        {kRowBytes, kRowBytes * Problem::kK}, {64, 64, 1});
  }
  const auto *base = matrix + first.row * Problem::kK;
  return encode_map<typename Problem::Element, 3>(
      base, {Problem::kK, Problem::kN, cuuint64_t(experts)},
      {cuuint64_t(second.row - first.row) * Problem::kK * 2,
       cuuint64_t(Map::kMatrixRows) * Problem::kK * 2},
      {64, cuuint32_t(Plan::kBoxRows), 1});
}

/// The map of `rows` contiguous rows as (K, rows).
template <class Problem, class Plan>
TensorMap row_map(const GroupedMatmulArgs<Problem> &args, i64 rows) {
  return encode_map<typename Problem::Element, 2>(args.rows, {Problem::kK, cuuint64_t(rows)},
                                                  {Problem::kK * 2},
                                                  {64, cuuint32_t(Plan::kRowBox)});
}

/// Device memory that lives as long as the process or its scope.
template <class T>
struct Buffer {
  T *data = nullptr;
  i64 count = 0;
  explicit Buffer(i64 n = 0) : count(n) {
    if (n)
      CHECK_CUDA(cudaMalloc(&data, n * sizeof(T)));
  }
  explicit Buffer(const std::vector<T> &v) : Buffer(i64(v.size())) {
    if (count)
      CHECK_CUDA(cudaMemcpy(data, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() { cudaFree(data); }
  void poison() { CHECK_CUDA(cudaMemset(data, 0xff, count * sizeof(T))); }
  void zero() { CHECK_CUDA(cudaMemset(data, 0, count * sizeof(T))); }
};

/// The counter of drawn tiles: cleared once, launches leave it at zero.
inline u32 *ticket_counter() {
  static Buffer<u32> counter(std::vector<u32>{0});
  return counter.data;
}

/// Rows grouped by expert, as the sort kernel leaves them.
struct Routing {
  std::vector<int> routes, offsets, expert_of;
  i64 rows() const { return i64(routes.size()); }
  int experts_touched() const {
    int n = 0;
    for (size_t e = 0; e + 1 < offsets.size(); ++e)
      n += offsets[e + 1] > offsets[e];
    return n;
  }
  /// Experts by size, if they are uneven.
  std::vector<int> by_size() const {
    std::vector<int> order(offsets.size() - 1);
    IdleTime all;
    auto size = [&](int e) { return offsets[e + 1] - offsets[e]; };
    for (int e = 0; e < int(order.size()); ++e) {
      order[e] = e;
      all.add(IdleTime::of(size(e)));
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return size(a) > size(b); });
    return all.is_uneven() ? order : std::vector<int>();
  }
  /// The device-side tile map of `shape`, with its unused tail.
  std::vector<int4> tiles(TileShape shape, bool lost = true) const {
    std::vector<int4> map;
    const int experts = int(offsets.size()) - 1;
    const std::vector<int> order = shape.both_ends ? by_size() : std::vector<int>();
    for (int place = 0; place < experts; ++place) {
      const int e = order.empty() ? place : order[place];
      const int size = offsets[e + 1] - offsets[e];
      for (int i = 0; i < tile_entries(shape, size); ++i) {
        const GroupTile tile = group_tile(shape, i, size);
        map.push_back({e, offsets[e] + tile.begin, pack(tile.extent), 0});
      }
    }
    const int count = int(map.size()), height = shape.height;
    for (int4 &entry : map)
      entry.w = count;
    if (!order.empty())
      map[0].w = pack_head({count, true});
    for (int r = offsets[experts]; lost && r < rows(); r += height)
      map.push_back({-1, r, pack({std::min(height, int(rows()) - r), 0, 1}), 0});
    const i64 bound = tile_map_bound(int(rows()), experts + 1, height);
    while (i64(map.size()) < bound)
      map.push_back({0, 0, 0, 0});
    return map;
  }
};

/// `rows`: of the left operand where they are contiguous, at least 1.
template <class Problem, class Schedule, class Epilogue>
void launch(const GroupedMatmulArgs<Problem> &args, int experts, i64 rows, i64 row_tiles,
            cudaStream_t stream = nullptr) {
  if constexpr (kIsWgmma<Schedule>) {
    using Plan = GroupedMatmulWgmmaPlan<Problem, Schedule>;
    auto kernel = grouped_matmul_hopper<Problem, Schedule, Epilogue>;
    CHECK_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    Plan::kSharedBytes));
    const TensorMap row = row_map<Problem, Plan>(args, rows);
    const TensorMap weights = weight_map<Problem, Plan>(args, experts, 0);
    const TensorMap up = weight_map<Problem, Plan>(args, experts, Plan::kGated ? 1 : 0);
    // Few blocks where they come from both ends, so that each draws many tiles.
    const int most = Plan::kBothEnds ? 10 : 132;
    const int blocks =
        int(std::min<i64>(most / Plan::kCluster,
                          row_tiles * ceil_div(Plan::kColumnTiles, Plan::kCluster))) *
        Plan::kCluster;
    kernel<<<blocks, Plan::kThreads, Plan::kSharedBytes, stream>>>(args, row, weights, up,
                                                                   ticket_counter());
    CHECK_CUDA(cudaGetLastError());
    return;
  } else {
    using Plan = GroupedMatmulPlan<Problem, Schedule>;
    auto kernel = grouped_matmul<Problem, Schedule, Epilogue>;
    CHECK_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    Plan::kSharedBytes));
    kernel<<<dim3(unsigned(grouped_matmul_blocks<Plan>(row_tiles))), Plan::kThreads,
             Plan::kSharedBytes, stream>>>(args);
    CHECK_CUDA(cudaGetLastError());
  }
}

/// A schedule as a type: the tuple that tables are written in.
template <int kM, int kN_, int kK_, int kS, int kWM, int kWN, int kBlocks, int kGroup = 8,
          bool kEvictFirst = false>
struct Tile : GroupedMatmulSchedule {
  static constexpr int kBlockM = kM, kBlockN = kN_, kBlockK = kK_, kStages = kS, kWarpsM = kWM,
                       kWarpsN = kWN, kMinBlocks = kBlocks;
  static constexpr TileShape kTiles = {kM, 0, kGroup};
  static constexpr WeightPolicy kWeightPolicy =
      kEvictFirst ? WeightPolicy::evict_first : WeightPolicy::normal;
  static std::string name() {
    char text[64];
    std::snprintf(text, sizeof text, "%dx%dx%d/%d w%dx%d b%d g%d%s", kM, kN_, kK_, kS, kWM, kWN,
                  kBlocks, kGroup, kEvictFirst ? " ef" : "");
    return text;
  }
};

/// Schedules of the wgmma form as types: ping-pong, swapped, cooperative, swapped and cooperative.
template <int kM, int kN_, int kS, int kGroup, bool kSwap, bool kBoth, int kStep, int kUnit,
          WeightPolicy kPolicy>
struct Hopper : WgmmaSchedule {
  static constexpr int kBlockM = kM, kBlockN = kN_, kStages = kS, kTokenStep = kStep;
  static constexpr TileShape kTiles = {kM, kUnit, kGroup};
  static constexpr bool kSwapped = kSwap, kCooperative = kBoth;
  static constexpr WeightPolicy kWeightPolicy = kPolicy;
  static std::string name() {
    char text[64];
    std::snprintf(text, sizeof text, "%s%s%dx%d/%d s%d u%d g%d%s", kSwap ? "S" : "H",
                  kBoth ? "C" : "P", kM, kN_, kS, kSwap ? kStep : 0, kUnit, kGroup,
                  kPolicy == WeightPolicy::evict_first  ? " ef"
                  : kPolicy == WeightPolicy::evict_last ? " el"
                                                        : "");
    return text;
  }
};
template <int kM, int kN_, int kS, int kGroup = 8, int kUnit = 0,
          WeightPolicy kPolicy = WeightPolicy::normal>
using HP = Hopper<kM, kN_, kS, kGroup, false, false, 32, kUnit, kPolicy>;
template <int kM, int kN_, int kS, int kGroup = 8, int kUnit = 0,
          WeightPolicy kPolicy = WeightPolicy::normal>
using HC = Hopper<kM, kN_, kS, kGroup, false, true, 32, kUnit, kPolicy>;
template <int kM, int kN_, int kS, int kGroup = 8, int kStep = 16, int kUnit = kStep,
          WeightPolicy kPolicy = WeightPolicy::normal>
using SP = Hopper<kM, kN_, kS, kGroup, true, false, kStep, kUnit, kPolicy>;
template <int kM, int kN_, int kS, int kGroup = 8, int kStep = 16, int kUnit = kStep,
          WeightPolicy kPolicy = WeightPolicy::normal>
using SC = Hopper<kM, kN_, kS, kGroup, true, true, kStep, kUnit, kPolicy>;

/// The same with tiles drawn from a counter.
template <class Schedule>
struct Dynamic : Schedule {
  static constexpr bool kDynamic = true;
  static std::string name() { return Schedule::name() + " dyn"; }
};

/// The same in clusters of two, which share an entry's rows.
template <class Schedule>
struct Pairs : Schedule {
  static constexpr int kCluster = 2;
  static constexpr TileShape kTiles = {Schedule::kTiles.height, Schedule::kTiles.unit,
                                       max_of(Schedule::kTiles.band / 2, 1), 2};
  static std::string name() { return Schedule::name() + " x2"; }
};

/// The same with drawn tiles, from both ends where experts are uneven.
template <class Schedule>
struct Ends : Dynamic<Schedule> {
  static constexpr bool kBothEnds = true;
  static constexpr TileShape kTiles = {Schedule::kTiles.height, Schedule::kTiles.unit,
                                       Schedule::kTiles.band, Schedule::kTiles.cluster, true};
  static std::string name() { return Dynamic<Schedule>::name() + " ends"; }
};

/// Parts register their work here; main selects by name.
struct Entry {
  std::string name;
  std::function<bool()> run;
};
std::vector<Entry> &check_entries();
std::vector<Entry> &time_entries();

} // namespace check
