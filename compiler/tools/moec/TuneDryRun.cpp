//===- TuneDryRun.cpp - what moec tune would try -----------------------------===//

#include "compiler/tools/moec/TuneDryRun.h"

#include "compiler/Tune/Effort.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <algorithm>

using namespace llvm;

namespace moec::cli {

/// Reasons that are printed; JSON has all.
static constexpr size_t kReasons = 5;

DryRun::DryRun(std::string subject, std::string target, Effort effort)
    : subject(std::move(subject)), target(std::move(target)), effort(effort) {
  outs() << this->subject << " for " << this->target << "; nothing is measured\n";
}

static json::Object toJson(const search::Candidate &candidate, size_t rank) {
  return json::Object{{"schedule", search::toText(candidate.schedule)},
                      {"predicted_us", candidate.predicted.total},
                      {"compute_us", candidate.predicted.compute},
                      {"memory_us", candidate.predicted.memory},
                      {"padding", candidate.predicted.padding},
                      {"tiles", candidate.predicted.tiles},
                      {"rank", int64_t(rank)}};
}

static void print(const search::Candidate &candidate, const std::string &rank) {
  outs() << fmt::format("  {:>5} {:>10.1f} {:>9.1f} {:>9.1f} {:>8.2f}  {}\n", rank,
                        candidate.predicted.total, candidate.predicted.compute,
                        candidate.predicted.memory, candidate.predicted.padding,
                        search::toText(candidate.schedule));
}

json::Object DryRun::show(const search::Task &task, const std::string &defaults,
                          const Limits &limits) {
  search::Space space = search::enumerate(task.setting);
  std::vector<search::Candidate> ranked = search::rank(space, task);
  std::vector<search::Candidate> chosen =
      search::shortlist(ranked, search::proven(task), limits.tiles);
  outs() << fmt::format("  {} of {} tiles are legal\n", space.legal.size(), space.points);
  std::vector<std::pair<size_t, std::string>> reasons;
  for (const auto &[reason, count] : space.reasons)
    reasons.emplace_back(count, reason);
  llvm::sort(reasons, [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  json::Array allReasons;
  for (auto [index, entry] : enumerate(reasons)) {
    if (index < kReasons)
      outs() << fmt::format("  {:>5} illegal: {}\n", entry.first, entry.second);
    allReasons.push_back(json::Object{{"count", int64_t(entry.first)}, {"reason", entry.second}});
  }
  if (reasons.size() > kReasons)
    outs() << fmt::format("  ... and {} more reasons\n", reasons.size() - kReasons);
  outs() << fmt::format("  {:>5} {:>10} {:>9} {:>9} {:>8}  schedule\n", "rank", "predicted",
                        "compute", "memory", "padding");
  json::Array candidates;
  for (const search::Candidate &candidate : chosen) {
    size_t rank = 1 + size_t(count_if(ranked, [&](const search::Candidate &other) {
                    return other.predicted.total < candidate.predicted.total;
                  }));
    print(candidate, std::to_string(rank));
    candidates.push_back(toJson(candidate, rank));
  }
  json::Object result{{"legal", int64_t(space.legal.size())},
                      {"points", int64_t(space.points)},
                      {"illegal", std::move(allReasons)}};
  auto schedule = search::legalSchedule(search::ScheduleText::parse(defaults), task.setting);
  if (schedule) {
    search::Candidate candidate{*schedule, search::predict(*schedule, task.problem, task.groups,
                                                           task.tokens, task.machine)};
    print(candidate, "-");
    result["default"] = toJson(candidate, 0);
  }
  result["candidates"] = std::move(candidates);
  json::Array refinements;
  if (!chosen.empty()) {
    outs() << "  refinements of the best:";
    for (const search::Neighbour &neighbour :
         search::neighbours(chosen.front().schedule, task.setting, limits.shapes)) {
      std::string words = (neighbour.parameter + " = " + neighbour.value).str();
      outs() << (refinements.empty() ? " " : ", ") << words;
      refinements.push_back(words);
    }
    outs() << '\n';
  }
  result["refinements"] = std::move(refinements);
  return result;
}

void DryRun::add(ArrayRef<Lowering> lowerings, int64_t tokens, const std::string &routing,
                 ArrayRef<unsigned> matmuls) {
  const Lowering &base = lowerings.front();
  Limits limits = limitsOf(effort, predictedMicroseconds(base));
  json::Array tasks, others;
  for (auto [number, task] : enumerate(base.tasks)) {
    if (!matmuls.empty() && !is_contained(matmuls, number))
      continue;
    auto [least, most] = std::minmax_element(task.groups.begin(), task.groups.end());
    outs() << fmt::format("T={} {} matmul {}: {}; {} to {} rows an expert\n", tokens, routing,
                          number, toString(task.problem), *least, *most);
    json::Object entry = show(task, base.defaults.schedules[number], limits);
    entry["matmul"] = int64_t(number);
    tasks.push_back(std::move(entry));
  }
  for (const Lowering &lowering : lowerings.drop_front())
    others.push_back(lowering.name);
  if (!others.empty()) {
    outs() << "  then with the best schedules:";
    for (const Lowering &lowering : lowerings.drop_front())
      outs() << (&lowering == &lowerings[1] ? " " : ", ") << lowering.name;
    outs() << '\n';
  }
  results.push_back(json::Object{{"tokens", tokens},
                                 {"routing", routing},
                                 {"matmuls", std::move(tasks)},
                                 {"lowerings", std::move(others)}});
}

json::Value DryRun::report() const {
  return json::Object{{"producer", "moec " MOEC_VERSION},
                      {"subject", subject},
                      {"target", target},
                      {"results", json::Array(results)}};
}

} // namespace moec::cli
