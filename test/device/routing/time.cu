// Times every routing kernel at the shapes of real models: medians of CUDA-graph replays of a chain
// of launches, microseconds a launch, its gap to the next included.
#include <algorithm>
#include <functional>

#include "harness.h"

namespace check {

/// Microseconds of one `launch(stream)`, from a graph of `chain` of them.
static double time_us(const std::function<void(cudaStream_t)> &launch, int chain) {
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreate(&stream));
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < chain; ++i)
    launch(stream);
  cudaGraph_t graph;
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t runnable;
  CUDA_OK(cudaGraphInstantiate(&runnable, graph, 0));
  cudaEvent_t begin, end;
  CUDA_OK(cudaEventCreate(&begin));
  CUDA_OK(cudaEventCreate(&end));
  std::vector<float> times;
  for (int i = 0; i < 9; ++i) {
    CUDA_OK(cudaEventRecord(begin, stream));
    CUDA_OK(cudaGraphLaunch(runnable, stream));
    CUDA_OK(cudaEventRecord(end, stream));
    CUDA_OK(cudaEventSynchronize(end));
    float ms;
    CUDA_OK(cudaEventElapsedTime(&ms, begin, end));
    if (i >= 2)
      times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  cudaGraphExecDestroy(runnable);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  return 1000.0 * times[times.size() / 2] / chain;
}

static __global__ void fill_random(uint16_t *data, size_t count) {
  for (size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x; i < count;
       i += size_t(gridDim.x) * blockDim.x) {
    const uint32_t hash = uint32_t(i * 2654435761u) ^ uint32_t(i >> 7) * 40503u;
    data[i] = uint16_t(0x3c00 | (hash >> 5 & 0x83ff)); // bf16 around +-0.01
  }
}

/// One model's buffers for up to `tokens` tokens, with a real routing in place.
template <int kExperts, int kTopK, int kHidden, int kInner> struct Model {
  static constexpr int kMultiple = 128;
  using T = moe::bf16;
  int tokens, routes, padded_rows;
  Buffer<float> logits, weights;
  Buffer<int> experts, offsets, sorted, positions, padded_offsets, block_counts;
  Buffer<int> map_a, map_b;
  Buffer<T> x, rows, wide, y;
  moe::TileMapPointers maps;

  explicit Model(int tokens)
      : tokens(tokens), routes(tokens * kTopK),
        padded_rows(moe::padded_rows_bound(routes, kExperts, kMultiple)),
        logits(size_t(tokens) * kExperts), weights(routes), experts(routes), offsets(kExperts + 1),
        sorted(routes), positions(routes), padded_offsets(kExperts + 1), block_counts(1024 * kExperts),
        map_a(4 * size_t(moe::tile_map_bound(routes, kExperts, 16))),
        map_b(4 * size_t(moe::tile_map_bound(routes, kExperts, 128))), x(size_t(tokens) * kHidden),
        rows(size_t(routes) * kHidden),
        wide(std::max(size_t(padded_rows) * kHidden, size_t(routes) * 2 * kInner)),
        y(std::max(size_t(tokens) * kHidden, size_t(routes) * kInner)),
        maps{{reinterpret_cast<int4 *>(map_a.get()), reinterpret_cast<int4 *>(map_b.get())}} {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> values(logits.size());
    for (float &value : values)
      value = normal(random);
    CUDA_OK(cudaMemcpy(logits.get(), values.data(), values.size() * 4, cudaMemcpyHostToDevice));
    for (Buffer<T> *buffer : {&x, &rows, &wide})
      fill_random<<<1024, 256>>>(reinterpret_cast<uint16_t *>(buffer->get()), buffer->size());
  }

  template <class Route> void route(cudaStream_t stream) {
    const int grid = (tokens + Route::kTokensPerBlock - 1) / Route::kTokensPerBlock;
    route_kernel<Route><<<grid, Route::kThreads, 0, stream>>>(logits.get(), weights.get(),
                                                              experts.get(), tokens);
  }
  template <class Sort> void sort_single(cudaStream_t stream) {
    sort_kernel<Sort><<<1, Sort::kThreads, Sort::kSharedBytes, stream>>>(
        experts.get(), nullptr, offsets.get(), sorted.get(), positions.get(), maps, routes);
  }
  template <class Sort> void count(cudaStream_t stream, int blocks) {
    count_kernel<Sort><<<blocks, Sort::kThreads, 4 * kExperts, stream>>>(
        experts.get(), block_counts.get(), routes);
  }
  template <class Sort> void sort_multi(cudaStream_t stream, int blocks) {
    sort_kernel<Sort><<<blocks, Sort::kThreads, Sort::kSharedBytes, stream>>>(
        experts.get(), block_counts.get(), offsets.get(), sorted.get(), positions.get(), maps, routes);
  }
  template <class Fused> void route_sort(cudaStream_t stream) {
    route_sort_kernel<Fused><<<1, Fused::Route::kThreads, Fused::kSharedBytes, stream>>>(
        logits.get(), weights.get(), experts.get(), offsets.get(), sorted.get(), positions.get(), maps,
        tokens);
  }
  moe::u32 *token_sets() const { return reinterpret_cast<moe::u32 *>(block_counts.get()); }
  template <class Route, class Sort> void sets(cudaStream_t stream) {
    route_sets_kernel<Route><<<(tokens + 31) / 32 * (32 / Route::kTokensPerBlock), Route::kThreads, 4 * kExperts,
                               stream>>>(
        logits.get(), weights.get(), experts.get(), token_sets(), tokens);
    if constexpr (!moe::is_same<Sort, void>)
      sort_sets_kernel<Sort, kTopK>
          <<<tokens / 32 + 1, Sort::kThreads, moe::sort_sets_shared_bytes(kExperts, Sort::kMaps),
             stream>>>(experts.get(), token_sets(), offsets.get(), sorted.get(),
                       positions.get(), maps, tokens);
  }
  template <class Combine> void combine(cudaStream_t stream) {
    using Walk = typename Combine::Walk;
    combine_kernel<Combine>
        <<<unsigned(moe::row_walk_grid(tokens, Walk::kVectors, Walk::kTile)), Combine::kThreads, 0,
           stream>>>(rows.get(), positions.get(), weights.get(), y.get(), tokens);
  }
  template <int kThreads, int kPerThread, class SourceT>
  void copy(cudaStream_t stream, const T *from, T *to, SourceT source, int count) {
    using Copy = moe::CopyConfig<T, kHidden, kThreads, kPerThread>;
    using Walk = typename Copy::Walk;
    copy_kernel<Copy>
        <<<unsigned(moe::row_walk_grid(count, Walk::kVectors, Walk::kTile)), kThreads, 0, stream>>>(
            from, to, source, count);
  }
};

