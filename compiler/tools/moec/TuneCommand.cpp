//===- TuneCommand.cpp - moec tune -------------------------------------------===//

#include "compiler/Bench/BlockCost.h"
#include "compiler/Cache/BuildId.h"
#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Cache/KeyBuilder.h"
#include "compiler/Engine/Subject.h"
#include "compiler/Support/ShellWord.h"
#include "compiler/Tune/Recording.h"
#include "compiler/Tune/Report.h"
#include "compiler/Tune/Rows.h"
#include "compiler/Tune/WorkerMeasurer.h"
#include "compiler/tools/moec/Interruption.h"
#include "compiler/tools/moec/Options.h"
#include "compiler/tools/moec/Progress.h"
#include "compiler/tools/moec/ScratchDirectory.h"
#include "compiler/tools/moec/TuneDryRun.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<Effort>
    effortOption("effort", cl::sub(tuneCommand()), cl::cat(category()), cl::init(Effort::Quick),
                 cl::desc("how much to try:"),
                 cl::values(clEnumValN(Effort::Quick, "quick",
                                       "at most 12 schedules a grouped matmul (default)"),
                            clEnumValN(Effort::Full, "full",
                                       "more tiles, every refinement, until nothing improves")));
static cl::list<unsigned> matmulOption("matmul", cl::sub(tuneCommand()), cl::cat(category()),
                                       cl::CommaSeparated, cl::value_desc("N,..."),
                                       cl::desc("grouped matmuls to search, 0 being the first "
                                                "(default: all)"));
static cl::opt<std::string> budgetOption("budget", cl::sub(tuneCommand()), cl::cat(category()),
                                         cl::value_desc("60s"),
                                         cl::desc("time after which the best so far is kept; s, m "
                                                  "or ms"));
static cl::opt<bool> deterministicOption("deterministic", cl::sub(tuneCommand()),
                                         cl::cat(category()),
                                         cl::desc("no lowering whose bits depend on timing"));
static cl::opt<bool>
    dryRunOption("dry-run", cl::sub(tuneCommand()), cl::cat(category()),
                 cl::desc("print the space and the candidates with their predicted "
                          "cost; needs no GPU"));
static cl::opt<bool> resumeOption("resume", cl::sub(tuneCommand()), cl::cat(category()),
                                  cl::desc("go on with the candidates of an earlier search that "
                                           "was interrupted or ran out of time"));
static cl::opt<bool> noRecordOption("no-record", cl::sub(tuneCommand()), cl::cat(category()),
                                    cl::desc("keep no record of the winners"));
static cl::opt<std::string> jsonOption("json", cl::sub(tuneCommand()), cl::cat(category()),
                                       cl::value_desc("F"),
                                       cl::desc("also write everything as JSON, - for stdout"));

/// Seconds of `--budget`.
static Result<double> budgetSeconds() {
  if (budgetOption.empty())
    return std::numeric_limits<double>::infinity();
  return parseSeconds("--budget", budgetOption);
}

namespace {

/// What one invocation does.
class Tune {
public:
  Status execute();

private:
  struct Case {
    int64_t tokens;
    Routing routing;
    std::string conditions() const {
      return fmt::format("--tokens {} --routing {}", tokens, shellWord(toString(routing)));
    }
  };
  struct Outcome {
    Case current;
    TuneResult result;
  };

  Status readOptions();
  Status checkMatmuls();
  Result<std::vector<Lowering>> lowerings(const Case &current) const;
  Status startWorker();
  Status tuneAll();
  Result<TuneResult> tuneCase(const Case &current, function_ref<double()> secondsLeft);
  void conclude(const Case &current, const TuneResult &result);
  std::filesystem::path rowsPath(const Case &current) const;
  Status keep(const Case &current, const TuneResult &result) const;
  json::Value report() const;

  Progress progress;
  Subject subject;
  BlockCost cost;
  RunnerOptions options;
  std::string target = "sm_90a";
  std::string deviceName;
  double budget = 0;
  std::vector<Case> cases;
  std::optional<ScratchDirectory> scratch; ///< outlives the workers
  std::unique_ptr<WorkerMeasurer> measurer;
  TunedFor device;
  std::string clocks;
  std::vector<Outcome> outcomes;
  search::Machine machine;
};

} // namespace

