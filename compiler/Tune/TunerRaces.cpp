//===- TunerRaces.cpp - which candidate of a search is the fastest ----------===//

#include "compiler/Tune/Tuner.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using moert::Status;

namespace moec {

/// How near the fastest trial something must be to be raced.
static constexpr double kNear = 1.03;
/// A race is run in parts of so many rounds, until it is decided.
static constexpr unsigned kRoundsAtOnce = 8;
/// How many of its deviations a measured value may be off; how many a look has to gain.
static constexpr double kDeviations = 2.5, kSureDeviations = 2;

/// What a look has to gain for anything to be built upon it: what is compiled for a leader that
/// is none costs a quick search seconds. Others may still win the race. So with more ratios than a
/// look has, what the last race has to say of a winner.
double Tuner::leastLead(unsigned ratios) const {
  return std::max(kNoise, kSureDeviations * timer.scatter(ratios));
}

/// Lets looks decide what the best is for now.
void Tuner::adopt(std::span<Trial> trials) {
  bestDoubt = std::numeric_limits<double>::infinity();
  Trial *winner = nullptr;
  for (Trial &trial : trials)
    if (trial.rejected.empty() && (!winner || trial.ratio < winner->ratio))
      winner = &trial;
  if (!winner || winner->ratio >= bestRatio * (1 - leastLead()))
    return;
  winner->won = true;
  result.best = winner->choice;
  bestRatio = winner->ratio;
}

/// The trials that may turn out to be worth more than the best, in the order of their times.
std::vector<Trial *> Tuner::finalistsOf(std::span<Trial> trials) const {
  double least = bestRatio;
  for (const Trial &trial : trials)
    if (trial.rejected.empty())
      least = std::min(least, trial.ratio);
  double doubt = std::max(limits.doubt, kDeviations * timer.scatter());
  std::vector<Trial *> finalists;
  for (Trial &trial : trials)
    if (trial.rejected.empty() && trial.choice != result.best &&
        trial.ratio <= std::min(kNear * least, (1 - kNoise + doubt) * bestRatio))
      finalists.push_back(&trial);
  llvm::sort(finalists, [](Trial *a, Trial *b) { return a->ratio < b->ratio; });
  if (finalists.size() > limits.finalists)
    finalists.resize(limits.finalists);
  return finalists;
}

/// Measures the finalists among `trials`, the best so far and the default in turns, until it is
/// clear whether one of them is faster: that becomes the best.
Status Tuner::race(std::span<Trial> trials) {
  std::vector<Trial *> finalists = finalistsOf(trials);
  Race race{finalists, std::vector<std::vector<double>>(finalists.size() + 1)};
  unsigned most = limits.rounds;
  // Where batches are not raced, the best has never been either.
  auto isUnproven = [&] { return !limits.races && result.best != result.defaults; };
  // Turns wait for compilers, though not beyond the time of the search: then looks have to do.
  if (!finalists.empty() || isUnproven())
    measurer.waitForBuilds(timer.isOver);
  if (isOver()) {
    adopt(trials);
    return Status::ok();
  }
  for (unsigned rounds = 0; rounds < most && (!race.finalists.empty() || isUnproven());
       rounds += kRoundsAtOnce) {
    if (rounds != 0 && isOver())
      break;
    MOERT_RETURN_IF_ERROR(takeTurns(race));
    // A few rounds may agree by chance.
    double doubt = kDeviations * std::max(race.deviation(), timer.scatter(rounds + kRoundsAtOnce));
    bestDoubt = doubt;
    double leading = bestRatio * (1 - kNoise);
    for (const Trial *trial : race.finalists)
      leading = std::min(leading, trial->ratio);
    race.dropIf([&](const Trial &trial) {
      return !trial.rejected.empty() || trial.ratio - doubt > leading;
    });
    bool isClear = race.finalists.size() == 1
                       ? race.finalists[0]->ratio + doubt < bestRatio * (1 - kNoise)
                       : race.finalists.empty() && bestRatio + doubt < 1 - kNoise;
    // The first rounds may all fall into one of a card's moods, which matters where nothing
    // follows.
    if (doubt < kNoise || (isClear && (rounds != 0 || limits.races)))
      break;
  }
  Trial *winner = nullptr;
  for (Trial *trial : race.finalists)
    if (trial->rejected.empty() &&
        trial->ratio < (winner ? winner->ratio : bestRatio * (1 - kNoise)))
      winner = trial;
  if (winner) {
    winner->won = true;
    result.best = winner->choice;
    bestRatio = winner->ratio;
  } else if (bestRatio > 1) {
    result.best = result.defaults;
    bestRatio = 1;
  }
  return Status::ok();
}

/// The deviation of a difference of two medians, from how far the ratios lie from their builds'
/// means.
double Tuner::Race::deviation() const {
  double squares = 0, freedom = 0;
  size_t rounds = 1;
  for (const std::vector<double> &series : ratios) {
    if (series.empty())
      continue;
    double mean = std::accumulate(series.begin(), series.end(), 0.0) / double(series.size());
    for (double ratio : series)
      squares += (ratio - mean) * (ratio - mean);
    freedom += double(series.size() - 1);
    rounds = std::max(rounds, series.size());
  }
  if (freedom == 0)
    return std::numeric_limits<double>::infinity();
  // A median deviates 1.25 times as much as a mean.
  return 1.25 * std::sqrt(2 * squares / freedom / double(rounds));
}

void Tuner::Race::dropIf(llvm::function_ref<bool(const Trial &)> isOut) {
  for (size_t i = finalists.size(); i-- > 0;)
    if (isOut(*finalists[i])) {
      finalists.erase(finalists.begin() + ptrdiff_t(i));
      ratios.erase(ratios.begin() + ptrdiff_t(i) + 1);
    }
}

/// More times of the finalists and the best so far.
Status Tuner::takeTurns(Race &race) {
  std::vector<Choice> choices;
  if (result.best != result.defaults)
    choices.push_back(result.best);
  size_t first = choices.size();
  for (Trial *trial : race.finalists)
    choices.push_back(trial->choice);
  MOERT_ASSIGN_OR_RETURN(FairTimer::Turns turns,
                         timer.takeTurns(choices, kRoundsAtOnce, timer.isOver));
  // A best that fails now gives way to any that does not.
  if (first == 0) {
    bestRatio = 1;
  } else if (!turns.failures[0].empty()) {
    bestRatio = std::numeric_limits<double>::infinity();
  } else {
    llvm::append_range(race.ratios[0], turns.ratios[0]);
    bestRatio = median(race.ratios[0]);
  }
  for (size_t i = 0; i < race.finalists.size(); ++i) {
    Trial &trial = *race.finalists[i];
    trial.finalist = true;
    trial.rejected = turns.failures[first + i];
    if (!trial.rejected.empty())
      continue;
    llvm::append_range(race.ratios[i + 1], turns.ratios[first + i]);
    trial.ratio = median(race.ratios[i + 1]);
    trial.microseconds = median(turns.times[first + i]);
  }
  return Status::ok();
}

} // namespace moec
