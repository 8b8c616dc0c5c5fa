// combine against a double-precision sum; weights of slots without a row are NaN and must not show.
#include "harness.h"

namespace check {

template <class Combine> static void check_case(int tokens, std::mt19937 &random) {
  using T = typename Combine::T;
  constexpr int kHidden = Combine::kHidden, kTopK = Combine::kTopK;
  const int routes = tokens * kTopK;
  std::normal_distribution<float> normal;
  std::vector<T> rows(size_t(routes) * kHidden);
  for (T &value : rows)
    value = from_host<T>(normal(random));
  // What is discarded is read once.
  std::vector<int> positions(routes), shuffled(routes);
  std::iota(shuffled.begin(), shuffled.end(), 0);
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  std::vector<float> weights(routes);
  for (int r = 0; r < routes; ++r) {
    const bool missing = random() % 7 == 0 || (r / kTopK) % 11 == 10;
    positions[r] = missing ? -1 : Combine::kDiscardTokens > 0 ? shuffled[r] : random() % routes;
    weights[r] = missing ? std::nanf("") : float(random() % 1000) / 1000.0f;
  }
  std::vector<double> want(size_t(tokens) * kHidden), scale(want.size());
  for (int t = 0; t < tokens; ++t)
    for (int s = 0; s < kTopK; ++s) {
      const int position = positions[t * kTopK + s];
      if (position < 0)
        continue;
      const double weight = Combine::kWeighted ? weights[t * kTopK + s] : 1.0f;
      for (int c = 0; c < kHidden; ++c) {
        const double term = weight * to_host(rows[size_t(position) * kHidden + c]);
        want[size_t(t) * kHidden + c] += term;
        scale[size_t(t) * kHidden + c] += std::fabs(term);
      }
    }
  // One rounding of the sum, and f32 sums relative to the sum of magnitudes.
  for (size_t i = 0; i < scale.size(); ++i)
    scale[i] = std::fabs(want[i]) * kRoundoff<T> + scale[i] * 1e-6;

  const Buffer<T> device_rows(rows);
  const Buffer<int> device_positions(positions);
  const Buffer<float> device_weights(weights);
  Buffer<T> output(want.size());
  using Walk = typename Combine::Walk;
  const auto grid = moe::row_walk_grid(tokens, Walk::kVectors, Walk::kTile);
  combine_kernel<Combine><<<unsigned(grid), Combine::kThreads>>>(
      device_rows.get(), device_positions.get(), Combine::kWeighted ? device_weights.get() : nullptr,
      output.get(), tokens);
  CUDA_OK(cudaGetLastError());
  const std::string name = "combine H=" + std::to_string(kHidden) + " k=" + std::to_string(kTopK) +
                           " T=" + std::to_string(tokens);
  expect_near(name, output.read(name), want, scale, 1.0);
}

template <class T, int kHidden, int kTopK> static void check_shape(std::mt19937 &random) {
  for (const int tokens : {1, 3, 16, 64, 257}) {
    check_case<moe::CombineConfig<T, kHidden, kTopK, true>>(tokens, random);
    check_case<moe::CombineConfig<T, kHidden, kTopK, false, 256, 2>>(tokens, random);
    check_case<moe::CombineConfig<T, kHidden, kTopK, false, 128, 1, true>>(tokens, random);
    if constexpr (kHidden * sizeof(T) % 128 == 0) {
      check_case<moe::CombineConfig<T, kHidden, kTopK, true, 128, 1, false, 100>>(tokens, random);
      check_case<moe::CombineConfig<T, kHidden, kTopK, false, 128, 2, true, 100>>(tokens, random);
    }
  }
}

void check_combine() {
  std::mt19937 random(4);
  check_shape<moe::bf16, 8, 1>(random);
  check_shape<moe::bf16, 2048, 8>(random);
  check_shape<moe::bf16, 2880, 4>(random);
  check_shape<moe::f16, 24, 32>(random);
  check_shape<moe::f16, 4096, 2>(random);
  check_shape<float, 36, 5>(random);
  check_shape<moe::bf16, 264, 12>(random);
}

} // namespace check