Status Tune::readOptions() {
  MOERT_ASSIGN_OR_RETURN(options.jobs, jobs());
  MOERT_ASSIGN_OR_RETURN(options.tokens, tokenCounts());
  MOERT_ASSIGN_OR_RETURN(std::vector<Routing> distributions, routings());
  MOERT_ASSIGN_OR_RETURN(options.fusions, fusions());
  MOERT_ASSIGN_OR_RETURN(budget, budgetSeconds());
  options.combine = combineMode();
  if (options.tokens.empty() || is_contained(options.tokens, 0))
    return Status(StatusCode::Usage, "expects --tokens with counts from 1 on");
  if (deterministicOption && options.combine == CombineMode::Accumulate)
    return Status(StatusCode::Usage,
                  "expects --deterministic or --combine accumulate, but got both");
  for (int64_t tokens : options.tokens)
    for (const Routing &routing : distributions)
      cases.push_back({tokens, routing});
  return Status::ok();
}

Status Tune::checkMatmuls() {
  MOERT_ASSIGN_OR_RETURN(std::vector<Lowering> known, lowerings(cases.front()));
  size_t count = known.front().tasks.size();
  if (count == 0)
    return Status(StatusCode::Unsupported, "expects a block with a grouped matmul to tune");
  for (unsigned matmul : matmulOption)
    if (matmul >= count)
      return Status(
          StatusCode::Usage,
          fmt::format("expects --matmul to be below {}, the number of grouped matmuls, but "
                      "got {}",
                      count, matmul));
  return Status::ok();
}

/// The lowering that the options ask for, then those to try beside it.
Result<std::vector<Lowering>> Tune::lowerings(const Case &current) const {
  MOERT_ASSIGN_OR_RETURN(moert::HostTensor logits,
                         generateInput(subject.block->inputs()[cost.logitsArgument],
                                       {current.tokens, seed(), current.routing, options.jobs}));
  LoweringOptions lowering{target, current.tokens, countRows(logits, cost.topK), machine};
  std::vector<Lowering> found;
  auto add = [&](std::string name, const FusionChoice &fusions, CombineMode combine) {
    Result<Lowering> made =
        makeLowering(*subject.block, std::move(name), fusions, combine, lowering);
    if (made)
      found.push_back(*std::move(made));
    return made.status();
  };
  MOERT_RETURN_IF_ERROR(add("default", options.fusions, options.combine));
  // A lowering that the block does not have is not one to try.
  if (!isFusionGiven() && options.fusions.permute) {
    FusionChoice separate = options.fusions;
    separate.permute = false;
    (void)add("separate permute", separate, options.combine);
  }
  if (!isCombineGiven() && !deterministicOption)
    (void)add("combine accumulate", options.fusions, CombineMode::Accumulate);
  return found;
}

void Tune::conclude(const Case &current, const TuneResult &result) {
  progress.clear();
  printSummary(outs(), result, subject.path, current.conditions());
  outs().flush();
}

/// Keeps the records of a search, so that other commands use its winner.
Status Tune::keep(const Case &current, const TuneResult &result) const {
  if (noRecordOption)
    return Status::ok();
  SearchConditions conditions;
  conditions.who = device;
  conditions.who.routing = identityOf(current.routing);
  conditions.who.areFusionsGiven = isFusionGiven();
  conditions.target = target;
  conditions.tokens = current.tokens;
  RecordEnvironment &environment = conditions.environment;
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<CachedCompiler> compiler, kernelCache());
  environment.moec = MOEC_VERSION;
  environment.nvrtc = compiler->toolVersion();
  environment.driver = conditions.who.driver;
  environment.clocks = clocks;
  environment.date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  environment.effort = effortOption == Effort::Quick ? "quick" : "full";
  MOERT_ASSIGN_OR_RETURN(std::vector<Record> records,
                         recordsOf(*subject.block, result, conditions));
  if (records.empty())
    return Status::ok();
  MOERT_ASSIGN_OR_RETURN(
      RecordStore store,
      RecordStore::open(cacheDirectory(), [](const std::string &text) { warn(text); }));
  for (const Record &record : records)
    MOERT_RETURN_IF_ERROR(store.publish(record));
  return Status::ok();
}

