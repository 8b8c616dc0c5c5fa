// A device that never was: times, failures and a clock as the test wants them.
#ifndef MOEC_TEST_UNIT_TUNE_FAKEMEASURER_H
#define MOEC_TEST_UNIT_TUNE_FAKEMEASURER_H

#include "compiler/Tune/Measurer.h"

#include <functional>

namespace moec::test {

struct FakeMeasurer final : Measurer {
  /// Microseconds of a choice.
  std::function<double(const Choice &)> time = [](const Choice &) { return 100.0; };
  /// What `check` says.
  std::function<moert::Status(const Choice &)> verdict = [](const Choice &) {
    return moert::Status::ok();
  };
  /// What becomes of the n-th measurement before it has a time.
  std::function<moert::Status(const Choice &, unsigned n)> accident = [](const Choice &, unsigned) {
    return moert::Status::ok();
  };
  /// Factor on the n-th measurement: a clock that drifts, noise.
  std::function<double(unsigned n, Purpose purpose)> factor = [](unsigned, Purpose) { return 1.0; };

  /// Whether a choice that was prepared is built.
  std::function<bool(const Choice &)> built = [](const Choice &) { return true; };
  /// How waits for what is being built pass.
  std::function<void(const std::function<bool()> &isEnough)> waiting = [](const auto &) {};
  /// Called where what is being built is given up.
  std::function<void()> abandoned = [] {};
  /// Called by every check, while the device rests.
  std::function<void()> rest = [] {};

  double now = 0; ///< seconds; every measurement takes one
  unsigned measurements = 0, checks = 0, batches = 0;
  std::vector<Choice> prepared;

  void prepare(std::span<const Choice> choices) override {
    ++batches;
    prepared.insert(prepared.end(), choices.begin(), choices.end());
  }
  bool isBuilt(const Choice &choice) override { return built(choice); }
  void waitForBuild(const Choice &choice, const std::function<bool()> &isEnough) override {
    if (!built(choice))
      waiting(isEnough);
  }
  void waitForBuilds(const std::function<bool()> &isEnough) override { waiting(isEnough); }
  void abandon() override { abandoned(); }
  moert::Status check(const Choice &choice) override {
    ++checks;
    rest();
    return verdict(choice);
  }
  moert::Result<double> measure(const Choice &choice, Purpose purpose) override {
    unsigned n = measurements++;
    now += 1;
    if (moert::Status status = accident(choice, n); !status.isOk())
      return status;
    return time(choice) * factor(n, purpose);
  }
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_TUNE_FAKEMEASURER_H
