// route against a double-precision host reference: ids bit-exact, weights to 1e-5.
#include <algorithm>
#include <numeric>

#include "harness.h"

namespace check {

static const float kNan = std::nanf(""), kInf = INFINITY;

/// Logits of T tokens; the token's number picks the kind of row.
static std::vector<float> make_logits(int tokens, int experts, std::mt19937 &random) {
  std::normal_distribution<float> normal;
  std::vector<float> logits(size_t(tokens) * experts);
  for (int t = 0; t < tokens; ++t)
    for (int e = 0; e < experts; ++e) {
      float &value = logits[size_t(t) * experts + e];
      value = 2.0f * normal(random);
      const unsigned draw = random() % 100;
      switch ((t + 5) % 12) {
      case 0: value = std::round(value); break;                 // ties
      case 1: value = draw < 20 ? kNan : value; break;
      case 2: value = draw < 40 ? -kInf : value; break;
      case 3: value = draw < 95 ? kNan : std::round(value); break;
      case 4: value = 1.5f; break;                              // all equal
      case 5: value = draw < 50 ? 0.0f : -0.0f; break;          // equal zeros
      case 6: value = t % 2 ? kNan : -kInf; break;              // nothing to choose
      case 7: value = draw < 50 ? kNan : -kInf; break;
      case 8: value *= 1e30f; break;                            // scores underflow
      case 9: value *= 1e-40f; break;                           // denormals
      case 10: value = draw < 5 ? kInf : value; break;
      default: break;
      }
      if (draw == 99 && (t + 5) % 12 == 1)
        value = -kNan;
    }
  return logits;
}

struct Reference {
  std::vector<int> experts;
  std::vector<double> weights;
};

static double score(float logit, float largest) {
  if (std::isnan(logit) || logit == -kInf)
    return 0.0;
  return logit == largest ? 1.0 : std::exp(double(logit) - double(largest));
}

static Reference route_reference(const std::vector<float> &logits, int tokens, int experts,
                                 int top_k, bool over_all, bool renormalize) {
  Reference result;
  std::vector<int> order(experts);
  for (int t = 0; t < tokens; ++t) {
    const float *row = &logits[size_t(t) * experts];
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + top_k, order.end(), [&](int a, int b) {
      const bool nan_a = std::isnan(row[a]), nan_b = std::isnan(row[b]);
      if (nan_a != nan_b)
        return nan_b;
      if (!nan_a && row[a] != row[b])
        return row[a] > row[b];
      return a < b;
    });
    const float largest = row[order[0]];
    double all = 0.0, chosen = 0.0;
    for (int e = 0; e < experts; ++e)
      all += score(row[e], largest);
    for (int s = 0; s < top_k; ++s)
      chosen += score(row[order[s]], largest);
    const double denominator = over_all && !renormalize ? all : chosen;
    for (int s = 0; s < top_k; ++s) {
      result.experts.push_back(order[s]);
      result.weights.push_back(denominator > 0.0 ? score(row[order[s]], largest) / denominator : 0.0);
    }
  }
  return result;
}

template <int kExperts, int kTopK, int kThreads, int kLanes>
static void check_case(int tokens, const std::vector<float> &logits) {
  const Buffer<float> device_logits(logits);
  for (const bool over_all : {false, true}) {
    const Reference want = route_reference(logits, tokens, kExperts, kTopK, over_all, false);
    Buffer<float> weights(want.weights.size());
    Buffer<int> experts(want.experts.size());
    const auto launch = [&](auto config) {
      using Route = decltype(config);
      const int grid = (tokens + Route::kTokensPerBlock - 1) / Route::kTokensPerBlock;
      route_kernel<Route><<<grid, Route::kThreads>>>(device_logits.get(), weights.get(),
                                                     experts.get(), tokens);
    };
    if (over_all)
      launch(moe::RouteConfig<kExperts, kTopK, moe::SoftmaxOver::kAll, kThreads, kLanes>());
    else
      launch(moe::RouteConfig<kExperts, kTopK, moe::SoftmaxOver::kSelected, kThreads, kLanes>());
    CUDA_OK(cudaGetLastError());
    const std::string name = "route E=" + std::to_string(kExperts) + " k=" + std::to_string(kTopK) +
                             " T=" + std::to_string(tokens) + (over_all ? " all" : " selected");
    expect_equal(name + " experts", experts.read(name), want.experts);
    expect_near(name + " weights", weights.read(name), want.weights, want.weights, 1e-5);
  }
}