json::Value Tune::report() const {
  json::Array results;
  for (const Outcome &outcome : outcomes) {
    json::Object row = toJson(outcome.result);
    row["tokens"] = outcome.current.tokens;
    row["routing"] = toString(outcome.current.routing);
    results.push_back(std::move(row));
  }
  return json::Object{{"producer", "moec " MOEC_VERSION},
                      {"subject", subject.path},
                      {"device", deviceName},
                      {"target", target},
                      {"effort", effortOption == Effort::Quick ? "quick" : "full"},
                      {"deterministic", bool(deterministicOption)},
                      {"seed", seed()},
                      {"results", std::move(results)}};
}

/// The file of the rows of one search, by everything that decides what it tries and finds.
std::filesystem::path Tune::rowsPath(const Case &current) const {
  std::string text =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", buildId(), deviceName, target,
                  subject.block->source().str(), current.tokens, identityOf(current.routing),
                  toString(options.fusions), options.combine == CombineMode::Ordered,
                  effortOption == Effort::Quick, seed());
  return std::filesystem::path(cacheDirectory()) / "tuned" / ("rows-" + blake3(text).substr(0, 32));
}

/// `secondsLeft`: for the search of this case, at the moment.
Result<TuneResult> Tune::tuneCase(const Case &current, function_ref<double()> secondsLeft) {
  MOERT_ASSIGN_OR_RETURN(std::vector<Lowering> found, lowerings(current));
  progress.show(fmt::format("preparing T={} {}", current.tokens, toString(current.routing)));
  TunerOptions tuning;
  tuning.effort = effortOption;
  tuning.matmuls.assign(matmulOption.begin(), matmulOption.end());
  const Choice defaults = found.front().defaults;
  Tuner tuner(*measurer, std::move(found), tuning);
  measurer->aimAt(current.tokens, current.routing, tuner.sets(), defaults);
  Rows rows(rowsPath(current), resumeOption);
  tuner.recall = [&](const Choice &choice) { return rows.find(choice); };
  tuner.compileAhead();
  MOERT_RETURN_IF_ERROR(measurer->begin());
  tuner.setBudget(secondsLeft());
  progress.clear();
  outs() << fmt::format("T={} {}: default {}\n{:>6} {:>10} {:>7} {:>9} {:>4}  schedule\n",
                        current.tokens, toString(current.routing), defaults.scheduleText(),
                        "matmul", "us", "ratio", "predicted", "rank");
  if (rows.size() != 0)
    outs() << fmt::format("going on with {} candidates of an earlier search\n", rows.size());
  tuner.interrupted = isInterrupted;
  tuner.onProgress = [&](const std::string &what) {
    progress.show(fmt::format("T={}: {}", current.tokens, what));
  };
  tuner.onTrial = [&](const Trial &trial) {
    progress.clear();
    printTrial(outs(), trial);
    outs().flush();
    if (trial.change != "default")
      rows.append(trial);
  };
  Result<TuneResult> result = tuner.run();
  if (result && result->stopped.empty())
    rows.remove();
  return result;
}

/// Starts the process that measures and those that compile, and learns from it which device that
/// is.
Status Tune::startWorker() {
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<CachedCompiler> compiler, kernelCache());
  std::string kernels = cacheDirectory();
  // The workers find each other's kernels in a folder, which is the search's own where the user
  // wants no cache or has none that can be written.
  if (!compiler->storage() || !compiler->storage()->store()) {
    MOERT_ASSIGN_OR_RETURN(scratch, ScratchDirectory::create("moec-tune"));
    kernels = scratch->path();
  }
  WorkerMeasurer::Options worker;
  worker.command = {"/proc/self/exe", kTuneWorkerCommand.str()};
  worker.compilers = options.jobs;
  worker.open =
      json::Object{{"op", "open"},
                   {"block", json::Object{{"source", subject.block->source()},
                                          {"name", subject.path},
                                          {"target", targetArch()},
                                          {"cache", kernels},
                                          {"use_layers", compiler->storage() != nullptr}}},
                   {"jobs", int64_t(options.jobs)},
                   {"seed", int64_t(seed())},
                   {"logits_argument", int64_t(cost.logitsArgument)},
                   {"top_k", cost.topK}};
  MOERT_ASSIGN_OR_RETURN(measurer, WorkerMeasurer::create(std::move(worker)));
  const json::Object &opened = measurer->opened();
  moert::cuda::DeviceProperties properties;
  properties.name = deviceName = opened.getString("device").value_or("").str();
  properties.smCount = int(opened.getInteger("multiprocessors").value_or(0));
  properties.driverVersion = int(opened.getInteger("driver").value_or(0));
  device = tunedFor(properties);
  clocks =
      fmt::format("{:.0f} MHz, memory {:.0f} MHz", 1e3 * opened.getNumber("clock_ghz").value_or(0),
                  1e3 * opened.getNumber("memory_clock_ghz").value_or(0));
  target = opened.getString("target").value_or(target).str();
  machine.multiprocessors = double(properties.smCount);
  if (!StringRef(deviceName).contains("H200"))
    machine.bytesPerSecond = 3.07e12; // HBM3 of an H100, measured
  return Status::ok();
}

