// The sort, tile maps, padded offsets and the inverse of routes against the host, bit for bit.
#include <algorithm>
#include <numeric>

#include "harness.h"

namespace check {

enum class Ids { kUniform, kSkewed, kOneExpert, kSomeInvalid, kAllInvalid, kFewExperts };

static const char *name_of(Ids ids) {
  const char *const names[] = {"uniform", "skewed", "one", "invalid", "none", "few"};
  return names[int(ids)];
}

static std::vector<int> make_ids(Ids kind, int routes, int experts, std::mt19937 &random) {
  const int strange[] = {-1, experts, experts + 5, INT32_MIN, INT32_MAX, -7};
  std::vector<int> ids(routes);
  const int one = random() % experts;
  for (int &id : ids) {
    const int uniform = random() % experts;
    const double fraction = double(random() % 100000) / 100000;
    switch (kind) {
    case Ids::kUniform: id = uniform; break;
    case Ids::kSkewed: id = int(experts * fraction * fraction * fraction); break;
    case Ids::kOneExpert: id = one; break;
    case Ids::kSomeInvalid: id = random() % 3 ? uniform : strange[random() % 6]; break;
    case Ids::kAllInvalid: id = strange[random() % 6]; break;
    case Ids::kFewExperts: id = experts - 1 - uniform % (experts < 3 ? experts : 3); break;
    }
  }
  return ids;
}

struct Reference {
  std::vector<int> offsets, routes, positions;
};

static Reference sort_reference(const std::vector<int> &ids, int experts) {
  Reference result;
  result.offsets.assign(experts + 1, 0);
  for (const int id : ids)
    if (id >= 0 && id < experts)
      ++result.offsets[id + 1];
  for (int e = 0; e < experts; ++e)
    result.offsets[e + 1] += result.offsets[e];
  std::vector<int> next(result.offsets.begin(), result.offsets.end() - 1);
  result.routes.assign(ids.size(), -1);
  result.positions.assign(ids.size(), -1);
  for (size_t r = 0; r < ids.size(); ++r)
    if (ids[r] >= 0 && ids[r] < experts) {
      result.positions[r] = next[ids[r]];
      result.routes[next[ids[r]]++] = int(r);
    }
  return result;
}

/// Whether groups of more than 192 rows would leave the memory idle for a twelfth of the time, and
/// those of fewer the tensor cores.
static bool is_uneven(const std::vector<int> &offsets) {
  double memory = 0, products = 0, all = 0;
  for (size_t e = 0; e + 1 < offsets.size(); ++e) {
    const int size = offsets[e + 1] - offsets[e];
    memory += size > 192 ? size - 192 : 0;
    products += size && size < 192 ? 192 - size : 0;
    all += size == 0 ? 0 : size > 192 ? size : 192;
  }
  return memory > int(all / 12) && products > int(all / 12);
}

/// All groups, the largest first.
static std::vector<int> by_size(const std::vector<int> &offsets) {
  std::vector<int> order(offsets.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return offsets[a + 1] - offsets[a] > offsets[b + 1] - offsets[b];
  });
  return order;
}

/// Which groups of a map by size come late: a front of five eighths of the machine, in the order of
/// `order`, and a back of three eighths would meet at one of them, to 20 %.
static std::vector<bool> late_groups(const std::vector<int> &offsets, const std::vector<int> &order) {
  auto front = [](int rows) { return rows ? std::max(rows + rows / 5 * 3, 192) : 0; };
  auto back = [](int rows) { return rows ? std::max(rows * 2 + rows / 3 * 2, 240) : 0; };
  unsigned before = 0, after = 0;
  for (const int e : order)
    after += back(offsets[e + 1] - offsets[e]);
  std::vector<bool> late(order.size());
  for (const int e : order) {
    const int size = offsets[e + 1] - offsets[e];
    late[e] = before / 2 > after / 3 && before / 3 < after / 2;
    before += front(size);
    after -= back(size);
  }
  return late;
}