template <int kExperts, int kTopK, int kThreads = 256,
          int kLanes = moe::route_lanes(kExperts, kTopK)>
static void check_experts(std::mt19937 &random) {
  for (const int tokens : {1, 3, 16, 64, 257, 1024, 4096, 16384}) {
    if (double(tokens) * kExperts > 4.3e6)
      continue;
    check_case<kExperts, kTopK, kThreads, kLanes>(tokens, make_logits(tokens, kExperts, random));
  }
}

/// The fused form and the one by sets of tokens give what route and the single-block sort give.
template <int kExperts, int kTopK, int kThreads> static void check_fused(std::mt19937 &random) {
  enum { kSeparate, kFused, kSets };
  using RouteSets = moe::RouteConfig<kExperts, kTopK, moe::SoftmaxOver::kSelected,
                                     route_sets_threads(kExperts, kTopK)>;
  using Route = moe::RouteConfig<kExperts, kTopK, moe::SoftmaxOver::kSelected, kThreads>;
  using Sort = moe::SortConfig<kExperts, kThreads, false, false, moe::TileShape{8}, moe::TileShape{64}>;
  using Fused = moe::RouteSortConfig<Route, Sort, 64>;
  for (const int tokens : {1, 2, 3, 16, 31, 32, 33, 64, 65, 257, 1024, 2049}) {
    const int routes = tokens * kTopK;
    const std::vector<float> logits = make_logits(tokens, kExperts, random);
    const Buffer<float> device_logits(logits);
    const size_t entries8 = moe::tile_map_bound(routes, kExperts, 8);
    const size_t entries64 = moe::tile_map_bound(routes, kExperts, 64);
    std::vector<std::vector<int>> results[3];
    for (const int form : {kSeparate, kFused, kSets}) {
      if (form == kFused && tokens > Fused::kMaxTokens)
        continue;
      Buffer<float> weights(routes);
      Buffer<int> experts(routes), offsets(kExperts + 1), sorted(routes), positions(routes);
      Buffer<int> map8(4 * entries8), map64(4 * entries64);
      const moe::TileMapPointers maps = {
          {reinterpret_cast<int4 *>(map8.get()), reinterpret_cast<int4 *>(map64.get())}};
      if (form == kSets) {
        // More blocks than words, and words of garbage behind the last.
        const int words = moe::token_words(tokens);
        const Buffer<int> sets(std::vector<int>(size_t(words + 2) * kExperts, -1));
        moe::u32 *bits = reinterpret_cast<moe::u32 *>(sets.get());
        route_sets_kernel<RouteSets>
            <<<words *(32 / RouteSets::kTokensPerBlock), RouteSets::kThreads, 4 * kExperts>>>(
            device_logits.get(), weights.get(), experts.get(), bits, tokens);
        sort_sets_kernel<Sort, kTopK>
            <<<words + 1, kThreads, moe::sort_sets_shared_bytes(kExperts, Sort::kMaps)>>>(
                experts.get(), bits, offsets.get(), sorted.get(), positions.get(), maps, tokens);
        CUDA_OK(cudaDeviceSynchronize()); // the sets' last use
      } else if (form == kFused) {
        allow_shared(route_sort_kernel<Fused>, Fused::kSharedBytes);
        route_sort_kernel<Fused><<<1, kThreads, Fused::kSharedBytes>>>(
            device_logits.get(), weights.get(), experts.get(), offsets.get(), sorted.get(),
            positions.get(), maps, tokens);
      } else {
        allow_shared(sort_kernel<Sort>, Sort::kSharedBytes);
        route_kernel<Route><<<(tokens + Route::kTokensPerBlock - 1) / Route::kTokensPerBlock,
                              kThreads>>>(device_logits.get(), weights.get(), experts.get(), tokens);
        sort_kernel<Sort><<<1, kThreads, Sort::kSharedBytes>>>(experts.get(), nullptr, offsets.get(),
                                                               sorted.get(), positions.get(), maps,
                                                               routes);
      }
      CUDA_OK(cudaGetLastError());
      const std::string name = "route_sort E=" + std::to_string(kExperts);
      std::vector<int> bits(routes);
      const std::vector<float> values = weights.read(name);
      std::memcpy(bits.data(), values.data(), routes * sizeof(int));
      results[form] = {bits,
                        experts.read(name),
                        offsets.read(name),
                        sorted.read(name),
                        positions.read(name),
                        map8.read(name),
                        map64.read(name)};
    }
    for (const int form : {kFused, kSets})
      for (size_t i = 0; i < results[form].size(); ++i)
        expect_equal((form == kFused ? "route_sort E=" : "sort_sets E=") + std::to_string(kExperts) +
                         " k=" + std::to_string(kTopK) + " T=" + std::to_string(tokens) +
                         " output " + std::to_string(i),
                     results[form][i], results[kSeparate][i]);
  }
}

