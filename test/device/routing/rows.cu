// Row movers and the stand-alone activation: gather, pad, unpad and fill bit for bit, activation and
// cast to the rounding of the output type.
#include <algorithm>

#include "harness.h"

namespace check {

template <class T> static std::vector<T> random_values(size_t count, std::mt19937 &random) {
  std::normal_distribution<float> normal;
  std::vector<T> values(count);
  for (T &value : values)
    value = from_host<T>(normal(random));
  return values;
}

/// Rows of `input` picked by `sources` (-1: zeros), as copy_rows should give them.
template <class T>
static std::vector<T> pick(const std::vector<T> &input, int columns, const std::vector<int> &sources) {
  std::vector<T> output(sources.size() * columns, from_host<T>(0.0f));
  for (size_t i = 0; i < sources.size(); ++i)
    if (sources[i] >= 0)
      std::copy_n(input.begin() + size_t(sources[i]) * columns, columns,
                  output.begin() + i * columns);
  return output;
}

template <class T, int kColumns, int kThreads, int kPerThread, class SourceT>
static void check_copy(const std::string &name, const std::vector<T> &input, SourceT source,
                       const std::vector<int> &sources) {
  using Copy = moe::CopyConfig<T, kColumns, kThreads, kPerThread>;
  using Walk = typename Copy::Walk;
  const Buffer<T> device_input(input);
  Buffer<T> output(sources.size() * kColumns);
  const auto grid = moe::row_walk_grid(sources.size(), Walk::kVectors, Walk::kTile);
  copy_kernel<Copy>
      <<<unsigned(grid), kThreads>>>(device_input.get(), output.get(), source, int(sources.size()));
  CUDA_OK(cudaGetLastError());
  expect_equal(name, output.read(name), pick(input, kColumns, sources));
}

template <class T, int kColumns, int kTopK, int kExperts, int kMultiple>
static void check_moves(int tokens, std::mt19937 &random) {
  const int routes = tokens * kTopK;
  const std::string name = "H=" + std::to_string(kColumns) + " T=" + std::to_string(tokens);

  // Group sizes that sum to at most `routes`, some empty.
  std::vector<int> offsets(kExperts + 1, 0), padded(kExperts + 1, 0);
  for (int e = 0; e < kExperts; ++e) {
    const int left = routes - offsets[e];
    const int rows = random() % 3 ? std::min<int>(left, random() % (2 * routes / kExperts + 2)) : 0;
    offsets[e + 1] = offsets[e] + rows;
    padded[e + 1] = padded[e] + (rows + kMultiple - 1) / kMultiple * kMultiple;
  }
  const int padded_rows = moe::padded_rows_bound(routes, kExperts, kMultiple);
  std::vector<int> gather_sources(routes, -1), pad_sources(padded_rows, -1), unpad_sources(routes, -1);
  std::vector<int> picked_routes(routes, -1);
  for (int i = 0; i < offsets[kExperts]; ++i) {
    picked_routes[i] = random() % 10 ? random() % routes : -1;
    gather_sources[i] = picked_routes[i] < 0 ? -1 : picked_routes[i] / kTopK;
  }
  for (int e = 0; e < kExperts; ++e)
    for (int i = offsets[e]; i < offsets[e + 1]; ++i) {
      pad_sources[padded[e] + i - offsets[e]] = i;
      unpad_sources[i] = padded[e] + i - offsets[e];
    }

  const Buffer<int> device_routes(picked_routes), device_offsets(offsets), device_padded(padded);
  check_copy<T, kColumns, 256, 4>("gather " + name, random_values<T>(size_t(tokens) * kColumns, random),
                                  moe::GatherSource<kTopK>{device_routes.get(), tokens}, gather_sources);
  const std::vector<T> rows = random_values<T>(size_t(routes) * kColumns, random);
  check_copy<T, kColumns, 128, 2>(
      "pad " + name, rows, moe::PadSource<kExperts>{device_offsets.get(), device_padded.get()},
      pad_sources);
  check_copy<T, kColumns, 64, 1>(
      "unpad " + name, random_values<T>(size_t(padded_rows) * kColumns, random),
      moe::UnpadSource<kExperts>{device_offsets.get(), device_padded.get()}, unpad_sources);
}

struct Square {
  static __host__ __device__ float apply(float x) { return x > 0.0f ? x * x : 0.0f; }
};

template <class T, int kColumns, moe::GateLayout kLayout, bool kGateFirst>
static void check_activation(int rows, std::mt19937 &random) {
  using Activation = moe::ActivationConfig<T, kColumns, kLayout, kGateFirst>;
  constexpr bool kPlain = kLayout == moe::GateLayout::kPlain;
  constexpr bool kSeparate = kLayout == moe::GateLayout::kSeparate;
  const int width = kPlain || kSeparate ? kColumns : 2 * kColumns;
  const std::vector<T> a = random_values<T>(size_t(rows) * width, random);
  const std::vector<T> b = random_values<T>(kSeparate ? a.size() : 8, random);
  std::vector<double> want, scale;
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < kColumns; ++c) {
      const T *row = &a[size_t(r) * width];
      double first = to_host(row[c]), second = 0.0;
      if (kSeparate)
        second = to_host(b[size_t(r) * width + c]);
      if (kLayout == moe::GateLayout::kHalves)
        second = to_host(row[kColumns + c]);
      if (kLayout == moe::GateLayout::kInterleaved) {
        first = to_host(row[2 * c]);
        second = to_host(row[2 * c + 1]);
      }
      const double gate = kGateFirst ? first : second, up = kGateFirst ? second : first;
      want.push_back(kPlain ? (first > 0 ? first * first : 0.0) : gate / (1.0 + std::exp(-gate)) * up);
      scale.push_back(std::fabs(want.back()) + 1e-6);
    }
  const Buffer<T> device_a(a), device_b(b);
  Buffer<T> output(want.size());
  using Walk = typename Activation::Walk;
  const auto grid = unsigned(moe::row_walk_grid(rows, Walk::kVectors, Walk::kTile));
  if constexpr (kPlain)
    activation_kernel<Activation, Square>
        <<<grid, Activation::kThreads>>>(device_a.get(), nullptr, output.get(), rows);
  else
    activation_kernel<Activation, SiluGate><<<grid, Activation::kThreads>>>(
        device_a.get(), kSeparate ? device_b.get() : nullptr, output.get(), rows);
  CUDA_OK(cudaGetLastError());
  const std::string name = "activation layout " + std::to_string(int(kLayout)) + " I=" +
                           std::to_string(kColumns) + " rows=" + std::to_string(rows);
  expect_near(name, output.read(name), want, scale, kRoundoff<T> + 3e-6);
}