/// `unit`: groups are cut into the fewest tiles of at most `height` rows, all but the last of one
/// height, the least multiple of `unit` with which that many tiles do. 0: all of `height` rows.
/// Bands: the fewest of at most `band` tiles of a group, all but the last equally long.
/// `both_ends`: uneven groups come by size.
static std::vector<int> map_reference(const std::vector<int> &offsets, int rows, int height,
                                      bool tail, int unit = 0, int band = 8,
                                      int cluster = 1, bool both_ends = false) {
  const int experts = int(offsets.size()) - 1;
  std::vector<int> map, order(experts);
  std::iota(order.begin(), order.end(), 0);
  std::vector<bool> late(experts);
  const bool sorted = both_ends && is_uneven(offsets);
  if (sorted) {
    order = by_size(offsets);
    late = late_groups(offsets, order);
  }
  int valid = 0;
  for (const int e : order) {
    const int size = offsets[e + 1] - offsets[e];
    int own = height;
    if (unit)
      for (own = unit; (size + own - 1) / own > (size + height - 1) / height;)
        own += unit;
    // A cluster of two has pairs of tiles, a band's twice in turn for every second column tile, and
    // what is left over as the last band's last entry.
    const int tiles = (size + own - 1) / own, whole = tiles / cluster, left = tiles % cluster;
    const int most = std::min(band, 254 / cluster); // 255 entries with the one that is left over
    const int bands = (whole + most - 1) / most, length = bands ? (whole + bands - 1) / bands : 1;
    const int entry_rows = own * cluster;
    auto emit = [&](int entry, int place, int count, int part) {
      const int row = offsets[e] + entry * entry_rows;
      map.insert(map.end(), {e, row,
                             std::min(entry_rows, offsets[e + 1] - row) + (part << 14) +
                                 (place << 16) + (count << 24),
                             late[e] ? 1 << 29 : 0});
      ++valid;
    };
    for (int first = 0; first < whole; first += length) {
      const int shared = std::min(length, whole - first);
      const bool last = first + shared == whole;
      const int count = shared * cluster + (last ? left : 0);
      for (int i = 0; i < shared * cluster; ++i)
        emit(first + i % shared, i, count, i / shared);
      if (last && left)
        emit(whole, shared * cluster, count, 2);
    }
    if (whole == 0 && left)
      emit(0, 0, 1, 2);
  }
  for (int row = offsets[experts]; tail && row < rows; row += height)
    map.insert(map.end(), {-1, row, std::min(height, rows - row) + (1 << 24), 0});
  const size_t bound = 4 * size_t(moe::tile_map_bound(rows, experts + tail, height));
  if (map.size() > bound)
    report("tile_map_bound", 1, "more tiles than the bound");
  // Unused entries: no rows, and with tail tiles expert -1 at the end.
  while (map.size() < bound)
    map.insert(map.end(), {tail ? -1 : 0, tail ? rows : 0, tail ? 1 << 24 : 0, 0});
  for (size_t i = 3; i < map.size(); i += 4)
    map[i] |= valid;
  if (sorted)
    map[3] = valid | 1 << 30;
  return map;
}

