// Times candidate schedules of the two grouped products of a MoE block over model shapes.
// Compiled once per PART (a model). Weights exceed L2, every launch of a graph has its own routing,
// inputs are random; each measurement also verifies a sample of its results.
#include "grouped_matmul_harness.cuh"

#include <array>
#include <map>

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

/// Rows of an expert: as uniform random routing of `tokens` tokens deals them, or `equal` in each.
struct Load {
  int tokens = 0, equal = 0;
  std::string name() const {
    return equal ? "m" + std::to_string(equal) : "T" + std::to_string(tokens);
  }
};

Routing make_routing(Load load, int experts, int top_k, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::vector<int>> groups(experts);
  std::vector<int> ids(experts);
  for (int e = 0; e < experts; ++e)
    ids[e] = e;
  if (load.equal) {
    // Row i of expert e: any route order does, as long as tokens are spread.
    std::vector<int> routes(load.equal * experts);
    for (size_t i = 0; i < routes.size(); ++i)
      routes[i] = int(i);
    std::shuffle(routes.begin(), routes.end(), random);
    for (size_t i = 0; i < routes.size(); ++i)
      groups[i % experts].push_back(routes[i]);
    for (auto &g : groups)
      std::sort(g.begin(), g.end());
  }
  for (int t = 0; t < load.tokens; ++t)
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

/// Several routings of one load on the device, with the tile maps that schedules ask for.
struct Scenario {
  struct Copy {
    Routing host;
    Buffer<int> routes, expert_of;
    std::map<std::array<int, 3>, std::unique_ptr<Buffer<int4>>> maps;
    explicit Copy(Routing r) : host(std::move(r)), routes(host.routes), expert_of(host.expert_of) {}
    const Buffer<int4> &map(TileShape shape) {
      auto &map = maps[{shape.height, shape.unit, shape.band}];
      if (!map)
        map = std::make_unique<Buffer<int4>>(host.tiles(shape));
      return *map;
    }
  };
  std::vector<std::unique_ptr<Copy>> copies;
  Scenario(Load load, int experts, int top_k) {
    const i64 rows = load.equal ? i64(load.equal) * experts : i64(load.tokens) * top_k;
    const int count = rows <= 2048 ? 12 : rows <= 8192 ? 4 : 2;
    for (int i = 0; i < count; ++i)
      copies.push_back(std::make_unique<Copy>(make_routing(load, experts, top_k, 100 + i)));
  }
};

/// A schedule's launches over all copies of a scenario, as a graph, and what they took.
struct Candidate {
  std::string schedule;
  bool good;
  cudaGraphExec_t graph;
  int repeats;
  std::vector<float> us; ///< one a round
  float median() {
    std::sort(us.begin(), us.end());
    return us[us.size() / 2];
  }
};

struct Model {
  const char *name;
  int experts, top_k;
};

cudaStream_t stream() {
  static cudaStream_t s = [] {
    cudaStream_t made;
    CHECK_CUDA(cudaStreamCreate(&made));
    return made;
  }();
  return s;
}

/// Milliseconds of `repeats` replays.
float replay(cudaGraphExec_t graph, int repeats) {
  static cudaEvent_t from = nullptr, to = nullptr;
  if (!from) {
    CHECK_CUDA(cudaEventCreate(&from));
    CHECK_CUDA(cudaEventCreate(&to));
  }
  CHECK_CUDA(cudaEventRecord(from, stream()));
  for (int i = 0; i < repeats; ++i)
    CHECK_CUDA(cudaGraphLaunch(graph, stream()));
  CHECK_CUDA(cudaEventRecord(to, stream()));
  CHECK_CUDA(cudaEventSynchronize(to));
  float ms;
  CHECK_CUDA(cudaEventElapsedTime(&ms, from, to));
  return ms;
}

/// Candidates take turns on a GPU that is warm and busy throughout, so that clocks and power are
/// the same for all; a median over rounds of about 4 ms.
void time_candidates(std::vector<Candidate> &candidates, int launches) {
  float warm = 0;
  for (Candidate &c : candidates) {
    const float ms = replay(c.graph, 1);
    c.repeats = std::max(1, int(4.0f / std::max(ms, 1e-3f)));
    warm += ms;
  }
  while (warm < 200.0f)
    for (Candidate &c : candidates)
      warm += replay(c.graph, c.repeats);
  for (int round = 0; round < 5; ++round)
    for (Candidate &c : candidates) {
      replay(c.graph, 1); // the weights in L2 are another schedule's
      c.us.push_back(replay(c.graph, c.repeats) * 1e3f / float(launches * c.repeats));
    }
}

template <class Problem, class Epilogue, class Schedule>
void measure(Scenario &scenario, GroupedMatmulArgs<Problem> args, float mean_rows,
             std::vector<Candidate> &candidates) {
  // Tiles far above the mean group only multiply zeros, far below only reread weights.
  constexpr int kHeight = Schedule::kBlockM;
  if (!kIsWgmma<Schedule> && kHeight > 16 && mean_rows * 4 < kHeight)
    return;
  if (kIsWgmma<Schedule> && kHeight > 128 && mean_rows * 4 < kHeight)
    return;
  if (kHeight < 128 && kHeight * 4 < mean_rows)
    return;
  auto with = [&](Scenario::Copy &c) {
    args.routes = c.routes.data;
    args.tiles = c.map(Schedule::kTiles).data;
    return args;
  };
  for (auto &c : scenario.copies)
    c->map(Schedule::kTiles); // no allocation inside the capture
  ticket_counter();
  cudaGraph_t graph;
  cudaGraphExec_t replayed;
  CHECK_CUDA(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));
  for (auto &c : scenario.copies)
    launch<Problem, Schedule, Epilogue>(with(*c), int(c->host.offsets.size()) - 1, c->host.rows(),
                                        c->map(Schedule::kTiles).count, stream());
  CHECK_CUDA(cudaStreamEndCapture(stream(), &graph));
  CHECK_CUDA(cudaGraphInstantiate(&replayed, graph, 0));
  CHECK_CUDA(cudaGraphDestroy(graph));
  CHECK_CUDA(cudaMemset(args.out, 0xff, scenario.copies[0]->host.rows() * Problem::kN * 2));
  replay(replayed, 1);
  // The last launch's results are still in place.
  Scenario::Copy &last = *scenario.copies.back();
  Buffer<Verdict> verdict(1);
  verdict.zero();
  verify<Problem, Epilogue>
      <<<32, 64>>>(with(last), last.expert_of.data, last.host.rows(), 2048, nullptr, verdict.data);
  Verdict v;
  CHECK_CUDA(cudaMemcpy(&v, verdict.data, sizeof v, cudaMemcpyDeviceToHost));
  candidates.push_back({Schedule::name(), v.bad == 0, replayed, 1, {}});
}

