//===- Report.cpp - what a search found -------------------------------------===//

#include "compiler/Tune/Report.h"

#include "compiler/Support/ShellWord.h"

#include <fmt/format.h>

#include <map>

using namespace llvm;

namespace moec {

void printTrial(raw_ostream &os, const Trial &trial) {
  std::string what = trial.schedule.empty() ? trial.change : trial.schedule;
  std::string number = trial.matmul < 0 ? "-" : std::to_string(trial.matmul);
  std::string predicted = trial.rank == 0 ? "" : fmt::format("{:.1f}", trial.predicted);
  std::string rank = trial.rank == 0 ? "" : std::to_string(trial.rank);
  std::string figures = trial.rejected.empty()
                            ? fmt::format("{:>10.1f} {:>7.3f}", trial.microseconds, trial.ratio)
                            : fmt::format("{:>10} {:>7}", "rejected", "");
  os << fmt::format("{:>6} {} {:>9} {:>4}  {}", number, figures, predicted, rank, what);
  if (trial.matmul >= 0 && trial.change != "tile")
    os << fmt::format("  [{}]", trial.change);
  os << '\n';
  // The first line says what; an assembler's log follows it.
  StringRef reason = StringRef(trial.rejected).split('\n').first.take_front(160);
  if (!reason.empty())
    os << fmt::format("{:>41}{}\n", "", reason.str());
}

std::vector<Foresight> foresight(const TuneResult &result) {
  std::map<int, std::pair<const Trial *, const Trial *>> byMatmul; // the model's first, the fastest
  std::map<int, size_t> tiles;
  for (const Trial &trial : result.trials) {
    if (trial.change != "tile" || !trial.rejected.empty())
      continue;
    ++tiles[trial.matmul];
    auto &[first, best] = byMatmul[trial.matmul];
    if (!first || trial.rank < first->rank)
      first = &trial;
    if (!best || trial.ratio < best->ratio)
      best = &trial;
  }
  std::vector<Foresight> found;
  for (const auto &[matmul, pair] : byMatmul)
    found.push_back({unsigned(matmul), tiles[matmul], pair.second->rank,
                     pair.first->ratio / pair.second->ratio});
  return found;
}

/// The best schedule of a matmul and the block's ratio when it won.
static std::string winnerText(const TuneResult &result, size_t matmul) {
  const std::string &schedule = result.best.schedules[matmul];
  if (matmul < result.defaults.schedules.size() && schedule == result.defaults.schedules[matmul])
    return "the default stays";
  std::string text = schedule;
  for (const Trial &trial : result.trials)
    if (trial.matmul == int(matmul) && trial.schedule == schedule && trial.rejected.empty())
      text = fmt::format("{} (block at {:.3f})", schedule, trial.ratio);
  return text;
}

void printSummary(raw_ostream &os, const TuneResult &result, StringRef subject,
                  StringRef conditions) {
  if (!result.stopped.empty())
    os << "  stopped early: " << result.stopped << '\n';
  size_t rejected = count_if(result.trials, [](const Trial &t) { return !t.rejected.empty(); });
  os << fmt::format(
      "  {} candidates, {} rejected; default {:.1f} us, best {:.1f} us, ratio {:.3f}\n",
      result.trials.size(), rejected, result.defaultMicroseconds, result.bestMicroseconds,
      result.ratio());
  for (const Foresight &entry : foresight(result))
    os << fmt::format(
        "  matmul {}: the model had the fastest of {} tiles in place {}; its own first "
        "choice takes {:.3f} of that time\n",
        entry.matmul, entry.tiles, entry.rankOfBest, entry.regret);
  if (result.best == result.defaults) {
    os << "  the default stays\n";
    return;
  }
  for (size_t i = 0; i < result.best.schedules.size(); ++i)
    os << fmt::format("  matmul {}: {}\n", i, winnerText(result, i));
  os << "  moec bench " << shellWord(subject) << " " << conditions << " " << result.best.options() << '\n';
}

static json::Object toJson(const Choice &choice) {
  json::Array schedules;
  for (const std::string &schedule : choice.schedules)
    schedules.push_back(schedule);
  return json::Object{
      {"fusions", toString(choice.fusions)},
      {"combine", choice.combine == CombineMode::Ordered ? "ordered" : "accumulate"},
      {"schedules", std::move(schedules)},
      {"schedule_option", choice.scheduleText()}};
}

json::Object toJson(const TuneResult &result) {
  json::Array trials, models;
  for (const Trial &trial : result.trials) {
    bool measured = trial.rejected.empty();
    json::Object row{{"change", trial.change},
                     {"choice", toJson(trial.choice)},
                     {"finalist", trial.finalist},
                     {"won", trial.won}};
    if (trial.matmul >= 0) {
      row["matmul"] = trial.matmul;
      row["schedule"] = trial.schedule;
      row["predicted_us"] = trial.predicted;
      row["predicted_rank"] = int64_t(trial.rank);
    }
    if (measured) {
      row["us"] = trial.microseconds;
      row["ratio"] = trial.ratio;
    } else {
      row["rejected"] = trial.rejected;
    }
    trials.push_back(std::move(row));
  }
  for (const Foresight &entry : foresight(result))
    models.push_back(json::Object{{"matmul", int64_t(entry.matmul)},
                                  {"tiles", int64_t(entry.tiles)},
                                  {"rank_of_best", int64_t(entry.rankOfBest)},
                                  {"regret", entry.regret}});
  json::Array predicted;
  for (double microseconds : result.defaultPredicted)
    predicted.push_back(microseconds);
  json::Value stopped = nullptr;
  if (!result.stopped.empty())
    stopped = result.stopped;
  return json::Object{{"default", toJson(result.defaults)},
                      {"default_us", result.defaultMicroseconds},
                      {"default_predicted_us", std::move(predicted)},
                      {"best", toJson(result.best)},
                      {"best_us", result.bestMicroseconds},
                      {"ratio", result.ratio()},
                      {"stopped", std::move(stopped)},
                      {"model", std::move(models)},
                      {"trials", std::move(trials)}};
}

} // namespace moec