template <int kExperts> static void check_offsets(const std::string &name, const Reference &want) {
  constexpr int kMultiple = 8;
  const int rows = int(want.routes.size());
  const Buffer<int> offsets(want.offsets);

  using TileMap = moe::TileMapConfig<kExperts, 256, true, moe::TileShape{16, 0, 1},
                                     moe::TileShape{128, 32, 3, 2, true}>;
  Buffer<int> map16(4 * size_t(moe::tile_map_bound(rows, kExperts + 1, 16)));
  Buffer<int> map128(4 * size_t(moe::tile_map_bound(rows, kExperts + 1, 128)));
  tile_maps_kernel<TileMap><<<5, 256, TileMap::kSharedBytes>>>(
      offsets.get(),
      {{reinterpret_cast<int4 *>(map16.get()), reinterpret_cast<int4 *>(map128.get())}}, rows);
  CUDA_OK(cudaGetLastError());
  expect_equal(name + " tile_maps 16", map16.read(name), map_reference(want.offsets, rows, 16, true, 0, 1));
  expect_equal(name + " tile_maps 128", map128.read(name), map_reference(want.offsets, rows, 128, true, 32, 3, 2, true));

  std::vector<int> padded_want(kExperts + 1, 0);
  for (int e = 0; e < kExperts; ++e)
    padded_want[e + 1] = padded_want[e] +
                         (want.offsets[e + 1] - want.offsets[e] + kMultiple - 1) / kMultiple * kMultiple;
  if (padded_want[kExperts] > moe::padded_rows_bound(rows, kExperts, kMultiple))
    report("padded_rows_bound", 1, "more rows than the bound");
  Buffer<int> padded(kExperts + 1);
  pad_offsets_kernel<kExperts, kMultiple><<<1, 256, 4 * (kExperts + 1 + 32)>>>(offsets.get(),
                                                                             padded.get());
  CUDA_OK(cudaGetLastError());
  expect_equal(name + " pad_offsets", padded.read(name), padded_want);

  const Buffer<int> routes(want.routes);
  Buffer<int> positions(rows);
  fill_kernel<256, 4><<<(rows + 4095) / 4096, 256>>>(
      reinterpret_cast<moe::u32 *>(positions.get()), 0xffffffffu, rows);
  invert_kernel<<<(rows + 255) / 256, 256>>>(routes.get(), positions.get(), rows);
  CUDA_OK(cudaGetLastError());
  expect_equal(name + " invert", positions.read(name), want.positions);
}

template <int kExperts, int kThreads, bool kMultiBlock>
static void check_sort_case(const std::string &name, const std::vector<int> &ids,
                            const Reference &want, int grid) {
  constexpr bool kTail = kMultiBlock; // both settings are covered, one a form
  using Sort = moe::SortConfig<kExperts, kThreads, kMultiBlock, kTail, moe::TileShape{8, 0, 255},
                               moe::TileShape{64, 16, 2, 2, true}, moe::TileShape{192, 16, 5, 1, true}>;
  allow_shared(sort_kernel<Sort>, Sort::kSharedBytes);
  const int routes = int(ids.size());
  const Buffer<int> experts(ids);
  Buffer<int> block_counts(size_t(grid) * kExperts);
  Buffer<int> offsets(kExperts + 1), sorted(routes), positions(routes);
  Buffer<int> map8(4 * size_t(moe::tile_map_bound(routes, kExperts + kTail, 8)));
  Buffer<int> map64(4 * size_t(moe::tile_map_bound(routes, kExperts + kTail, 64)));
  Buffer<int> map192(4 * size_t(moe::tile_map_bound(routes, kExperts + kTail, 192)));
  Buffer<int> tickets(2), progress(moe::kProgressWords);
  const moe::TileMapPointers maps = {{reinterpret_cast<int4 *>(map8.get()),
                                      reinterpret_cast<int4 *>(map64.get()),
                                      reinterpret_cast<int4 *>(map192.get())},
                                     {reinterpret_cast<moe::u32 *>(tickets.get()), nullptr,
                                      reinterpret_cast<moe::u32 *>(tickets.get()) + 1},
                                     {nullptr, reinterpret_cast<moe::u32 *>(progress.get())}};
  if (kMultiBlock)
    count_kernel<Sort><<<grid, kThreads, 4 * kExperts>>>(experts.get(), block_counts.get(), routes);
  sort_kernel<Sort><<<grid, kThreads, Sort::kSharedBytes>>>(
      experts.get(), kMultiBlock ? block_counts.get() : nullptr, offsets.get(), sorted.get(),
      positions.get(), maps, routes);
  CUDA_OK(cudaGetLastError());
  const std::string full = name + (kMultiBlock ? " multi " : " single ") + std::to_string(kThreads) +
                           " threads " + std::to_string(grid) + " blocks";
  expect_equal(full + " offsets", offsets.read(full), want.offsets);
  expect_equal(full + " routes", sorted.read(full), want.routes);
  expect_equal(full + " positions", positions.read(full), want.positions);
  expect_equal(full + " map 8", map8.read(full), map_reference(want.offsets, routes, 8, kTail, 0, 255));
  expect_equal(full + " map 64", map64.read(full), map_reference(want.offsets, routes, 64, kTail, 16, 2, 2, true));
  expect_equal(full + " map 192", map192.read(full),
               map_reference(want.offsets, routes, 192, kTail, 16, 5, 1, true));
  expect_equal(full + " tickets", tickets.read(full), std::vector<int>{0, 0});
  std::vector<int> words = progress.read(full);
  if (is_uneven(want.offsets)) {
    int early = want.offsets[kExperts];
    const std::vector<bool> late = late_groups(want.offsets, by_size(want.offsets));
    for (int e = 0; e < kExperts; ++e)
      early -= late[e] ? want.offsets[e + 1] - want.offsets[e] : 0;
    expect_equal(full + " progress", words, std::vector<int>{0, 0, 0, early, want.offsets[kExperts]});
  } else {
    words.resize(moe::kProgressCounters);
    expect_equal(full + " progress", words, std::vector<int>{0, 0, 0});
  }
}

