// Times candidate schedules of the two grouped products of a MoE block over model shapes.
// Compiled once per PART (a model). Weights exceed L2, every launch of a graph has its own routing,
// inputs are random; each measurement also verifies a sample of its results.
#include "grouped_matmul_harness.cuh"

namespace check {
#if PART == 0
std::FILE *time_log = nullptr;
#else
extern std::FILE *time_log;
#endif

namespace {

/// One buffer of random weights for every model, larger than any of their matrices.
bf16 *shared_buffer(i64 count, int which) {
  static bf16 *data[3] = {};
  static i64 size[3] = {};
  if (size[which] < count) {
    CHECK_CUDA(cudaFree(data[which]));
    CHECK_CUDA(cudaMalloc(&data[which], count * sizeof(bf16)));
    size[which] = count;
    fill_random<<<2048, 256>>>(data[which], count, which ? 1.0f : 0.03f, which);
  }
  return data[which];
}

Routing uniform_routing(int tokens, int experts, int top_k, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::vector<int>> groups(experts);
  std::vector<int> ids(experts);
  for (int e = 0; e < experts; ++e)
    ids[e] = e;
  for (int t = 0; t < tokens; ++t)
    for (int s = 0; s < top_k; ++s) {
      std::swap(ids[s], ids[s + random() % (experts - s)]);
      groups[ids[s]].push_back(t * top_k + s);
    }
  Routing r;
  r.offsets.push_back(0);
  for (int e = 0; e < experts; ++e) {
    r.routes.insert(r.routes.end(), groups[e].begin(), groups[e].end());
    r.expert_of.insert(r.expert_of.end(), groups[e].size(), e);
    r.offsets.push_back(int(r.routes.size()));
  }
  return r;
}

/// Several routings of one token count on the device, with tile maps for every height.
struct Scenario {
  static constexpr int kHeights[] = {16, 32, 64, 96, 128, 192, 256};
  struct Copy {
    Routing host;
    Buffer<int> routes, expert_of;
    std::vector<std::unique_ptr<Buffer<int4>>> tiles;
    explicit Copy(Routing r) : host(std::move(r)), routes(host.routes), expert_of(host.expert_of) {
      for (int h : kHeights)
        tiles.push_back(std::make_unique<Buffer<int4>>(host.tiles(h)));
    }
    const Buffer<int4> &map(int height) const {
      int i = 0;
      while (kHeights[i] != height)
        ++i;
      return *tiles[i];
    }
  };
  std::vector<std::unique_ptr<Copy>> copies;
  Scenario(int tokens, int experts, int top_k) {
    const int count = tokens <= 256 ? 12 : tokens <= 1024 ? 4 : 2;
    for (int i = 0; i < count; ++i)
      copies.push_back(std::make_unique<Copy>(uniform_routing(tokens, experts, top_k, 100 + i)));
  }
};

struct Result {
  std::string schedule;
  float us;
  bool good;
};

struct Model {
  const char *name;
  int experts, top_k;
};

float median_graph_us(const std::function<void(cudaStream_t)> &body, int launches) {
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  cudaEvent_t from, to;
  CHECK_CUDA(cudaStreamCreate(&stream));
  CHECK_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  body(stream);
  CHECK_CUDA(cudaStreamEndCapture(stream, &graph));
  CHECK_CUDA(cudaGraphInstantiate(&exec, graph, 0));
  CHECK_CUDA(cudaEventCreate(&from));
  CHECK_CUDA(cudaEventCreate(&to));
  std::vector<float> times;
  float spent = 0;
  for (int i = 0; i < 8 && (i < 3 || spent < 25.0f); ++i) {
    CHECK_CUDA(cudaEventRecord(from, stream));
    CHECK_CUDA(cudaGraphLaunch(exec, stream));
    CHECK_CUDA(cudaEventRecord(to, stream));
    CHECK_CUDA(cudaEventSynchronize(to));
    float ms;
    CHECK_CUDA(cudaEventElapsedTime(&ms, from, to));
    spent += ms;
    if (i) // the first replay warms up
      times.push_back(ms * 1e3f / launches);
  }
  CHECK_CUDA(cudaGraphExecDestroy(exec));
  CHECK_CUDA(cudaGraphDestroy(graph));
  CHECK_CUDA(cudaStreamDestroy(stream));
  CHECK_CUDA(cudaEventDestroy(from));
  CHECK_CUDA(cudaEventDestroy(to));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

template <class Problem, class Epilogue, class Schedule>
void measure(const Scenario &scenario, GroupedMatmulArgs<Problem> args, float mean_rows,
             std::vector<Result> &results) {
  // Tiles far above the mean group only multiply zeros, far below only reread weights.
  if (!kIsWgmma<Schedule> && Schedule::kBlockM > 16 && mean_rows * 4 < Schedule::kBlockM)
    return;
  if (Schedule::kBlockM * 4 < mean_rows)
    return;
  auto with = [&](const Scenario::Copy &c) {
    args.routes = c.routes.data;
    args.tiles = c.map(Schedule::kBlockM).data;
    return args;
  };
  const int launches = int(scenario.copies.size());
  const float us = median_graph_us(
      [&](cudaStream_t stream) {
        for (auto &c : scenario.copies)
          launch<Problem, Schedule, Epilogue>(with(*c), int(c->host.offsets.size()) - 1,
                                              c->map(Schedule::kBlockM).count, stream);
      },
      launches);
  // The last launch's results are still in place.
  const Scenario::Copy &last = *scenario.copies.back();
  Buffer<Verdict> verdict(1);
  verdict.zero();
  verify<Problem, Epilogue>
      <<<32, 64>>>(with(last), last.expert_of.data, last.host.rows(), 2048, nullptr, verdict.data);
  Verdict v;
  CHECK_CUDA(cudaMemcpy(&v, verdict.data, sizeof v, cudaMemcpyDeviceToHost));
  results.push_back({Schedule::name(), us, v.bad == 0});
}

template <class Problem, class Epilogue, class... Schedules>
bool time_shape(const char *product, const Model &model, int tokens) {
  using Map = WeightRowMap<Problem::kWeightForm, Problem::kUpFirst, Problem::kN>;
  const Scenario scenario(tokens, model.experts, model.top_k);
  const i64 rows = i64(tokens) * model.top_k;
  Buffer<float> routing_weights(rows);
  fill_random<<<64, 256>>>(routing_weights.data, rows, 1.0f, 9);
  GroupedMatmulArgs<Problem> args = {
      .rows = shared_buffer(rows * Problem::kK, 1),
      .weights = shared_buffer(i64(model.experts) * Map::kMatrixRows * Problem::kK, 0),
      .routing_weights = routing_weights.data,
      .out = shared_buffer(rows * Problem::kN, 2)};
  CHECK_CUDA(cudaMemset(args.out, 0xff, rows * Problem::kN * sizeof(bf16)));
  std::vector<Result> results;
  (measure<Problem, Epilogue, Schedules>(scenario, args, float(rows) / model.experts, results),
   ...);
  std::sort(results.begin(), results.end(), [](auto &a, auto &b) { return a.us < b.us; });

  double touched = 0;
  for (auto &c : scenario.copies)
    touched += c->host.experts_touched();
  touched /= double(scenario.copies.size());
  const double flops = 2.0 * rows * Map::kMatrixRows * Problem::kK;
  const double bytes = touched * Map::kMatrixRows * Problem::kK * 2;
  bool good = !results.empty();
  std::string line;
  char text[160];
  for (size_t i = 0; i < results.size(); ++i) {
    const Result &r = results[i];
    good &= r.good;
    std::snprintf(text, sizeof text, " | %s%s %.1f", r.good ? "" : "!", r.schedule.c_str(), r.us);
    if (time_log)
      std::fprintf(time_log, "%s %s T%d %s %.2f us %.1f TFLOP/s %.2f TB/s%s\n", model.name, product,
                   tokens, r.schedule.c_str(), r.us, flops / r.us * 1e-6, bytes / r.us * 1e-6,
                   r.good ? "" : " WRONG");
    if (i < 4 || !r.good)
      line += text;
  }
  const float best = results.empty() ? 0.0f : results[0].us;
  std::printf("%s %s T%d: %.1f us %.0f TF %.2f TB/s%s\n", model.name, product, tokens, best,
              flops / best * 1e-6, bytes / best * 1e-6, line.c_str());
  return good;
}

template <int kHidden, int kInner, int kTopKValue>
struct GateUp : GroupedMatmulProblem {
  static constexpr int kN = kInner, kK = kHidden, kTopK = kTopKValue;
  static constexpr RowSource kRowSource = RowSource::gathered;
  static constexpr WeightForm kWeightForm = WeightForm::halves;
};
template <int kHidden, int kInner, int kTopKValue>
struct Down : GroupedMatmulProblem {
  static constexpr int kN = kHidden, kK = kInner, kTopK = kTopKValue;
  static constexpr StoreForm kStore = StoreForm::weighted_rows;
};

template <class Problem, class Epilogue>
void add(const char *product, Model model) {
  for (int tokens : {1, 16, 64, 256, 1024, 4096, 16384})
    time_entries().push_back(
        {std::string(model.name) + " " + product + " T" + std::to_string(tokens) + " ", [=] {
           return time_shape<
               Problem, Epilogue,
               // streaming
               Tile<16, 32, 128, 4, 1, 2, 4, 1, true>, Tile<16, 64, 64, 6, 1, 4, 3, 1, true>,
               Tile<16, 64, 128, 4, 1, 4, 2, 1, true>, Tile<16, 64, 128, 3, 1, 4, 3, 1, true>,
               Tile<16, 128, 64, 4, 1, 4, 3, 1, true>, Tile<16, 128, 128, 4, 1, 8, 1, 1, true>,
               Tile<32, 64, 128, 4, 1, 4, 2, 1, true>, Tile<32, 128, 64, 4, 1, 4, 2, 1, true>,
               // between
               Tile<64, 64, 64, 4, 2, 2, 3, 2, true>, Tile<64, 128, 64, 4, 2, 2, 2, 2, true>,
               Tile<64, 128, 64, 3, 1, 4, 2, 4>, Tile<64, 256, 64, 4, 1, 4, 1, 4>,
               // products
               Tile<128, 128, 64, 3, 2, 2, 2, 8>, Tile<128, 128, 64, 3, 2, 2, 2, 16>,
               Tile<128, 128, 32, 5, 2, 2, 2, 8>, Tile<128, 64, 64, 3, 2, 2, 3, 8>,
               Tile<128, 256, 64, 4, 2, 4, 1, 8>, Tile<128, 256, 32, 5, 2, 4, 1, 8>,
               Tile<256, 128, 64, 4, 4, 2, 1, 4>,
               // Hopper
               Hopper<128, 192, 5>, Hopper<128, 192, 5, false, 32, 16>, Hopper<128, 128, 6>,
               Hopper<64, 256, 5, false, 32, 8, true>, Hopper<64, 128, 8, false, 32, 8, true>,
               Hopper<32, 128, 10, true, 16, 1, true>, Hopper<64, 128, 8, true, 32, 2, true>,
               Hopper<128, 128, 6, true, 32, 4, true>, Hopper<192, 128, 5, true, 32, 8>>(
               product, model, tokens);
         }});
}

template <int kHidden, int kInner, int kTopKValue>
void add_model(const char *name, int experts) {
  const Model model = {name, experts, kTopKValue};
  add<GateUp<kHidden, kInner, kTopKValue>, SiluGate>("gate_up", model);
  add<Down<kHidden, kInner, kTopKValue>, IdentityEpilogue>("down", model);
}

[[maybe_unused]] const bool registered = [] {
#if PART == 0
  add_model<2048, 768, 8>("qwen3-30b", 128);
#elif PART == 1
  add_model<4096, 14336, 2>("mixtral", 8);
#else
  add_model<7168, 2048, 8>("deepseek-v3", 256);
#endif
  return true;
}();

} // namespace
} // namespace check