Status Tune::tuneAll() {
  Stopwatch watch;
  MOERT_RETURN_IF_ERROR(startWorker());
  outs() << fmt::format("{} on {} for {}; effort {}, seed {}\n", subject.path, deviceName, target,
                        effortOption == Effort::Quick ? "quick" : "full", seed());
  catchInterruption();
  for (size_t i = 0; i < cases.size() && !isInterrupted(); ++i) {
    if (watch.seconds() >= budget) {
      outs() << fmt::format("the budget is spent; {} of {} cases are left\n", cases.size() - i,
                            cases.size());
      break;
    }
    // What preparing takes is everybody's; what one case leaves is the others'.
    Result<TuneResult> result =
        tuneCase(cases[i], [&] { return (budget - watch.seconds()) / double(cases.size() - i); });
    if (!result)
      return std::move(result).status().withContext(
          fmt::format("T={} {}", cases[i].tokens, toString(cases[i].routing)));
    conclude(cases[i], *result);
    // What was measured is shown, whether it can be kept or not.
    if (Status status = keep(cases[i], *result); !status.isOk())
      warn("no record is kept: " + status.message());
    outcomes.push_back({cases[i], *std::move(result)});
  }
  if (isInterrupted())
    return Status(StatusCode::Budget, "interrupted; the results so far are kept");
  return Status::ok();
}

Status Tune::execute() {
  MOERT_RETURN_IF_ERROR(readOptions());
  MOERT_ASSIGN_OR_RETURN(subject, loadIr(inputPath(), errs()));
  MOERT_ASSIGN_OR_RETURN(cost, costOf(*subject.block));
  for (const Case &current : cases) {
    MOERT_RETURN_IF_ERROR(checkTokens(subject.inputs(), current.tokens));
    MOERT_RETURN_IF_ERROR(checkRouting(subject.inputs(), current.routing));
  }
  // The GPU that a search is native to is opened by its workers.
  if (!targetArch().empty() && (dryRunOption || targetArch() != kNativeTarget)) {
    MOERT_ASSIGN_OR_RETURN(target, oneTargetArch());
  }
  MOERT_RETURN_IF_ERROR(checkMatmuls());
  Status status;
  std::optional<json::Value> text;
  if (dryRunOption) {
    DryRun dryRun(subject.path, target, effortOption);
    for (const Case &current : cases) {
      MOERT_ASSIGN_OR_RETURN(std::vector<Lowering> found, lowerings(current));
      dryRun.add(found, current.tokens, toString(current.routing), matmulOption);
    }
    text = dryRun.report();
  } else {
    status = tuneAll();
    text = report();
  }
  // What records of the block are found by.
  if (Result<RecordKey> key = recordKey(*subject.block, "any", options.combine, {}, target))
    (*text->getAsObject())["problem"] = key->problem;
  // What was found before a failure is kept.
  if (!jsonOption.empty())
    MOERT_RETURN_IF_ERROR(writeText(jsonOption, formatv("{0:2}\n", *text).str()));
  return status;
}

int runTune() {
  Status status = Tune().execute();
  return status.isOk() ? 0 : fail(status);
}

} // namespace moec::cli
