//===- FairTimer.h - times that a restless clock does not bend ------------===//
//
// A card at its power limit does not hold a clock: after a rest it runs some 5 % too fast for 0.4
// s, then up to 14 % too slow, and swings like that, about once a second, for two to four seconds.
// It gets slower while it warms up, too, and faster again while the host compiles or compares,
// where schedules differ by a hundredth. So a time alone says nothing here. Every time is a short
// one between two of the default build, and only its ratio to those is compared with anything.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_FAIRTIMER_H
#define MOEC_COMPILER_TUNE_FAIRTIMER_H

#include "compiler/Tune/Measurer.h"

#include <functional>

namespace moec {

/// The median; of an even number the mean of the two in the middle.
double median(std::vector<double> values);

/// Whether a failure is the candidate's own. A lost device and a time limit are not.
bool isRejection(const moert::Status &status);

class FairTimer {
public:
  /// `yardstick`: the build that all others are compared with; it passed its check.
  FairTimer(Measurer &measurer, Choice yardstick)
      : measurer(measurer), yardstick(std::move(yardstick)) {}

  /// Whether to stop as soon as what was asked for has an answer; turns are told by their caller.
  std::function<bool()> isOver = [] { return false; };
  /// After how many times of the yardstick the card counts as warm, whatever they are.
  size_t warmTimes = 24;
  /// How often a candidate is measured at most until two ratios in a row agree; at least twice.
  unsigned looks = 4;
  std::function<void(const std::string &what)> onProgress = [](const std::string &) {};

  /// Runs the yardstick until its time stays the same.
  moert::Status warmUp();
  /// The latest time of the yardstick.
  double yardstickMicroseconds() const { return latest; }

  struct Time {
    double microseconds = 0;
    double ratio = 0;     ///< to the yardstick around it
    std::string rejected; ///< why there is no time; empty where there is
  };
  /// The median of some times, each between two of the yardstick. Fails where the yardstick fails
  /// or the device is lost.
  moert::Result<Time> time(const Choice &choice);
  /// To be told where the device did something else or nothing since the last time.
  void hasRested() { isWarm = false; }
  /// By what share the median of so many ratios is typically off (one standard deviation), as far
  /// as the yardstick's own times tell.
  double scatter(unsigned ratios = 2) const;

  /// Times of several builds, one a round each.
  struct Turns {
    std::vector<double> yardstick;
    std::vector<std::vector<double>> times, ratios; ///< by build; the ratios are to the yardstick
    std::vector<std::string> failures;              ///< by build; empty where it never failed
  };
  /// Times of the builds in turns, each between two of the yardstick. At least one round, and no
  /// further one where `isEnough`.
  moert::Result<Turns> takeTurns(std::span<const Choice> choices, unsigned rounds,
                                 const std::function<bool()> &isEnough);

private:
  moert::Result<double> measureYardstick(Measurer::Purpose purpose);
  moert::Status wakeUp(Measurer::Purpose purpose, const std::function<bool()> &isEnough);
  moert::Result<Time> compare(const Choice &choice, Measurer::Purpose purpose);

  Measurer &measurer;
  Choice yardstick;
  double latest = 0;
  bool isWarm = false;            ///< `latest` is of this moment
  std::vector<double> departures; ///< of the yardstick's times from those before, as shares
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_FAIRTIMER_H