template <int kExperts, int kTopK>
__global__ void __launch_bounds__(64) chosen_expert_kernel(const float *logits, int *experts) {
  for (int place = 0; place < kTopK; ++place) {
    const int expert =
        moe::chosen_expert<kExperts, kTopK>(logits + size_t(blockIdx.x) * kExperts, place);
    if (threadIdx.x % 32 == 31) // any lane knows; two warps find the same
      experts[(blockIdx.x * kTopK + place) * 2 + threadIdx.x / 32] = expert;
  }
}

/// What a block that does not wait for the sort finds is what the sort of one token has.
template <int kExperts, int kTopK> static void check_chosen(std::mt19937 &random) {
  constexpr int kTokens = 240;
  const std::vector<float> logits = make_logits(kTokens, kExperts, random);
  const Buffer<float> device_logits(logits);
  std::vector<int> want =
      route_reference(logits, kTokens, kExperts, kTopK, false, false).experts;
  std::vector<int> twice;
  for (int t = 0; t < kTokens; ++t) {
    std::sort(want.begin() + t * kTopK, want.begin() + (t + 1) * kTopK);
    for (int s = 0; s < kTopK; ++s)
      twice.insert(twice.end(), 2, want[t * kTopK + s]);
  }
  Buffer<int> experts(twice.size());
  chosen_expert_kernel<kExperts, kTopK><<<kTokens, 64>>>(device_logits.get(), experts.get());
  CUDA_OK(cudaGetLastError());
  const std::string name =
      "chosen_expert E=" + std::to_string(kExperts) + " k=" + std::to_string(kTopK);
  expect_equal(name, experts.read(name), twice);
}

void check_route() {
  std::mt19937 random(1);
  check_experts<1, 1>(random);
  check_experts<5, 1>(random);
  check_experts<5, 5>(random);
  check_experts<8, 2>(random);
  check_experts<8, 8>(random);
  check_experts<32, 4>(random);
  check_experts<32, 8, 128>(random);
  check_experts<32, 32>(random);
  check_experts<64, 8>(random);
  check_experts<128, 1>(random);
  check_experts<128, 4, 128>(random);
  check_experts<128, 8>(random);
  check_experts<128, 8, 1024, 16>(random);
  check_experts<256, 8>(random);
  check_experts<256, 32, 512>(random);
  check_experts<257, 2>(random);
  check_experts<257, 8>(random);
  check_experts<1000, 8>(random);
  check_experts<1024, 32>(random);
  check_experts<1025, 4>(random);
  check_experts<2000, 32>(random);
  check_fused<8, 2, 256>(random);
  check_fused<128, 8, 1024>(random);
  check_fused<256, 8, 512>(random);
  check_fused<257, 4, 256>(random);
  check_fused<32, 32, 128>(random);
  check_chosen<1, 1>(random);
  check_chosen<5, 5>(random);
  check_chosen<8, 2>(random);
  check_chosen<32, 4>(random);
  check_chosen<64, 8>(random);
  check_chosen<128, 8>(random);
  check_chosen<256, 8>(random);
  check_chosen<257, 2>(random);
  check_chosen<1024, 32>(random);
}

} // namespace check