template <class T, int kColumns> static void check_layouts(std::mt19937 &random) {
  using moe::GateLayout;
  for (const int rows : {1, 5, 131}) {
    check_activation<T, kColumns, GateLayout::kPlain, true>(rows, random);
    check_activation<T, kColumns, GateLayout::kSeparate, true>(rows, random);
    check_activation<T, kColumns, GateLayout::kSeparate, false>(rows, random);
    check_activation<T, kColumns, GateLayout::kHalves, true>(rows, random);
    check_activation<T, kColumns, GateLayout::kHalves, false>(rows, random);
    check_activation<T, kColumns, GateLayout::kInterleaved, true>(rows, random);
    check_activation<T, kColumns, GateLayout::kInterleaved, false>(rows, random);
  }
}

template <class T, int kColumns> static void check_accumulator(int rows, std::mt19937 &random) {
  Buffer<float> cleared(size_t(rows) * kColumns);
  const moe::i64 words = moe::i64(rows) * kColumns;
  fill_kernel<256, 4><<<unsigned((words + 4095) / 4096), 256>>>(
      reinterpret_cast<moe::u32 *>(cleared.get()), 0u, words);
  CUDA_OK(cudaGetLastError());
  const std::string name = "accumulator H=" + std::to_string(kColumns) + " T=" + std::to_string(rows);
  expect_equal(name + " fill", cleared.read(name), std::vector<float>(words, 0.0f));

  const std::vector<float> values = random_values<float>(words, random);
  std::vector<T> want(words);
  for (size_t i = 0; i < want.size(); ++i)
    want[i] = from_host<T>(values[i]);
  const Buffer<float> from(values);
  Buffer<T> to(words);
  const auto grid = moe::row_walk_grid(rows, kColumns / moe::Vector16<T>::kElements, 256);
  cast_kernel<T, kColumns><<<unsigned(grid), 256>>>(from.get(), to.get(), rows);
  CUDA_OK(cudaGetLastError());
  expect_equal(name + " cast", to.read(name), want);
}

void check_rows() {
  std::mt19937 random(3);
  for (const int tokens : {1, 3, 16, 64, 257}) {
    check_moves<moe::bf16, 8, 2, 8, 8>(tokens, random);
    check_moves<moe::f16, 2880, 4, 5, 16>(tokens, random);
    check_moves<moe::bf16, 2048, 8, 128, 8>(tokens, random);
    check_moves<float, 36, 1, 257, 1>(tokens, random);
    check_accumulator<moe::bf16, 2880>(tokens, random);
    check_accumulator<moe::f16, 24>(tokens, random);
    check_accumulator<float, 36>(tokens, random);
  }
  check_layouts<moe::bf16, 768>(random);
  check_layouts<moe::f16, 24>(random);
  check_layouts<float, 36>(random);
}

} // namespace check
