#include "Tasks.h"

using namespace moec;
using namespace moec::search;

namespace {

class CostModelTest : public test::SearchTest {
protected:
  double total(llvm::StringRef text, const Task &task) {
    return predict(schedule(text, task), task.problem, task.groups, task.tokens, task.machine)
        .total;
  }
};

constexpr llvm::StringLiteral kStream =
    "mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, min_blocks = 4";
constexpr llvm::StringLiteral kTurns =
    "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5";
constexpr llvm::StringLiteral kSwapped =
    "wgmma_swapped, block_m = 192, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
    "cooperative = true";

TEST_F(CostModelTest, MoreRowsNeverCostLess) {
  for (llvm::StringRef text : {kStream, kTurns, kSwapped}) {
    double before = 0;
    for (int64_t rows : {1, 4, 16, 17, 64, 128, 129, 192, 256, 1000}) {
      double now = total(text, task(gateUp(), rows));
      EXPECT_GE(now, before) << text.str() << " at " << rows << " rows";
      before = now;
    }
  }
}

TEST_F(CostModelTest, LongerReductionsCostMore) {
  schedule::MatmulProblem longer = down();
  longer.reduction *= 2;
  for (llvm::StringRef text : {kStream, kTurns, kSwapped})
    EXPECT_GT(total(text, task(longer, 256)), total(text, task(down(), 256)));
}

TEST_F(CostModelTest, NeverBeatsTheRoofline) {
  for (const schedule::MatmulProblem &problem : {gateUp(), down()})
    for (int64_t rows : {1, 16, 64, 256, 1024}) {
      Task current = task(problem, rows);
      double columns = double(problem.columns) * (problem.gated ? 2 : 1);
      double multiplies = double(rows * problem.experts) * columns * double(problem.reduction);
      double compute = 1e6 * multiplies / (2048 * 132 * current.machine.clockHz);
      double weights = 1e6 * double(problem.experts) * columns * double(problem.reduction) * 2 /
                       current.machine.bytesPerSecond;
      for (kernel::ScheduleAttr schedule : enumerate(current.setting).legal) {
        double cost =
            predict(schedule, problem, current.groups, current.tokens, current.machine).total;
        EXPECT_GE(cost, compute) << toText(schedule);
        EXPECT_GE(cost, weights) << toText(schedule);
      }
    }
}

TEST_F(CostModelTest, TilesOfManyWavesAreAddedUp) {
  // 128 experts of 6 column tiles: five row tiles each are 29 waves, looked at one by one, six 35.
  auto compute = [&](llvm::StringRef text, int64_t rowTiles) {
    Task current = task(gateUp(), 192 * rowTiles);
    return predict(schedule(text, current), current.problem, current.groups, current.tokens)
        .compute;
  };
  std::string drawn = (kSwapped + ", dynamic = true").str();
  for (llvm::StringRef text : {llvm::StringRef(kSwapped), llvm::StringRef(drawn)}) {
    EXPECT_NEAR(compute(text, 6) / compute(text, 5), 1.2, 0.03) << text.str();
    EXPECT_NEAR(compute(text, 12) / compute(text, 6), 2, 0.03) << text.str();
  }
}

TEST_F(CostModelTest, SlowerMemoryAndFewerProcessorsCostMore) {
  Task few = task(gateUp(), 4), many = task(gateUp(), 1024);
  Task slow = few, small = many;
  slow.machine.bytesPerSecond /= 2;
  small.machine.multiprocessors /= 2;
  EXPECT_GT(total(kStream, slow), 1.5 * total(kStream, few));
  EXPECT_GT(total(kTurns, small), 1.5 * total(kTurns, many));
}

TEST_F(CostModelTest, SwappedTilesPadLess) {
  Task current = task(gateUp(), 200);
  auto padding = [&](llvm::StringRef text) {
    return predict(schedule(text, current), current.problem, current.groups, current.tokens)
        .padding;
  };
  EXPECT_DOUBLE_EQ(padding(kTurns), 256.0 / 200);
  EXPECT_DOUBLE_EQ(padding(kSwapped), 208.0 / 200);
}

TEST_F(CostModelTest, SwappedTilesLeaveOutStripsWithoutColumns) {
  schedule::MatmulProblem whole = down(), part = down();
  whole.columns = 12 * 256;
  part.columns = 11 * 256 + 64;
  auto compute = [&](llvm::StringRef text, const schedule::MatmulProblem &problem, int64_t rows) {
    Task current = task(problem, rows);
    return predict(schedule(text, current), problem, current.groups, current.tokens,
                   current.machine)
        .compute;
  };
  std::string drawn = (kSwapped + ", dynamic = true").str();
  for (int64_t rows : {384, 2048}) { // tiles drawn one by one, and added up
    double share = compute(drawn, part, rows) / compute(drawn, whole, rows);
    EXPECT_GT(share, 0.93) << rows;
    EXPECT_LT(share, 0.98) << rows;
  }
  schedule::MatmulProblem strip = gateUp(), half = gateUp(); // of gate and up rows, 64 each
  strip.columns = 11 * 128 + 64;
  half.columns = 11 * 128 + 32;
  EXPECT_DOUBLE_EQ(compute(drawn, half, 2048), compute(drawn, strip, 2048));
  part.columns = 15 * 192 + 64;
  whole.columns = 16 * 192;
  EXPECT_EQ(compute(kTurns, part, 2048), compute(kTurns, whole, 2048));
}

TEST_F(CostModelTest, ClustersHaveTheSameTiles) {
  // Pairs of them, and of one that is left over the blocks take column tiles in turn.
  std::string pairs = kSwapped.str() + ", cluster = 2";
  auto compute = [&](llvm::StringRef text, int64_t rows) {
    Task current = task(gateUp(), rows);
    return predict(schedule(text, current), current.problem, current.groups, current.tokens,
                   current.machine)
        .compute;
  };
  for (int64_t rows : {40, 256, 500})
    EXPECT_DOUBLE_EQ(compute(pairs, rows), compute(kSwapped, rows));
}

TEST_F(CostModelTest, MemoryIsWhatAProductReadsAndWrites) {
  constexpr llvm::StringLiteral kTile =
      "wgmma, block_m = 128, block_n = 128, block_k = 64, stages = 5";
  auto memory = [&](const schedule::MatmulProblem &problem) {
    Task current = task(problem, 1024);
    return predict(schedule(kTile, current), problem, current.groups, current.tokens).memory;
  };
  schedule::MatmulProblem sorted = gateUp(), two = gateUp(), wide = gateUp();
  sorted.gathered = false; // eight rows a token in place of one
  two.twoOutputs = true;
  wide.outputBytes = 4;
  EXPECT_GT(memory(sorted), 1.2 * memory(gateUp()));
  EXPECT_GT(memory(two), 1.05 * memory(gateUp()));
  EXPECT_DOUBLE_EQ(memory(two), memory(wide));
}

TEST_F(CostModelTest, FewBytesUnderWayAndIdleProcessorsReadSlowly) {
  auto memory = [&](llvm::StringRef text, const Task &task) {
    return predict(schedule(text, task), task.problem, task.groups, task.tokens).memory;
  };
  constexpr llvm::StringLiteral kShallow =
      "mma, block_m = 16, block_n = 32, block_k = 64, stages = 2, warps_n = 2";
  Task all = task(gateUp(), 4), one = all;
  EXPECT_GT(memory(kShallow, all), 4 * memory(kStream, all));
  // One expert's weights keep 6 of 132 multiprocessors busy, each with twice its share of the
  // memory; 128 experts' 768 tiles make 5.8 waves.
  one.groups.assign(128, 0);
  one.groups[7] = 4;
  EXPECT_NEAR(128 * memory(kSwapped, one) / memory(kSwapped, all), 132 / 6 / 2, 0.1);
  // The last of two waves takes at least half as long as a full one: 138, 198 and 264 tiles.
  for (auto [experts, waves] : {std::pair(23, 1.5), std::pair(33, 1.5), std::pair(44, 2.0)}) {
    Task some = task(gateUp(), 4);
    some.groups.assign(size_t(experts), 4);
    EXPECT_NEAR(memory(kSwapped, some) / memory(kSwapped, one), waves / 0.5, 0.03) << experts;
  }
}

TEST_F(CostModelTest, WeightsAreReadAgainFromTheThirdTileOfAnExpertOn) {
  auto memory = [&](llvm::StringRef more, int64_t rows) {
    Task current = task(gateUp(), rows);
    return predict(schedule((kTurns + more).str(), current), current.problem, current.groups,
                   current.tokens)
        .memory;
  };
  EXPECT_DOUBLE_EQ(memory(", dynamic = false", 256), memory(", dynamic = true", 256));
  EXPECT_GT(memory(", dynamic = false", 384), 1.1 * memory(", dynamic = true", 384));
}

TEST_F(CostModelTest, RowsOfAGroupAreSharedEvenly) {
  Task current = task(gateUp(), 193); // 112 and 81 rows, in steps of 16
  current.groups.back() = 3;
  Cost cost = predict(schedule(kSwapped, current), current.problem, current.groups, current.tokens);
  EXPECT_EQ(cost.tiles, (2 * 127 + 1) * 6);
  EXPECT_EQ(cost.tallest, 112);
}

TEST_F(CostModelTest, ShortReductionsAreStoring) {
  auto compute = [&](llvm::StringRef text, int64_t reduction) {
    schedule::MatmulProblem problem = down();
    problem.reduction = reduction;
    Task current = task(problem, 1024);
    return predict(schedule(text, current), problem, current.groups, current.tokens).compute;
  };
  // In turns one consumer stores behind the other's product; two that share a tile wait.
  EXPECT_LT(compute(kTurns, 256), 1.4 * compute(kTurns, 128));
  EXPECT_LT(compute(kSwapped, 256), 1.65 * compute(kSwapped, 128));
}

TEST_F(CostModelTest, OperandsComeThroughThePortOfSharedMemory) {
  Task current = task(gateUp(), 1024), narrow = current;
  narrow.machine.sharedBytesPerClock /= 2;
  EXPECT_GT(total(kTurns, narrow), 1.05 * total(kTurns, current));
}

TEST_F(CostModelTest, EmptyGroupsCostNextToNothing) {
  Task none = task(gateUp(), 0);
  for (llvm::StringRef text : {kStream, kTurns, kSwapped})
    EXPECT_LT(total(text, none), 10);
}

// Microseconds of test/bench/RESULTS.md (H200, sustained, uniform routing or equal groups). The
// model only has to prune: a quarter off is enough.
TEST_F(CostModelTest, AgreesWithMeasurements) {
  struct Measured {
    llvm::StringLiteral text;
    bool gated;
    int64_t rows;
    double microseconds;
  };
  static constexpr Measured kMeasured[] = {
      {kTurns, true, 1024, 1457}, {kTurns, false, 1024, 698}, {kTurns, false, 256, 214},
      {kSwapped, true, 64, 218},  {kStream, true, 4, 186},    {kStream, false, 4, 99.8},
      {kSwapped, true, 256, 418},
  };
  for (const Measured &row : kMeasured) {
    double predicted = total(row.text, task(row.gated ? gateUp() : down(), row.rows));
    EXPECT_NEAR(predicted / row.microseconds, 1, 0.25) << row.text.str() << " at " << row.rows;
  }
}

} // namespace