/// How many inputs had maps by size, and how many of these late groups.
static int uneven_inputs = 0, late_inputs = 0;

template <int kExperts> static void check_experts(int most_k, std::mt19937 &random) {
  constexpr int kThreads = kExperts > 512 ? 256 : 1024; // shared memory
  const Ids kinds[] = {Ids::kUniform,     Ids::kSkewed,     Ids::kOneExpert,
                       Ids::kSomeInvalid, Ids::kAllInvalid, Ids::kFewExperts};
  int turn = 0;
  for (const int tokens : {1, 3, 16, 64, 257, 1024, 4096, 16384})
    for (const Ids kind : kinds) {
      const int choices[] = {1, 2, 4, 8, 32};
      const int top_k = std::min(choices[turn++ % (tokens > 1024 ? 4 : 5)], most_k);
      const int routes = tokens * top_k;
      const std::vector<int> ids = make_ids(kind, routes, kExperts, random);
      const Reference want = sort_reference(ids, kExperts);
      if (is_uneven(want.offsets)) {
        const std::vector<bool> late = late_groups(want.offsets, by_size(want.offsets));
        ++uneven_inputs;
        late_inputs += std::count(late.begin(), late.end(), true) > 0;
      }
      const std::string name = "sort E=" + std::to_string(kExperts) + " T=" + std::to_string(tokens) +
                               " k=" + std::to_string(top_k) + " " + name_of(kind);
      check_sort_case<kExperts, kThreads, false>(name, ids, want, 1);
      check_sort_case<kExperts, 256, true>(name, ids, want, sort_blocks(routes, 256, 128));
      if (turn % 3 == 0) {
        check_sort_case<kExperts, 128, false>(name, ids, want, 1);
        check_sort_case<kExperts, kThreads / 2, true>(name, ids, want, 37);
      }
      check_offsets<kExperts>(name, want);
    }
}

void check_sort() {
  std::mt19937 random(2);
  check_experts<1>(1, random);
  check_experts<5>(5, random);
  check_experts<8>(8, random);
  check_experts<32>(32, random);
  check_experts<64>(32, random);
  check_experts<128>(32, random);
  check_experts<256>(32, random);
  check_experts<257>(32, random);
  check_experts<1000>(32, random);
  if (late_inputs == 0 || uneven_inputs == 0)
    report("sort by size", 1, "no input has uneven groups, or none of these late ones");
}

} // namespace check
