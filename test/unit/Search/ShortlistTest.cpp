#include "Tasks.h"

#include "compiler/Schedule/Tables.h"

#include <algorithm>
#include <array>
#include <set>

using namespace moec;
using namespace moec::search;
using kernel::MatmulForm;

namespace {

class ShortlistTest : public test::SearchTest {
protected:
  std::vector<Candidate> shortlistOf(const Task &task, size_t count) {
    return shortlist(rank(enumerate(task.setting), task), proven(task), count);
  }
  static bool holds(llvm::ArrayRef<Candidate> candidates, MatmulForm form, int64_t blockM,
                    int64_t blockN) {
    return llvm::any_of(candidates, [&](const Candidate &c) {
      return c.schedule.getForm() == form && c.schedule.getBlockM() == blockM &&
             c.schedule.getBlockN() == blockN;
    });
  }
};

static bool cheapestFirst(llvm::ArrayRef<Candidate> candidates) {
  return std::is_sorted(candidates.begin(), candidates.end(), [](const auto &a, const auto &b) {
    return a.predicted.total < b.predicted.total;
  });
}

TEST_F(ShortlistTest, RanksTheWholeSpace) {
  Task current = task(gateUp(), 256);
  Space space = enumerate(current.setting);
  std::vector<Candidate> ranked = rank(space, current);
  EXPECT_EQ(ranked.size(), space.legal.size());
  EXPECT_TRUE(cheapestFirst(ranked));
}

TEST_F(ShortlistTest, IsShortSortedAndVaried) {
  for (int64_t rows : {1, 16, 64, 256, 1024})
    for (size_t count : {size_t(1), size_t(4), size_t(8), size_t(20)}) {
      std::vector<Candidate> chosen = shortlistOf(task(gateUp(), rows), count);
      EXPECT_LE(chosen.size(), count);
      EXPECT_FALSE(chosen.empty());
      EXPECT_TRUE(cheapestFirst(chosen));
      std::set<std::tuple<MatmulForm, int64_t, int64_t, bool>> tiles;
      for (const Candidate &c : chosen)
        EXPECT_TRUE(tiles
                        .insert({c.schedule.getForm(), c.schedule.getBlockM(),
                                 c.schedule.getBlockN(), c.schedule.getCooperative()})
                        .second);
    }
}

TEST_F(ShortlistTest, HoldsWhatWasFastest) {
  // 256 rows are two tiles of 128, whatever height above that a schedule admits.
  EXPECT_TRUE(llvm::any_of(std::array{128, 144, 160, 176, 192}, [&](int64_t height) {
    return holds(shortlistOf(task(gateUp(), 256), 8), MatmulForm::WgmmaSwapped, height, 256);
  }));
  EXPECT_TRUE(holds(shortlistOf(task(gateUp(), 1024), 8), MatmulForm::Wgmma, 128, 192));
  EXPECT_TRUE(holds(shortlistOf(task(down(), 256), 8), MatmulForm::Wgmma, 128, 192));
  EXPECT_TRUE(holds(shortlistOf(task(gateUp(), 1), 8), MatmulForm::Mma, 16, 32));
}

TEST_F(ShortlistTest, DropsWhatIsHopeless) {
  for (const Candidate &c : shortlistOf(task(gateUp(), 1024), 20))
    EXPECT_TRUE(c.schedule.isHopper()) << toText(c.schedule);
}

TEST_F(ShortlistTest, StartsWithWeightsThatLeaveL2WhereTheyAreReadOnce) {
  // Large tiles of Hopper keep them, since a step has half of what memory sends at a time.
  for (const Candidate &c : rank(enumerate(task(gateUp(), 1).setting), task(gateUp(), 1)))
    EXPECT_EQ(c.schedule.getWeights() == kernel::WeightPolicy::EvictFirst,
              !c.schedule.isHopper() || c.schedule.getBlockM() <= 96)
        << toText(c.schedule);
  // They do not where L2 has room for the rows that the block's matmuls store, if these are many.
  for (const Candidate &c : rank(enumerate(task(gateUp(), 64).setting), task(gateUp(), 64)))
    EXPECT_EQ(c.schedule.getWeights() == kernel::WeightPolicy::EvictFirst,
              c.schedule.getBlockM() >= 64)
        << toText(c.schedule);
  schedule::MatmulProblem deep = gateUp();
  deep.reduction = 4096, deep.columns = 1536;
  for (const Candidate &c : rank(enumerate(task(deep, 64).setting), task(deep, 64)))
    EXPECT_EQ(c.schedule.getWeights() == kernel::WeightPolicy::EvictFirst,
              c.schedule.getBlockM() >= 64 &&
                  (!c.schedule.isHopper() || c.schedule.getBlockM() <= 96))
        << toText(c.schedule);
  for (const Candidate &c : rank(enumerate(task(gateUp(), 1024).setting), task(gateUp(), 1024)))
    EXPECT_NE(c.schedule.getWeights(), kernel::WeightPolicy::EvictFirst);
  // Nor where some experts have a second tile, or one has all rows.
  Task half = task(gateUp(), 256), one = task(gateUp(), 0);
  for (size_t i = 0; i < half.groups.size(); i += 2)
    half.groups[i] = 16;
  one.groups[5] = 2048;
  for (const Task &uneven : {half, one})
    for (const Candidate &c : rank(enumerate(uneven.setting), uneven))
      if (c.schedule.getBlockM() == 64)
        EXPECT_NE(c.schedule.getWeights(), kernel::WeightPolicy::EvictFirst);
}

TEST_F(ShortlistTest, GroupsNoRowTilesWhereThereIsOne) {
  for (const Candidate &c : rank(enumerate(task(gateUp(), 1).setting), task(gateUp(), 1)))
    EXPECT_EQ(c.schedule.getRasterGroup(), c.schedule.isHopper() ? 8 : 1) << toText(c.schedule);
}

TEST_F(ShortlistTest, ProvenAreTheTablesRowsAndFormerWinners) {
  for (const Task &current : {task(gateUp(), 256), task(down(), 256), task(down(), 256, "sm_80")}) {
    std::vector<Candidate> found = proven(current);
    EXPECT_TRUE(cheapestFirst(found));
    std::set<std::string> texts;
    for (const Candidate &c : found)
      EXPECT_TRUE(texts.insert(toText(c.schedule)).second) << toText(c.schedule);
    moec::schedule::Bucket bucket;
    size_t rows = moec::schedule::getMatmulTable(current.setting.target).size();
    for (bucket.matmulRow = 0; bucket.matmulRow < rows; ++bucket.matmulRow)
      if (kernel::ScheduleAttr row = moec::schedule::getMatmulSchedule(
              &context, current.problem, bucket, current.setting.target))
        EXPECT_TRUE(texts.contains(toText(row))) << toText(row);
    if (current.setting.target == kernel::getKnownTarget(&context, "sm_90a"))
      for (const char *winner :
           {"wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 8, weights = evict_first",
            "wgmma, block_m = 128, block_n = 256, block_k = 64, stages = 4, cooperative = true"})
        EXPECT_TRUE(texts.contains(winner)) << winner;
  }
}

TEST_F(ShortlistTest, TilesHigherThanAnyGroupCountOnce) {
  std::set<std::pair<int64_t, bool>> seen;
  for (const Candidate &c : shortlistOf(task(gateUp(), 16), 20))
    if (c.schedule.isSwapped())
      EXPECT_TRUE(seen.insert({c.schedule.getBlockN(), c.schedule.getCooperative()}).second)
          << toText(c.schedule);
}

TEST_F(ShortlistTest, LeavesRoomForOtherFormsAndForWhatIsProven) {
  std::vector<Candidate> wgmma, swapped;
  std::set<std::tuple<MatmulForm, int64_t, int64_t, bool>> tiles;
  for (kernel::ScheduleAttr s : enumerate(task(gateUp(), 256).setting).legal) {
    if (!s.isHopper() ||
        !tiles.insert({s.getForm(), s.getBlockM(), s.getBlockN(), s.getCooperative()}).second)
      continue;
    std::vector<Candidate> &list = s.isSwapped() ? swapped : wgmma;
    Candidate &candidate = list.emplace_back(Candidate{s, {}});
    candidate.predicted.tallest = int64_t(list.size());
    candidate.predicted.total = (s.isSwapped() ? 120 : 100) + double(list.size());
  }
  ASSERT_GE(wgmma.size(), 8u);
  ASSERT_GE(swapped.size(), 6u);
  std::vector<Candidate> ranked(wgmma.begin(), wgmma.begin() + 8), proven = {swapped[5]};
  ranked.insert(ranked.end(), swapped.begin(), swapped.begin() + 3);
  ranked.insert(ranked.begin() + 1, ranked.front()); // the same tile once more
  ranked[1].predicted.tallest = 100;
  proven[0].predicted.total = 140;
  // Three of a form at most and one of the other, what is proven, and the next best three.
  std::vector<Candidate> chosen = shortlist(ranked, proven, 8);
  ASSERT_EQ(chosen.size(), 8u);
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(chosen[i].schedule, wgmma[i].schedule);
  EXPECT_EQ(chosen[6].schedule, swapped[0].schedule);
  EXPECT_EQ(chosen[7].schedule, swapped[5].schedule);
  proven[0].predicted.total = 160; // half as much again as the best is hopeless
  EXPECT_NE(shortlist(ranked, proven, 8).back().schedule, swapped[5].schedule);
}

TEST_F(ShortlistTest, OfNothingIsEmpty) { EXPECT_TRUE(shortlist({}, {}, 8).empty()); }

} // namespace