template <int kExperts, int kTopK, int kHidden, int kInner>
static void time_model(const char *name, const std::string &only) {
  if (!only.empty() && only != name)
    return;
  using M = Model<kExperts, kTopK, kHidden, kInner>;
  using moe::SoftmaxOver;
  using RouteA = moe::RouteConfig<kExperts, kTopK, SoftmaxOver::kSelected, 256>;
  using RouteB = moe::RouteConfig<kExperts, kTopK, SoftmaxOver::kAll, 128>;
  using Single256 = moe::SortConfig<kExperts, 256, false, false, moe::TileShape{16}, moe::TileShape{128}>;
  using Single512 = moe::SortConfig<kExperts, 512, false, false, moe::TileShape{16}, moe::TileShape{128}>;
  using Single1024 = moe::SortConfig<kExperts, 1024, false, false, moe::TileShape{16}, moe::TileShape{128}>;
  using Multi256 = moe::SortConfig<kExperts, 256, true, false, moe::TileShape{16}, moe::TileShape{128}>;
  using Multi512 = moe::SortConfig<kExperts, 512, true, false, moe::TileShape{16}, moe::TileShape{128}>;
  using RouteSets = moe::RouteConfig<kExperts, kTopK, SoftmaxOver::kSelected,
                                     route_sets_threads(kExperts, kTopK)>;
  using Fused512 = moe::RouteSortConfig<moe::RouteConfig<kExperts, kTopK, SoftmaxOver::kSelected, 512>,
                                        Single512, 64>;
  using Fused1024 = moe::RouteSortConfig<
      moe::RouteConfig<kExperts, kTopK, SoftmaxOver::kSelected, 1024>, Single1024, 64>;
  allow_shared(sort_kernel<Single1024>, Single1024::kSharedBytes);
  allow_shared(route_sort_kernel<Fused1024>, Fused1024::kSharedBytes);

  std::printf("\n%s E=%d k=%d H=%d I=%d, us\n", name, kExperts, kTopK, kHidden, kInner);
  for (const int tokens : {1, 16, 64, 256, 1024, 4096, 16384}) {
    M model(tokens);
    const int routes = model.routes;
    const int chain = routes > 30000 ? 5 : 20;
    const auto time = [&](auto launch) {
      return time_us([&](cudaStream_t stream) { launch(stream); }, chain);
    };
    std::printf("T=%-5d route %.2f (all,128 %.2f)", tokens,
                time([&](auto s) { model.template route<RouteA>(s); }),
                time([&](auto s) { model.template route<RouteB>(s); }));
    if (routes <= 32768)
      std::printf(" | sort1 256/512/1024: %.2f %.2f %.2f",
                  time([&](auto s) { model.template sort_single<Single256>(s); }),
                  time([&](auto s) { model.template sort_single<Single512>(s); }),
                  time([&](auto s) { model.template sort_single<Single1024>(s); }));
    if (tokens <= 64)
      std::printf(" | route_sort 512/1024: %.2f %.2f",
                  time([&](auto s) { model.template route_sort<Fused512>(s); }),
                  time([&](auto s) { model.template route_sort<Fused1024>(s); }));
    if (routes >= 1024) {
      for (const int least : {512, 1024, 2048}) {
        const int blocks = sort_blocks(routes, least, 128);
        std::printf(" | multi %dx256/512: %.2f %.2f", blocks, time([&](auto s) {
                      model.template count<Multi256>(s, blocks);
                      model.template sort_multi<Multi256>(s, blocks);
                    }),
                    time([&](auto s) {
                      model.template count<Multi512>(s, blocks);
                      model.template sort_multi<Multi512>(s, blocks);
                    }));
      }
      const int blocks = sort_blocks(routes, 1024, 128);
      std::printf(" (count alone %.2f)",
                  time([&](auto s) { model.template count<Multi512>(s, blocks); }));
    }
    std::printf(" | route_sets %.2f, with sort_sets 256/512: %.2f %.2f",
                time([&](auto s) { model.template sets<RouteSets, void>(s); }),
                time([&](auto s) { model.template sets<RouteSets, Single256>(s); }),
                time([&](auto s) { model.template sets<RouteSets, Single512>(s); }));
    // Leaves a valid sort behind for what follows.
    model.template route<RouteA>(nullptr);
    model.template sort_single<Single256>(nullptr);
    pad_offsets_kernel<kExperts, M::kMultiple>
        <<<1, 256, 4 * (kExperts + 33)>>>(model.offsets.get(), model.padded_offsets.get());
    CUDA_OK(cudaDeviceSynchronize());

    const double combine_bytes = double(routes + tokens) * kHidden * 2 + 8.0 * routes;
    std::printf("\n        combine");
    const auto combine = [&](const char *label, auto config) {
      const double us = time([&](auto s) { model.template combine<decltype(config)>(s); });
      std::printf("  %s %.2f (%.2f TB/s)", label, us, combine_bytes / us / 1e6);
    };
    using T = moe::bf16;
    combine("64x1", moe::CombineConfig<T, kHidden, kTopK, true, 64, 1>());
    combine("128x1", moe::CombineConfig<T, kHidden, kTopK, true, 128, 1>());
    combine("256x1", moe::CombineConfig<T, kHidden, kTopK, true, 256, 1>());
    combine("512x1", moe::CombineConfig<T, kHidden, kTopK, true, 512, 1>());
    combine("128x2", moe::CombineConfig<T, kHidden, kTopK, true, 128, 2>());
    combine("128x4", moe::CombineConfig<T, kHidden, kTopK, true, 128, 4, false, 0, (kTopK < 8 ? kTopK : 8), 4>());
    combine("128x1 of 4",
            moe::CombineConfig<T, kHidden, kTopK, true, 128, 1, false, 0, (kTopK < 4 ? kTopK : 4), 12>());
    combine("128x1 10 blocks", moe::CombineConfig<T, kHidden, kTopK, true, 128, 1, false, 0, (kTopK < 8 ? kTopK : 8), 10>());

    std::printf("\n        ");
    const auto line = [&](const char *label, double bytes, auto launch) {
      const double us = time(launch);
      std::printf("%s %.2f (%.2f TB/s)  ", label, us, bytes / us / 1e6);
    };
    const double row_bytes = 2.0 * kHidden;
    const moe::GatherSource<kTopK> gather{model.sorted.get(), tokens};
    line("gather 256x4", row_bytes * (routes + tokens), [&](auto s) {
      model.template copy<256, 4>(s, model.x.get(), model.rows.get(), gather, routes);
    });
    line("256x2", row_bytes * (routes + tokens), [&](auto s) {
      model.template copy<256, 2>(s, model.x.get(), model.rows.get(), gather, routes);
    });
    line("128x1", row_bytes * (routes + tokens), [&](auto s) {
      model.template copy<128, 1>(s, model.x.get(), model.rows.get(), gather, routes);
    });
    const int *offsets = model.offsets.get(), *padded = model.padded_offsets.get();
    line("| pad 256x4", row_bytes * (routes + model.padded_rows), [&](auto s) {
      model.template copy<256, 4>(s, model.rows.get(), model.wide.get(),
                                  moe::PadSource<kExperts>{offsets, padded}, model.padded_rows);
    });
    line("unpad", row_bytes * 2 * routes, [&](auto s) {
      model.template copy<256, 4>(s, model.wide.get(), model.rows.get(),
                                  moe::UnpadSource<kExperts>{offsets, padded}, routes);
    });
    const auto activate = [&](const char *label, auto config) {
      using Activation = decltype(config);
      using Walk = typename Activation::Walk;
      const auto grid = unsigned(moe::row_walk_grid(routes, Walk::kVectors, Walk::kTile));
      line(label, 6.0 * routes * kInner, [&](auto s) {
        activation_kernel<Activation, SiluGate><<<grid, Activation::kThreads, 0, s>>>(
            model.wide.get(), nullptr, model.y.get(), routes);
      });
    };
    using moe::GateLayout;
    activate("| act halves 256x2", moe::ActivationConfig<T, kInner, GateLayout::kHalves, true, 256, 2>());
    activate("256x1", moe::ActivationConfig<T, kInner, GateLayout::kHalves, true, 256, 1>());
    activate("interleaved 256x2",
             moe::ActivationConfig<T, kInner, GateLayout::kInterleaved, true, 256, 2>());
    line("| pad_offsets", 0, [&](auto s) {
      pad_offsets_kernel<kExperts, M::kMultiple>
          <<<1, 256, 4 * (kExperts + 33), s>>>(model.offsets.get(), model.padded_offsets.get());
    });
    using TileMap = moe::TileMapConfig<kExperts, 256, false, moe::TileShape{16}, moe::TileShape{128}>;
    line("tile_maps", 0, [&](auto s) {
      tile_maps_kernel<TileMap>
          <<<8, 256, TileMap::kSharedBytes, s>>>(model.offsets.get(), model.maps, routes);
    });
    if (size_t(tokens) * kHidden * 4 <= model.wide.size() * 2) {
      const moe::i64 words = moe::i64(tokens) * kHidden;
      auto *accumulator = reinterpret_cast<float *>(model.wide.get());
      line("| fill", 4.0 * words, [&](auto s) {
        fill_kernel<256, 4><<<unsigned((words + 4095) / 4096), 256, 0, s>>>(
            reinterpret_cast<moe::u32 *>(accumulator), 0u, words);
      });
      line("cast", 6.0 * words, [&](auto s) {
        cast_kernel<T, kHidden><<<unsigned(moe::row_walk_grid(tokens, kHidden / 8, 256)), 256, 0, s>>>(
            accumulator, model.y.get(), tokens);
      });
    }
    std::printf("\n");
    CUDA_OK(cudaDeviceSynchronize());
    std::fflush(stdout);
  }
}

void time_all(const std::string &only) {
  time_model<8, 2, 4096, 14336>("mixtral-8x7b", only);
  time_model<128, 8, 2048, 768>("qwen3-30b-a3b", only);
  time_model<128, 8, 4096, 1536>("qwen3-235b", only);
  time_model<256, 8, 7168, 2048>("deepseek-v3", only);
  time_model<128, 4, 2880, 2880>("gpt-oss-120b", only);
  time_model<64, 8, 2048, 1024>("olmoe", only);
}

} // namespace check
