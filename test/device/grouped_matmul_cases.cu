// Correctness of every policy of the grouped matmul over a range of tiles and awkward sizes.
// Compiled once per PART (a group of problems); each part registers its cases.
#include "grouped_matmul_harness.cuh"

namespace check {
namespace {

using Rows = std::vector<int>;

/// Group sizes with empty experts, single rows, whole tiles and slivers, uneven enough for tiles
/// from both ends; then rows in no group.
const Rows kGroupSizes = {0, 37, 1, 130, 0, 16, 65, 512, 0, 3};
constexpr int kLostRows = 5;

Routing make_routing(int top_k, bool padded) {
  Routing r;
  r.offsets.push_back(0);
  for (int e = 0; e < int(kGroupSizes.size()); ++e) {
    r.offsets.push_back(r.offsets.back() + kGroupSizes[e]);
    for (int i = 0; i < kGroupSizes[e]; ++i)
      r.expert_of.push_back(e);
  }
  for (int i = 0; i < kLostRows; ++i)
    r.expert_of.push_back(-1);
  const int rows = int(r.expert_of.size());
  const int tokens = int(ceil_div(rows, top_k));
  for (int i = 0; i < tokens * top_k; ++i)
    r.routes.push_back(i);
  std::shuffle(r.routes.begin(), r.routes.end(), std::mt19937(7));
  r.routes.resize(rows);
  for (int i = 0; i < rows; ++i)
    if ((padded && i % 11 == 5) || r.expert_of[i] < 0)
      r.routes[i] = -1;
  return r;
}

template <class T>
void fill(Buffer<T> &b, float scale, u64 seed) {
  fill_random<<<256, 256>>>(b.data, b.count, scale, seed);
  CHECK_CUDA(cudaGetLastError());
}

template <class Problem, class Epilogue, class Schedule>
bool run_case(const char *name) {
  using Map = WeightRowMap<Problem::kWeightForm, Problem::kUpFirst, Problem::kN>;
  using Element = typename Problem::Element;
  using Output = typename Problem::Output;
  constexpr bool kAccumulate = Problem::kStore == StoreForm::accumulate;
  constexpr bool kRoutes =
      Problem::kRowSource == RowSource::gathered || Problem::kStore != StoreForm::rows;
  const int experts = int(kGroupSizes.size());
  const Routing routing = make_routing(Problem::kTopK, kRoutes);
  const i64 rows = routing.rows(), tokens = ceil_div(rows, Problem::kTopK);
  const i64 inputs = Problem::kRowSource == RowSource::gathered ? tokens : rows;
  const i64 outputs = (kAccumulate ? tokens : rows) * Problem::kN;
  constexpr i64 kGuard = 4096;

  Buffer<Element> x(inputs * Problem::kK + kGuard),
      w(i64(experts) * Map::kMatrixRows * Problem::kK + kGuard), up(w.count);
  Buffer<Output> out(outputs + kGuard), up_out(outputs + kGuard);
  Buffer<float> routing_weights(tokens * Problem::kTopK);
  Buffer<int> routes(routing.routes), expert_of(routing.expert_of);
  if (Schedule::kTiles.both_ends && routing.by_size().empty()) {
    std::printf("WRONG %s %s: groups are too even for both ends\n", name, Schedule::name().c_str());
    return false;
  }
  Buffer<int4> tiles(routing.tiles(Schedule::kTiles, !kIsWgmma<Schedule>));
  const float scale = 2.0f / sqrtf(float(Problem::kK));
  x.poison(), w.poison(), up.poison(), out.poison(), up_out.poison();
  fill_random<<<256, 256>>>(x.data, inputs * Problem::kK, 1.0f, 1);
  fill_random<<<256, 256>>>(w.data, w.count - kGuard, scale, 2);
  fill_random<<<256, 256>>>(up.data, up.count - kGuard, scale, 3);
  fill(routing_weights, 1.0f, 4);
  // Weights of experts without rows must never enter a result.
  for (int e = 0; e < experts; ++e)
    if (kGroupSizes[e] == 0) {
      const i64 size = i64(Map::kMatrixRows) * Problem::kK;
      CHECK_CUDA(cudaMemset(w.data + e * size, 0xff, size * sizeof(Element)));
      CHECK_CUDA(cudaMemset(up.data + e * size, 0xff, size * sizeof(Element)));
    }
  if (kAccumulate)
    CHECK_CUDA(cudaMemset(out.data, 0, outputs * sizeof(Output)));

  GroupedMatmulArgs<Problem> args = {.rows = x.data,
                                     .weights = w.data,
                                     .up_weights = up.data,
                                     .routes = routes.data,
                                     .routing_weights = routing_weights.data,
                                     .tiles = tiles.data,
                                     .out = out.data,
                                     .up_out = up_out.data};
  constexpr bool kHasBias = !is_same<typename Problem::Bias, NoBias>;
  using BiasStorage = std::conditional_t<kHasBias, typename Problem::Bias, float>;
  Buffer<BiasStorage> bias(i64(experts) * Map::kMatrixRows), up_bias(bias.count);
  if constexpr (kHasBias) {
    fill(bias, 0.5f, 5), fill(up_bias, 0.5f, 6);
    args.bias = bias.data;
    args.up_bias = up_bias.data;
  }
  launch<Problem, Schedule, Epilogue>(args, experts, std::max<i64>(rows, 1), tiles.count);

  Buffer<Verdict> verdict(1);
  Buffer<float> sums(kAccumulate ? outputs : 1);
  verdict.zero(), sums.zero();
  // The wgmma form leaves rows of no group alone, the mma form zeroes them.
  const i64 checked = kIsWgmma<Schedule> ? routing.offsets.back() : rows;
  verify<Problem, Epilogue>
      <<<512, 128>>>(args, expert_of.data, checked, 0, sums.data, verdict.data);
  if constexpr (kAccumulate)
    compare_all<<<64, 256>>>(out.data, sums.data, outputs, verdict.data);
  verify_guard<<<1, 256>>>(reinterpret_cast<u8 *>(out.data + outputs), kGuard * sizeof(Output),
                           verdict.data);
  const bool two = Problem::kTwoOutputs;
  verify_guard<<<1, 256>>>(reinterpret_cast<u8 *>(up_out.data + (two ? outputs : 0)),
                           kGuard * sizeof(Output), verdict.data);
  Verdict v;
  CHECK_CUDA(cudaMemcpy(&v, verdict.data, sizeof v, cudaMemcpyDeviceToHost));
  float worst;
  memcpy(&worst, &v.worst, 4);
  if (v.bad || worst == 0.0f)
    std::printf("WRONG %s %s: %u bad, worst %.3g tolerances, first at row %lld column %lld\n", name,
                Schedule::name().c_str(), v.bad, worst, v.first / Problem::kN,
                v.first % Problem::kN);
  return v.bad == 0 && worst > 0.0f;
}

template <class Problem, class Schedule>
constexpr bool well_compiled() {
  if constexpr (kIsWgmma<Schedule>)
    return GroupedMatmulWgmmaPlan<Problem, Schedule>::kWellCompiled;
  else
    return true;
}
template <class Problem, class Epilogue, class Schedule>
void add_case(const char *name) {
  if constexpr (well_compiled<Problem, Schedule>())
    check_entries().push_back({std::string(name) + " " + Schedule::name(),
                               [=] { return run_case<Problem, Epilogue, Schedule>(name); }});
}
template <class Problem, class Epilogue, class... Schedules>
void add(const char *name) {
  (add_case<Problem, Epilogue, Schedules>(name), ...);
}
/// The tiles every problem runs on.
template <class Problem, class Epilogue = IdentityEpilogue>
void add_all(const char *name) {
  add<Problem, Epilogue, Tile<16, 64, 128, 4, 1, 4, 2, 1, true>, Tile<16, 32, 64, 6, 1, 2, 4, 3>,
      Tile<16, 128, 256, 2, 1, 8, 1>, Tile<32, 64, 64, 4, 1, 4, 2>, Tile<64, 64, 32, 2, 4, 1, 2>,
      Tile<64, 128, 64, 3, 2, 2, 2, 4>, Tile<128, 128, 32, 4, 2, 2, 2>,
      Tile<128, 256, 64, 3, 2, 4, 1, 16>, Tile<256, 128, 32, 3, 4, 2, 1, 2>>(name);
#if HOPPER
  // Boxes of 64 weight rows for each part.
  if constexpr (Problem::kTransposed)
    add<Problem, Epilogue, HP<64, 256, 5>, HP<64, 128, 8>, HP<128, 128, 6, 2, 64>, HC<128, 256, 4>,
        SP<32, 128, 8, 4>, SP<96, 128, 8, 8, 16>, SC<192, 256, 3>, SC<128, 256, 4, 1, 32, 0>,
        Dynamic<HP<64, 128, 8>>, Dynamic<SC<176, 256, 4>>, Ends<SP<32, 128, 8, 4>>>(name);
  else
    add<Problem, Epilogue, HP<128, 192, 5>, HP<64, 256, 5>, HP<128, 128, 6, 2, 64>, HP<192, 128, 5>,
        HP<64, 64, 8>, HC<128, 256, 4>, HC<256, 128, 4, 3, 64>, SP<32, 128, 8, 4>,
        SP<128, 128, 6, 8, 32, 0>, SP<192, 128, 5, 8, 64>, SC<192, 256, 3>,
        SC<128, 256, 4, 1, 32, 0>, Dynamic<HP<128, 192, 5, 3>>, Dynamic<HC<128, 256, 4>>,
        Dynamic<SP<32, 128, 8, 4>>, Dynamic<SC<176, 256, 4>>, Ends<SP<32, 128, 8, 4>>>(name);
  if constexpr (Problem::kTransposed && Problem::kK > 10 * 64)
    add<Problem, Epilogue, Pairs<HP<64, 256, 5>>, Pairs<Dynamic<HC<128, 256, 4>>>,
        Pairs<Dynamic<SP<128, 128, 6>>>, Pairs<Dynamic<SC<176, 256, 4>>>, Pairs<SC<192, 256, 4>>,
        Ends<Pairs<SC<176, 256, 4>>>>(name);
  else if constexpr (Problem::kK > 10 * 64)
    add<Problem, Epilogue, Pairs<HP<128, 192, 5, 3>>, Pairs<Dynamic<HC<128, 256, 4>>>,
        Pairs<Dynamic<SP<128, 128, 6>>>, Pairs<Dynamic<SC<176, 256, 4>>>,
        Ends<Pairs<SC<176, 256, 4>>>>(name);
  if constexpr (Problem::kWeightForm == WeightForm::single)
    add<Problem, Epilogue, SC<256, 128, 4, 2>>(name);
#endif
}

struct Base : GroupedMatmulProblem {
  static constexpr int kN = 24, kK = 40;
};
struct Gathered : GroupedMatmulProblem {
  static constexpr RowSource kRowSource = RowSource::gathered;
  static constexpr int kTopK = 3;
};

#if PART == 0
struct TinyK : Gathered {
  static constexpr int kN = 1408, kK = 8;
};
struct Halves : Gathered {
  static constexpr int kN = 2880, kK = 200;
  static constexpr WeightForm kWeightForm = WeightForm::halves;
};
struct HalvesUpFirst : Gathered {
  using Element = f16;
  using Output = f16;
  using Bias = float;
  static constexpr int kN = 136, kK = 1408;
  static constexpr WeightForm kWeightForm = WeightForm::halves;
  static constexpr bool kUpFirst = true;
};
[[maybe_unused]] const bool registered = [] {
  add_all<Base>("single n24 k40");
  add_all<TinyK>("single gathered n1408 k8");
  add_all<Halves, SiluGate>("halves gathered n2880 k200");
  add_all<HalvesUpFirst, ClampedGate>("halves up-first f16 bias-f32 n136 k1408");
  return true;
}();
#elif PART == 1
struct Interleaved : Gathered {
  using Bias = bf16;
  static constexpr int kN = 96, kK = 264;
  static constexpr WeightForm kWeightForm = WeightForm::interleaved;
};
struct InterleavedUpFirst : GroupedMatmulProblem {
  using Output = float;
  static constexpr int kN = 40, kK = 72;
  static constexpr WeightForm kWeightForm = WeightForm::interleaved;
  static constexpr bool kUpFirst = true;
};
struct Separate : Gathered {
  using Bias = float;
  static constexpr int kN = 200, kK = 512;
  static constexpr WeightForm kWeightForm = WeightForm::separate;
};
struct SeparateTwo : Gathered {
  using Bias = bf16;
  static constexpr int kN = 72, kK = 136;
  static constexpr WeightForm kWeightForm = WeightForm::separate;
  static constexpr bool kTwoOutputs = true;
};
[[maybe_unused]] const bool registered = [] {
  add_all<Interleaved, ClampedGate>("interleaved gathered bias-bf16 n96 k264");
  add_all<InterleavedUpFirst, ClampedGate>("interleaved up-first f32-out n40 k72");
  add_all<Separate, SiluGate>("separate gathered bias-f32 n200 k512");
  add_all<SeparateTwo>("separate two-outputs bias-bf16 n72 k136");
  return true;
}();
#elif PART == 2
struct Weighted : GroupedMatmulProblem {
  using Element = f16;
  using Output = f16;
  static constexpr int kN = 328, kK = 1408, kTopK = 2;
  static constexpr StoreForm kStore = StoreForm::weighted_rows;
};
struct Accumulate : GroupedMatmulProblem {
  using Output = float;
  using Bias = float;
  static constexpr int kN = 136, kK = 96, kTopK = 3;
  static constexpr StoreForm kStore = StoreForm::accumulate;
};
struct FloatOut : GroupedMatmulProblem {
  using Output = float;
  using Bias = bf16;
  static constexpr int kN = 1024, kK = 2880;
};
struct TransposedSingle : GroupedMatmulProblem {
  static constexpr int kN = 72, kK = 40;
  static constexpr bool kTransposed = true;
};
struct TransposedDeep : GroupedMatmulProblem {
  static constexpr int kN = 456, kK = 1000;
  static constexpr bool kTransposed = true;
};
[[maybe_unused]] const bool registered = [] {
  add_all<Weighted>("weighted rows f16 n328 k1408");
  add_all<Accumulate>("accumulate bias-f32 n136 k96");
  add_all<FloatOut, ReluSquared>("f32-out bias-bf16 relu2 n1024 k2880");
  add_all<TransposedSingle>("transposed n72 k40");
  add_all<TransposedDeep>("transposed n456 k1000");
  return true;
}();
#else
struct TransposedHalves : Gathered {
  using Bias = float;
  static constexpr int kN = 200, kK = 840;
  static constexpr WeightForm kWeightForm = WeightForm::halves;
  static constexpr bool kTransposed = true;
};
struct TransposedInterleaved : Gathered {
  using Bias = bf16;
  static constexpr int kN = 424, kK = 712;
  static constexpr WeightForm kWeightForm = WeightForm::interleaved;
  static constexpr bool kTransposed = true;
  static constexpr bool kUpFirst = true;
};
struct TransposedInterleavedFloat : GroupedMatmulProblem {
  using Output = float;
  static constexpr int kN = 104, kK = 328;
  static constexpr WeightForm kWeightForm = WeightForm::interleaved;
  static constexpr bool kTransposed = true;
};
struct TransposedInterleavedTwo : Gathered {
  using Element = f16;
  using Output = f16;
  static constexpr int kN = 40, kK = 136;
  static constexpr WeightForm kWeightForm = WeightForm::interleaved;
  static constexpr bool kTransposed = true;
  static constexpr bool kTwoOutputs = true;
};
struct TransposedSeparate : GroupedMatmulProblem {
  static constexpr int kN = 72, kK = 512, kTopK = 2;
  static constexpr WeightForm kWeightForm = WeightForm::separate;
  static constexpr bool kTransposed = true;
  static constexpr StoreForm kStore = StoreForm::weighted_rows;
};
[[maybe_unused]] const bool registered = [] {
  add_all<TransposedHalves, ClampedGate>("transposed halves bias-f32 n200 k840");
  add_all<TransposedInterleaved, ClampedGate>("transposed interleaved up-first bias n424 k712");
  add_all<TransposedInterleavedFloat, ClampedGate>("transposed interleaved f32-out n104 k328");
  add_all<TransposedInterleavedTwo>("transposed interleaved two-outputs f16 n40 k136");
  add_all<TransposedSeparate, SiluGate>("transposed separate weighted n72 k512");
  return true;
}();
#endif

} // namespace
} // namespace check
