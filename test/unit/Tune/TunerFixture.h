// A search on a device that never was, over both products of one block.
#ifndef MOEC_TEST_UNIT_TUNE_TUNERFIXTURE_H
#define MOEC_TEST_UNIT_TUNE_TUNERFIXTURE_H

#include "FakeMeasurer.h"
#include "test/unit/Search/Tasks.h"

#include "compiler/Tune/Tuner.h"

namespace moec::test {

inline bool contains(const std::string &text, llvm::StringRef part) {
  return llvm::StringRef(text).contains(part);
}

/// A quarter less with swapped operands in the first product, a tenth less with a group of 16.
inline double swappedIsFaster(const Choice &choice) {
  double time = 100;
  if (contains(choice.schedules[0], "swapped"))
    time -= 25;
  if (contains(choice.schedules[0], "raster_group = 16"))
    time -= 10;
  return time;
}

class TunerFixture : public SearchTest {
protected:
  /// Both products of qwen3-30b-a3b at 256 rows an expert.
  Lowering lowering(std::string name = "default") {
    Lowering result;
    result.name = std::move(name);
    for (const moec::schedule::MatmulProblem &problem : {gateUp(), down()}) {
      result.tasks.push_back(task(problem, 256));
      result.defaults.schedules.push_back(
          "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5, weights = evict_last");
    }
    return result;
  }

  moert::Result<TuneResult> tune(TunerOptions options = {}, std::vector<Lowering> others = {}) {
    std::vector<Lowering> all = {lowering()};
    all.insert(all.end(), others.begin(), others.end());
    Tuner tuner(fake, std::move(all), std::move(options));
    tuner.clock = [this] { return fake.now; };
    tuner.interrupted = interrupted;
    tuner.onTrial = [this](const Trial &trial) { reported.push_back(trial); };
    return tuner.run();
  }

  FakeMeasurer fake;
  std::function<bool()> interrupted = [] { return false; };
  std::vector<Trial> reported;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_TUNE_TUNERFIXTURE_H
