//===- CostModel.cpp - what a grouped matmul should take --------------------===//

#include "compiler/Search/CostModel.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>

namespace moec::search {

using kernel::ScheduleAttr;

static constexpr double kOperandBytes = 2;
/// Clocks of a store for each result of one consumer warpgroup, epilogue included.
static constexpr double kStoreClocks = 0.18;
/// The same where two consumers that share a tile stage it in shared memory and store it together:
/// 2000 clocks for 176 by 256.
static constexpr double kStagedStoreClocks = 0.044;
/// What a tile costs beside its steps and its store: barriers, the map's entry, the first loads.
static constexpr double kTileClocks = 600;
/// `mma.sync` on Hopper against wgmma's rate.
static constexpr double kMmaRate = 0.6;
/// Bytes that must be under way on a multiprocessor for the full bandwidth.
static constexpr double kBytesInFlight = 96e3;
/// Blocks that take their tiles in a fixed order drift apart, and the later the longer a tile
/// takes; what one of them left in L2 is gone when the next one comes. At this depth of the
/// reduction most reads of the same weights go to memory: 19.6 GB instead of 5.5 at six row tiles
/// an expert.
static constexpr double kDriftDepth = 4096, kDriftShare = 0.65, kMostDrift = 4;
/// Waves of tiles from which on it does not matter which multiprocessor takes which: half a wave is
/// 1.6 % of them, and a million small tiles would be looked at one by one.
static constexpr size_t kManyWaves = 32;
/// What a multiprocessor streams while most of the others have nothing left to stream, against its
/// share of the bandwidth: products of 1.2 to 2.4 waves (test/bench/TABLES.md, step 68).
static constexpr double kAloneRate = 2;
/// Rows that one instruction covers at least.
static constexpr int64_t kInstructionRows = 64;

static double divideUp(double a, double b) { return std::ceil(a / b); }

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

namespace {

/// One schedule on one problem.
class Model {
public:
  Model(ScheduleAttr schedule, const schedule::MatmulProblem &problem, const Machine &machine)
      : schedule(schedule), problem(problem), machine(machine),
        weightRows(double(problem.columns) * (problem.gated ? 2 : 1)) {}

  Cost cost(llvm::ArrayRef<int64_t> groups, int64_t tokens) const;

private:
  int64_t computedRows(int64_t rows) const;
  size_t columnTiles() const;
  double lastWidth(int64_t rows) const;
  double tileClocks(int64_t rows, double width) const;
  double allClocks(llvm::ArrayRef<int64_t> heights) const;
  double makespan(llvm::ArrayRef<int64_t> heights) const;
  double memorySeconds(llvm::ArrayRef<int64_t> groups, int64_t tokens) const;
  int64_t tileHeight(int64_t rows) const;
  double weightReads(llvm::ArrayRef<int64_t> groups) const;

