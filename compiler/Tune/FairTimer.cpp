//===- FairTimer.cpp - times that a restless clock does not bend ----------===//

#include "compiler/Tune/FairTimer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

using Purpose = Measurer::Purpose;

/// The card is warm once this many times in a row are within a small band.
static constexpr size_t kWarmTimes = 6;
static constexpr double kWarmBand = 0.005;
/// How far apart two ratios in a row may be that agree.
static constexpr double kSteady = 0.01;
/// After a rest times count once two in a row are within a small band, and after so many or so long
/// anyway.
static constexpr double kWokenBand = 0.01;
static constexpr unsigned kMostWakingTimes = 5;
static constexpr std::chrono::milliseconds kMostWaking{75};

/// What is assumed before that many of the yardstick's times were compared, and never undercut.
static constexpr size_t kFewDepartures = 4;
static constexpr double kUsualScatter = 0.005, kLeastScatter = 0.0005;

double median(std::vector<double> values) {
  if (values.empty())
    return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

bool isRejection(const Status &status) {
  return status.code() != StatusCode::NoDevice && status.code() != StatusCode::Budget;
}

/// What a candidate broke behind the yardstick's back may show here first, so a failure is given a
/// second chance.
Result<double> FairTimer::measureYardstick(Purpose purpose) {
  Result<double> time = measurer.measure(yardstick, purpose);
  if (!time && isRejection(time.status()))
    time = measurer.measure(yardstick, purpose);
  if (time)
    latest = *time;
  return time;
}

Status FairTimer::warmUp() {
  std::vector<double> times;
  while (times.size() < warmTimes) {
    onProgress("warming up");
    MOERT_ASSIGN_OR_RETURN(double time, measureYardstick(Purpose::Look));
    times.push_back(time);
    if (isOver())
      break;
    if (times.size() < kWarmTimes)
      continue;
    auto [least, most] = std::minmax_element(times.end() - kWarmTimes, times.end());
    if (*most <= *least * (1 + kWarmBand))
      break;
  }
  return Status::ok();
}

/// Brings a card that rested back to where it was.
Status FairTimer::wakeUp(Purpose purpose, const std::function<bool()> &isEnough) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  double before = 0;
  for (unsigned count = 0; !isWarm && count < kMostWakingTimes; ++count) {
    MOERT_ASSIGN_OR_RETURN(double time, measureYardstick(purpose));
    isWarm = isEnough() || std::abs(time / before - 1) <= kWokenBand ||
             Clock::now() - start > kMostWaking;
    before = time;
  }
  isWarm = true;
  return Status::ok();
}

/// One time of a build; `latest` is the yardstick's before it, and after that the one behind it.
Result<FairTimer::Time> FairTimer::compare(const Choice &choice, Purpose purpose) {
  double before = latest;
  Result<double> time = measurer.measure(choice, purpose);
  if (!time && !isRejection(time.status()))
    return time.status();
  if (!time) {
    hasRested();
    return Time{0, 0, time.status().message()};
  }
  MOERT_ASSIGN_OR_RETURN(double after, measureYardstick(purpose));
  departures.push_back(std::abs(after / before - 1));
  return Time{*time, 2 * *time / (before + after), ""};
}

Result<FairTimer::Time> FairTimer::time(const Choice &choice) {
  MOERT_RETURN_IF_ERROR(wakeUp(Purpose::Look, isOver));
  std::vector<double> times, ratios;
  for (unsigned look = 0; look < std::max(2u, looks); ++look) {
    MOERT_ASSIGN_OR_RETURN(Time one, compare(choice, Purpose::Look));
    if (!one.rejected.empty())
      return one;
    times.push_back(one.microseconds);
    ratios.push_back(one.ratio);
    if (isOver() || (look != 0 && std::abs(ratios[look] / ratios[look - 1] - 1) <= kSteady))
      break;
  }
  return Time{median(times), median(ratios), ""};
}

double FairTimer::scatter(unsigned ratios) const {
  // Two times of deviation s are sqrt(2) s apart; a ratio of one time to the mean of two has
  // sqrt(3/2) s. The median of |x| is 0.6745 deviations of a normal distribution.
  double one = departures.size() < kFewDepartures ? kUsualScatter
                                                  : median(departures) / 0.6745 * std::sqrt(0.75);
  return std::max(kLeastScatter, one / std::sqrt(double(ratios)));
}

Result<FairTimer::Turns> FairTimer::takeTurns(std::span<const Choice> choices, unsigned rounds,
                                              const std::function<bool()> &isEnough) {
  Turns turns;
  turns.times.resize(choices.size());
  turns.ratios.resize(choices.size());
  turns.failures.resize(choices.size());
  hasRested(); // what is still being compiled is waited for
  for (unsigned round = 0; round < rounds; ++round) {
    if (round != 0 && isEnough())
      break;
    onProgress(fmt::format("in turns, round {} of {}", round + 1, rounds));
    for (size_t i = 0; i < choices.size(); ++i) {
      if (!turns.failures[i].empty())
        continue;
      MOERT_RETURN_IF_ERROR(wakeUp(Purpose::Race, isEnough));
      MOERT_ASSIGN_OR_RETURN(Time one, compare(choices[i], Purpose::Race));
      turns.failures[i] = one.rejected;
      if (!one.rejected.empty())
        continue;
      turns.times[i].push_back(one.microseconds);
      turns.ratios[i].push_back(one.ratio);
      turns.yardstick.push_back(latest);
    }
  }
  return turns;
}

} // namespace moec
