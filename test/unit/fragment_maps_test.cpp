// Which accumulator holds what of a tile, and which weights it was multiplied with: the maps of the
// wgmma forms' boxes and fragments, evaluated on the host.
#include "moe/epilogue/fragment_layout.cuh"

#include <gtest/gtest.h>

#include <set>

using namespace moe;

namespace {

template <int kRows, int kWidth, bool kShared>
struct Swapped : WgmmaSchedule {
  static constexpr int kBlockM = kRows, kBlockN = kWidth, kStages = 4, kTokenStep = 16;
  static constexpr bool kSwapped = true, kCooperative = kShared;
};
/// A first product of 200 columns, so that the last tile is not full.
template <WeightForm kForm, bool kTurned, bool kFirstUp>
struct Weights : GroupedMatmulProblem {
  using Output = bf16;
  static constexpr int kN = 200, kK = 1024;
  static constexpr WeightForm kWeightForm = kForm;
  static constexpr bool kTransposed = kTurned, kUpFirst = kFirstUp;
};
template <int kRows, int kColumns>
struct Unswapped : WgmmaSchedule {
  static constexpr int kBlockM = kRows, kBlockN = kColumns, kStages = 2;
};
template <class Schedule>
struct InPairs : Schedule {
  static constexpr int kCluster = 2;
};

/// The weight row that row r of the weight tile holds.
template <class Plan>
WeightRow weightAt(int firstColumn, int r) {
  const WeightBox box = Plan::weight_box(firstColumn, r / Plan::kBoxRows);
  const int row = box.row + r % Plan::kBoxRows;
  return Plan::kAdjacentPairs ? WeightRow{0, row} : Plan::RowMap::locate(row, box.map);
}
template <class Plan>
void expectWeight(int firstColumn, int column, int part, int r) {
  if (firstColumn + column >= Plan::kN)
    return;
  const WeightRow got = weightAt<Plan>(firstColumn, r);
  const WeightRow want = Plan::RowMap::locate(firstColumn + column, part);
  EXPECT_EQ(got.matrix, want.matrix) << "column " << firstColumn + column << ", part " << part;
  EXPECT_EQ(got.row, want.row) << "column " << firstColumn + column << ", part " << part;
}

/// Weight rows as wgmma's M: each column's accumulators, and for adjacent pairs those of the thread
/// that it shares its pairs with, belong to the rows of its gate and its up.
template <class Plan>
void expectColumnFragments(int firstColumn) {
  using Fragments = ColumnFragments<Plan>;
  std::set<int> columns;
  for (int consumer = 0; consumer < Plan::kStripStride; ++consumer)
    for (int thread = 0; thread < 128; thread += 4)
      for (int s = 0; s < Plan::kPartStrips; ++s)
        for (int half = 0; half < 2; ++half) {
          const int column =
              64 * (Plan::kStripStride * s + consumer) + Fragments::column(u32(thread), half);
          EXPECT_TRUE(columns.insert(column).second) << "column " << column;
          for (int part = 0; part < (Plan::kGated ? 2 : 1); ++part) {
            int holder = thread;
            bool second = part == 1;
            if (Plan::kAdjacentPairs) {
              const bool odd = thread & 4, secondRow = (part == 1) != Plan::kUpFirst;
              holder = odd == secondRow ? thread : thread ^ 4;
              second = odd;
            }
            const auto place = Fragments::place(s, half, 0, 0, second);
            for (int j = 0; j < Plan::kMmaN / 8; ++j)
              for (int c = 0; c < 2; ++c) { // token 8 j + 2 (lane % 4) + c
                const auto other = Fragments::place(s, half, j, c, second);
                EXPECT_EQ(other.strip, place.strip);
                EXPECT_EQ(other.index, place.index + 4 * j + c);
              }
            const int row = 16 * (holder / 32) + holder % 32 / 4 + place.index % 4 / 2 * 8;
            expectWeight<Plan>(firstColumn, column, part,
                               64 * (Plan::kStripStride * place.strip + consumer) + row);
          }
        }
  EXPECT_EQ(int(columns.size()), Plan::kTileColumns);
}

/// Weight rows as wgmma's N.
template <class Plan>
void expectRowFragments(int firstColumn) {
  using Fragments = RowFragments<Plan>;
  std::set<int> columns;
  for (int thread = 0; thread < 4; ++thread)
    for (int g = 0; g < Fragments::kGroups; ++g)
      for (int c = 0; c < 2; ++c) {
        const int column = Fragments::column(u32(thread), g, c);
        EXPECT_TRUE(columns.insert(column).second) << "column " << column;
        for (int part = 0; part < (Plan::kGated ? 2 : 1); ++part) {
          const int index = Fragments::index(g, 0, c, part);
          EXPECT_EQ(Fragments::index(g, 1, c, part), index + 2) << "eight rows below";
          expectWeight<Plan>(firstColumn, column, part, index / 4 * 8 + 2 * thread + index % 4);
        }
      }
  EXPECT_EQ(int(columns.size()), Plan::kTileColumns);
}

template <class Schedule, WeightForm kForm, bool kTransposed>
void expectFragments() {
  using GateFirst = GroupedMatmulWgmmaPlan<Weights<kForm, kTransposed, false>, Schedule>;
  using UpFirst = GroupedMatmulWgmmaPlan<Weights<kForm, kTransposed, true>, Schedule>;
  for (int tile = 0; tile < GateFirst::kColumnTiles; ++tile) {
    const int column = tile * GateFirst::kTileColumns;
    if constexpr (Schedule::kSwapped) {
      expectColumnFragments<GateFirst>(column);
      expectColumnFragments<UpFirst>(column);
    } else {
      expectRowFragments<GateFirst>(column);
      expectRowFragments<UpFirst>(column);
    }
  }
}
template <class Schedule>
void expectFragmentsOfAllForms() {
  expectFragments<Schedule, WeightForm::single, false>();
  expectFragments<Schedule, WeightForm::single, true>();
  expectFragments<Schedule, WeightForm::halves, false>();
  expectFragments<Schedule, WeightForm::halves, true>();
  expectFragments<Schedule, WeightForm::interleaved, false>();
  expectFragments<Schedule, WeightForm::interleaved, true>();
  expectFragments<Schedule, WeightForm::separate, false>();
  expectFragments<Schedule, WeightForm::separate, true>();
}

TEST(Fragments, AccumulatorsBelongToTheWeightsOfTheirColumns) {
  expectFragmentsOfAllForms<Swapped<192, 256, true>>();
  expectFragmentsOfAllForms<InPairs<Swapped<192, 256, true>>>();
  expectFragmentsOfAllForms<Swapped<96, 256, false>>();
  expectFragmentsOfAllForms<Swapped<96, 128, false>>();
  expectFragmentsOfAllForms<Unswapped<64, 128>>();
  expectFragmentsOfAllForms<InPairs<Unswapped<64, 256>>>();
  expectFragments<Unswapped<128, 192>, WeightForm::halves, false>();
  expectFragments<Unswapped<128, 192>, WeightForm::single, true>();
  constexpr int kStraightened[] = {0, 2, 4, 6, 1, 3, 5, 7}; // the halves that `straighten` takes
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(adjacent_column(kStraightened[i]), i);
}

} // namespace