template <class Problem, class Epilogue, class... Schedules>
bool time_shape(const char *product, const Model &model, Load load) {
  using Map = WeightRowMap<Problem::kWeightForm, Problem::kUpFirst, Problem::kN>;
  Scenario scenario(load, model.experts, model.top_k);
  const i64 rows = scenario.copies[0]->host.rows();
  Buffer<float> routing_weights(rows);
  fill_random<<<64, 256>>>(routing_weights.data, rows, 1.0f, 9);
  GroupedMatmulArgs<Problem> args = {
      .rows = shared_buffer(rows * Problem::kK, 1),
      .weights = shared_buffer(i64(model.experts) * Map::kMatrixRows * Problem::kK, 0),
      .routing_weights = routing_weights.data,
      .out = shared_buffer(rows * Problem::kN, 2)};
  std::vector<Candidate> results;
  (measure<Problem, Epilogue, Schedules>(scenario, args, float(rows) / model.experts, results),
   ...);
  time_candidates(results, int(scenario.copies.size()));
  std::sort(results.begin(), results.end(),
            [](auto &a, auto &b) { return a.median() < b.median(); });

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
    Candidate &r = results[i];
    const float us = r.median();
    CHECK_CUDA(cudaGraphExecDestroy(r.graph));
    good &= r.good;
    std::snprintf(text, sizeof text, " | %s%s %.1f", r.good ? "" : "!", r.schedule.c_str(), us);
    if (time_log)
      std::fprintf(time_log, "%s %s %s %s %.2f us %.1f TFLOP/s %.2f TB/s%s\n", model.name, product,
                   load.name().c_str(), r.schedule.c_str(), us, flops / us * 1e-6,
                   bytes / us * 1e-6, r.good ? "" : " WRONG");
    if (i < 4 || !r.good)
      line += text;
  }
  const float best = results.empty() ? 0.0f : results[0].median();
  std::printf("%s %s %s: %.1f us %.0f TF %.2f TB/s%s\n", model.name, product, load.name().c_str(),
              best, flops / best * 1e-6, bytes / best * 1e-6, line.c_str());
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

