//===- FairTimer.cpp - times that a warming card does not bend --------------===//

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

/// The card is warm once this many times in a row are within a small band.
static constexpr size_t kWarmTimes = 4;
static constexpr double kWarmBand = 0.005;
/// How far apart the times of the yardstick before and after a candidate may be.
static constexpr double kSteady = 0.02;
/// After a rest a card has power to spare for a moment: its times count once two in a row are
/// within a small band, and after so many or so long anyway.
static constexpr double kWokenBand = 0.01;
static constexpr unsigned kMostWakingTimes = 5;
static constexpr std::chrono::milliseconds kMostWaking{150};

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
Result<double> FairTimer::measureYardstick(Measurer::Length length) {
  Result<double> time = measurer.measure(yardstick, length);
  if (!time && isRejection(time.status()))
    time = measurer.measure(yardstick, length);
  if (time)
    latest = *time;
  return time;
}

Status FairTimer::warmUp() {
  std::vector<double> times;
  while (times.size() < warmTimes) {
    onProgress("warming up");
    MOERT_ASSIGN_OR_RETURN(double time, measureYardstick(Measurer::Length::Short));
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
Status FairTimer::wakeUp() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  double before = 0;
  for (unsigned count = 0; !isWarm && count < kMostWakingTimes; ++count) {
    MOERT_ASSIGN_OR_RETURN(double time, measureYardstick(Measurer::Length::Short));
    isWarm =
        isOver() || std::abs(time / before - 1) <= kWokenBand || Clock::now() - start > kMostWaking;
    before = time;
  }
  isWarm = true;
  return Status::ok();
}

Result<FairTimer::Time> FairTimer::time(const Choice &choice) {
  // The time before must be as warm as the candidate's.
  MOERT_RETURN_IF_ERROR(wakeUp());
  double before = latest;
  Time best;
  double steadiest = std::numeric_limits<double>::infinity();
  for (unsigned attempt = 0; attempt < attempts; ++attempt) {
    Result<double> time = measurer.measure(choice, Measurer::Length::Short);
    if (!time && !isRejection(time.status()))
      return time.status();
    if (!time) {
      hasRested();
      return Time{0, 0, time.status().message()};
    }
    MOERT_ASSIGN_OR_RETURN(double after, measureYardstick(Measurer::Length::Short));
    double apart = std::abs(after / before - 1);
    departures.push_back(apart);
    if (apart < steadiest) {
      steadiest = apart;
      best = {*time, 2 * *time / (before + after), ""};
    }
    if (apart <= kSteady || isOver())
      break;
    before = after;
  }
  isWarm = true;
  return best;
}

double FairTimer::scatter() const {
  if (departures.size() < kFewDepartures)
    return kUsualScatter;
  // Two times of deviation s are sqrt(2) s apart; a ratio of one time to the mean of two has
  // sqrt(3/2) s. The median of |x| is 0.6745 deviations of a normal distribution.
  return std::max(kLeastScatter, median(departures) / 0.6745 * std::sqrt(0.75));
}

namespace {
/// A time at its place among all times of a race.
struct Placed {
  size_t place;
  double time;
};
} // namespace

/// The yardstick's time at a place, from those around it.
static double yardstickAt(const std::vector<Placed> &known, size_t place) {
  auto after = std::find_if(known.begin(), known.end(),
                            [&](const Placed &placed) { return placed.place > place; });
  if (after == known.begin())
    return after->time;
  const Placed &before = after[-1];
  if (after == known.end())
    return before.time;
  double share = double(place - before.place) / double(after->place - before.place);
  return before.time + share * (after->time - before.time);
}

Result<FairTimer::Turns> FairTimer::takeTurns(std::span<const Choice> choices, unsigned rounds) {
  MOERT_RETURN_IF_ERROR(wakeUp());
  Turns turns;
  turns.times.resize(choices.size());
  turns.ratios.resize(choices.size());
  turns.failures.resize(choices.size());
  std::vector<Placed> known;
  std::vector<std::vector<Placed>> placed(choices.size());
  size_t place = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    if (round != 0 && isOver())
      break;
    onProgress(fmt::format("in turns, round {} of {}", round + 1, rounds));
    // Number 0 is the yardstick.
    for (size_t step = 0; step <= choices.size(); ++step, ++place) {
      size_t number = round % 2 == 0 ? step : choices.size() - step;
      if (number == 0) {
        MOERT_ASSIGN_OR_RETURN(double time, measureYardstick(turnLength));
        known.push_back({place, time});
        turns.yardstick.push_back(time);
        continue;
      }
      size_t i = number - 1;
      if (!turns.failures[i].empty())
        continue;
      Result<double> time = measurer.measure(choices[i], turnLength);
      if (time) {
        placed[i].push_back({place, *time});
        turns.times[i].push_back(*time);
      } else if (isRejection(time.status())) {
        turns.failures[i] = time.status().message();
      } else {
        return time.status();
      }
    }
  }
  isWarm = known.back().place + 1 == place; // the yardstick came last
  for (size_t i = 0; i < choices.size(); ++i)
    for (const Placed &one : placed[i])
      turns.ratios[i].push_back(one.time / yardstickAt(known, one.place));
  return turns;
}

} // namespace moec
