// Bounds, shares and the order of logits on which the routing kernels and the host agree.
#include "moe/kernels/bounds.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace moe;

namespace {

u32 keyOf(float value) {
  u32 bits;
  std::memcpy(&bits, &value, sizeof bits);
  return logit_key(bits);
}

TEST(LogitKey, OrdersLikeTheNumbers) {
  const float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> ascending = {-kInf, -3e38f, -1.5f, -1e-40f, 0.0f, 1e-45f, 1e-40f, 1.0f,
                                        std::nextafter(1.0f, 2.0f), 3e38f, kInf};
  for (size_t i = 1; i < ascending.size(); ++i)
    EXPECT_LT(keyOf(ascending[i - 1]), keyOf(ascending[i])) << ascending[i];
  EXPECT_EQ(keyOf(0.0f), keyOf(-0.0f));
  EXPECT_EQ(keyOf(-kInf), kNegativeInfinityKey);
}

TEST(LogitKey, NanRanksBelowEveryNumberAndAboveNoCandidate) {
  const float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(keyOf(kNan), 1u);
  EXPECT_EQ(keyOf(-kNan), 1u);
  EXPECT_LT(keyOf(kNan), keyOf(-std::numeric_limits<float>::infinity()));
}

TEST(LogitKey, GivesTheLogitBack) {
  for (float value : {-1.5f, 0.0f, 2.25f, -1e-40f, 3e38f}) {
    const u32 bits = key_logit_bits(keyOf(value));
    float back;
    std::memcpy(&back, &bits, sizeof back);
    EXPECT_EQ(back, value);
  }
}

/// The most tiles that `routes` rows in at most `experts` groups can need, by trying how many
/// groups are non-empty: one row each, the rest in one group, or spread to end every tile with one row.
int mostTiles(int routes, int experts, int height) {
  int most = 0;
  for (int groups = 1; groups <= std::min(routes, experts); ++groups) {
    const int rest = routes - groups;
    most = std::max(most, groups + rest / height);
  }
  return most;
}

TEST(TileMapBound, CoversTheWorstRouting) {
  for (int experts : {1, 2, 5, 64, 257})
    for (int routes : {1, 2, 7, 64, 500, 4096})
      for (int height : {1, 8, 16, 128}) {
        const int worst = mostTiles(routes, experts, height);
        const int bound = tile_map_bound(routes, experts, height);
        EXPECT_LE(worst, bound);
        EXPECT_LE(bound, worst + std::min(experts, routes) / height + 1);
      }
}

TEST(PaddedRowsBound, IsReachedByGroupsOfOneRow) {
  EXPECT_EQ(padded_rows_bound(5, 8, 16), 5 * 16);
  EXPECT_EQ(padded_rows_bound(100, 8, 1), 100);
  // Eight groups of 8 i + 1 rows.
  EXPECT_EQ(padded_rows_bound(8 * 9, 8, 8), 8 * 16);
}

TEST(ShareSize, CoversEveryItemOnceInWholeWarps) {
  for (int count : {0, 1, 31, 32, 33, 1000, 131072})
    for (int shares : {1, 3, 16, 128}) {
      const int size = share_size(count, shares);
      EXPECT_EQ(size % 32, 0);
      EXPECT_LT(size, (count + shares - 1) / shares + 32) << "no larger than it must be";
      int covered = 0;
      for (int i = 0; i < shares; ++i)
        covered += std::min((i + 1) * size, count) - std::min(i * size, count);
      EXPECT_EQ(covered, count);
    }
}

TEST(RouteLanes, HoldEverySlotAndFourLogitsWhereAWarpAllows) {
  EXPECT_EQ(route_lanes(1, 1), 1);
  EXPECT_EQ(route_lanes(8, 2), 2);
  EXPECT_EQ(route_lanes(8, 8), 8);
  EXPECT_EQ(route_lanes(64, 8), 16);
  EXPECT_EQ(route_lanes(128, 8), 32);
  EXPECT_EQ(route_lanes(1000, 8), 32);
  EXPECT_EQ(route_lanes(32, 32), 32);
}

TEST(SharedBytes, GrowWithWarpsAndMaps) {
  EXPECT_EQ(sort_shared_bytes(128, 1024, 0), 4 * (32 * 128 + 2 * 128 + 129 + 32));
  EXPECT_EQ(sort_shared_bytes(128, 1024, 2) - sort_shared_bytes(128, 1024, 1), 4 * (129 + 32));
  EXPECT_EQ(route_sort_shared_bytes(128, 1, 32, 8), 4 * (128 + 2 * 129 + 64 + 32 * 8));
  EXPECT_EQ(sort_sets_shared_bytes(128, 2), 4 * (3 * 128 + 3 * 129 + 96));
  EXPECT_EQ(route_sort_shared_bytes(128, 1, 33, 8) - route_sort_shared_bytes(128, 1, 32, 8),
            4 * (128 + 8));
}

} // namespace