template <class... Schedules>
struct List {};

constexpr WeightPolicy kFirst = WeightPolicy::evict_first, kLast = WeightPolicy::evict_last;
/// Few enough that a model compiles in a minute; grouped_matmul_check's cases hold every form.
/// -DCANDIDATES=... compares others.
#ifdef CANDIDATES
using Candidates = List<CANDIDATES>;
#else
using Candidates =
    List<Tile<16, 32, 128, 4, 1, 2, 4, 1, true>, Tile<16, 64, 128, 3, 1, 4, 3, 1, true>,
         Tile<32, 64, 128, 4, 1, 4, 2, 1, true>, HP<64, 128, 8, 8, 0, kFirst>,
         HP<64, 256, 5, 8, 0, kFirst>, HP<128, 128, 6>, HP<128, 192, 5>,
         HP<128, 192, 5, 8, 0, kLast>, HC<128, 256, 4>, SP<128, 128, 6>,
         SC<192, 256, 4, 8, 16, 16, kLast>, Dynamic<SC<192, 256, 4, 8, 16, 16, kLast>>,
         Dynamic<SC<176, 256, 4, 8, 16, 16, kLast>>>;
#endif

template <class Problem, class Epilogue, class... Schedules>
void add(const char *product, Model model, List<Schedules...>) {
  std::vector<Load> loads;
  for (int tokens : {1, 16, 64, 256, 1024, 4096, 16384})
    loads.push_back({.tokens = tokens});
  for (int equal : {64, 128, 256, 512, 1024})
    loads.push_back({.equal = equal});
  for (Load load : loads)
    time_entries().push_back(
        {std::string(model.name) + " " + product + " " + load.name() + " ",
         [=] { return time_shape<Problem, Epilogue, Schedules...>(product, model, load); }});
}

template <int kHidden, int kInner, int kTopKValue>
void add_model(const char *name, int experts) {
  const Model model = {name, experts, kTopKValue};
  add<GateUp<kHidden, kInner, kTopKValue>, SiluGate>("gate_up", model, Candidates());
  add<Down<kHidden, kInner, kTopKValue>, IdentityEpilogue>("down", model, Candidates());
}

[[maybe_unused]] const bool registered = [] {
#if PART == 0
  add_model<2048, 768, 8>("qwen3-30b", 128);
#elif PART == 1
  add_model<4096, 14336, 2>("mixtral", 8);
#elif PART == 2
  add_model<7168, 2048, 8>("deepseek-v3", 256);
#elif PART == 3
  add_model<4096, 1536, 8>("qwen3-235b", 128);
#elif PART == 4
  add_model<2880, 2880, 4>("gpt-oss", 128);
#elif PART == 5
  add_model<2048, 1024, 8>("olmoe", 64);
#else
  add_model<2048, 768, 8>("neopp", 32);
#endif
  return true;
}();

} // namespace
} // namespace check