  ScheduleAttr schedule;
  const schedule::MatmulProblem &problem;
  const Machine &machine;
  double weightRows; ///< of an expert
};

} // namespace

/// Rows of a tile that are multiplied for `rows` rows in it.
int64_t Model::computedRows(int64_t rows) const {
  return schedule.isSwapped() ? roundUp(rows, schedule.getTokenStep()) : schedule.getBlockM();
}

size_t Model::columnTiles() const {
  return size_t(divideUp(weightRows, double(schedule.getBlockN())));
}

/// Weight rows of the last column tile that are multiplied: swapped operands leave out strips that
/// hold none, where the tile is mostly full of rows.
double Model::lastWidth(int64_t rows) const {
  double width = double(schedule.getBlockN());
  if (!schedule.isSwapped() || rows * 4 <= schedule.getBlockM() * 3)
    return width;
  double left = weightRows - double(columnTiles() - 1) * width;
  double strip = kInstructionRows * (problem.gated ? 2 : 1);
  return std::min(width, divideUp(left, strip) * strip);
}

/// Clocks for which a tile of `rows` rows and `width` weight rows keeps a multiprocessor busy.
double Model::tileClocks(int64_t rows, double width) const {
  double height = double(computedRows(rows));
  double steps = divideUp(double(problem.reduction), double(schedule.getBlockK()));
  // What arrives at a multiprocessor, whether its cluster asked for it or another block: sharing
  // saves requests to L2, but no measured time.
  double l2 =
      (height + width) * double(problem.reduction) * kOperandBytes / machine.l2BytesPerClock;
  double results = height * width;
  if (!schedule.isHopper()) {
    double depth = steps * double(schedule.getBlockK());
    double multiply = results * depth / (machine.multipliesPerClock * kMmaRate);
    // Other blocks of the multiprocessor work while this one fills its ring and stores.
    double exposed = 2 * kTileClocks + kStoreClocks * results / 2;
    return std::max(multiply, l2) + exposed / double(schedule.getMinBlocks());
  }
  // A strip of 64 along the instruction's M by N: N / 2 clocks, or what its operands take through
  // the shared-memory port.
  double strips = (schedule.isSwapped() ? width : height) / kInstructionRows;
  double columns = schedule.isSwapped() ? height : width;
  double port = (kInstructionRows * 32 + 32 * columns) / machine.sharedBytesPerClock;
  double instruction = kInstructionRows * columns * 16 / machine.multipliesPerClock;
  double multiply = std::ceil(strips) * std::max(instruction, port) * steps * 4;
  double work = std::max(multiply, l2);
  // Consumers that share a tile store at the same time and nobody multiplies meanwhile; in turns,
  // one stores behind the other's product.
  if (schedule.getCooperative())
    return work + kTileClocks + kStagedStoreClocks * results;
  return std::max(work, (work + kStoreClocks * results) / 2) + kTileClocks / 2;
}

/// Rows of the tiles of a group but the last: swapped operands share them evenly, in token steps
/// (tile_height in compiler/Device/moe/scheduler/raster.cuh).
int64_t Model::tileHeight(int64_t rows) const {
  if (!schedule.isSwapped() || rows == 0)
    return schedule.getBlockM();
  int64_t tiles = (rows + schedule.getBlockM() - 1) / schedule.getBlockM();
  return roundUp((rows + tiles - 1) / tiles, schedule.getTokenStep());
}

/// Clocks of all tiles in `heights`, each for every column tile.
double Model::allClocks(llvm::ArrayRef<int64_t> heights) const {
  int64_t known = -1;
  double whole = double(columnTiles() - 1), clocks = 0, total = 0;
  for (int64_t height : heights) {
    if (height != known) {
      known = height;
      clocks = whole * tileClocks(height, double(schedule.getBlockN())) +
               tileClocks(height, lastWidth(height));
    }
    total += clocks;
  }
  return total;
}

/// Clocks of the busiest multiprocessor. Row tiles come in groups, each group for one column tile
/// after the other. Persistent blocks take tiles in turn, or with drawn tiles whoever is free takes
/// the next one. Of many waves the last one is half full, whoever takes what.
double Model::makespan(llvm::ArrayRef<int64_t> heights) const {
  size_t columns = columnTiles();
  double width = double(schedule.getBlockN());
  if (heights.size() * columns > kManyWaves * size_t(machine.multiprocessors))
    return allClocks(heights) / double(machine.multiprocessors) +
           tileClocks(heights.back(), width) / 2;
  size_t group = size_t(schedule.getRasterGroup()), next = 0;
  std::vector<double> busy(size_t(machine.multiprocessors), 0.0);
  std::priority_queue<double, std::vector<double>, std::greater<>> free(std::greater<>(), busy);
  double last = 0;
  for (size_t first = 0; first < heights.size(); first += group)
    for (size_t column = 0; column < columns; ++column) {
      int64_t known = -1;
      double clocks = 0;
      for (size_t i = first; i < std::min(heights.size(), first + group); ++i) {
        if (heights[i] != known) {
          known = heights[i];
          clocks = tileClocks(known, column + 1 < columns ? width : lastWidth(known));
        }
        double end = 0;
        if (schedule.getDynamic()) {
          end = free.top() + clocks;
          free.pop();
          free.push(end);
        } else {
          end = busy[next] += clocks;
          next = next + 1 == busy.size() ? 0 : next + 1;
        }
        last = std::max(last, end);
      }
    }
  return last;
}

/// How often the weights come from memory.
double Model::weightReads(llvm::ArrayRef<int64_t> groups) const {
  double tiles = 0, touched = 0;
  for (int64_t group : groups) {
    tiles += divideUp(double(group), double(schedule.getBlockM()));
    touched += group > 0;
  }
  if (touched == 0 || schedule.getDynamic() || !schedule.isHopper())
    return 1;
  // Two tiles of an expert are near each other in any order.
  double again = std::clamp(tiles / touched - 2, 0.0, kMostDrift);
  return 1 + again * kDriftShare * std::min(1.0, double(problem.reduction) / kDriftDepth);
}

double Model::memorySeconds(llvm::ArrayRef<int64_t> groups, int64_t tokens) const {
  double depth = double(problem.reduction), rows = 0, touched = 0;
  for (int64_t group : groups) {
    rows += double(group);
    touched += group > 0;
  }
  double read = problem.gathered ? std::min(double(tokens), rows) : rows;
  double outputs = double(problem.columns) * (problem.twoOutputs ? 2 : 1);
  double bytes = weightReads(groups) * touched * weightRows * depth * kOperandBytes +
                 read * depth * kOperandBytes + rows * outputs * double(problem.outputBytes);
  // Masked rows of a tile are not loaded.
  double height = std::min(double(schedule.getBlockM()), touched == 0 ? 0 : rows / touched);
  double stage = (height + double(schedule.getBlockN())) * double(schedule.getBlockK());
  double flying = stage * kOperandBytes * double(schedule.getStages() * schedule.getMinBlocks());
  return bytes / (machine.bytesPerSecond * std::min(1.0, flying / kBytesInFlight));
}

Cost Model::cost(llvm::ArrayRef<int64_t> groups, int64_t tokens) const {
  Cost cost;
  std::vector<int64_t> heights;
  double computed = 0, rows = 0;
  for (int64_t group : groups) {
    rows += double(group);
    int64_t height = tileHeight(group);
    for (int64_t left = group; left > 0; left -= height) {
      heights.push_back(std::min(left, height));
      computed += double(computedRows(heights.back()));
      cost.tallest = std::max(cost.tallest, computedRows(heights.back()));
    }
  }
  cost.padding = rows == 0 ? 1 : computed / rows;
  cost.tiles = int64_t(heights.size() * columnTiles());
  cost.compute = 1e6 * makespan(heights) / machine.clockHz;
  // A multiprocessor without a tile streams nothing, and the others a part of what it leaves.
  double waves = double(cost.tiles) / machine.multiprocessors, last = waves - std::floor(waves);
  double streamed = last > 0 ? std::floor(waves) + std::max(last, 1 / kAloneRate) : waves;
  cost.memory = 1e6 * memorySeconds(groups, tokens) * (waves > 0 ? streamed / waves : 1);
  // The two overlap, but neither perfectly where they are alike.
  double most = std::max(cost.compute, cost.memory), least = std::min(cost.compute, cost.memory);
  cost.total = most + 0.1 * least + 1e6 * machine.launchSeconds;
  return cost;
}

Cost predict(ScheduleAttr schedule, const schedule::MatmulProblem &problem,
             llvm::ArrayRef<int64_t> groups, int64_t tokens, const Machine &machine) {
  return Model(schedule, problem, machine).cost(groups, tokens);
}

} // namespace moec::search
