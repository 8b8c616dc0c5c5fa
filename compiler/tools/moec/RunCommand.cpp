//===- RunCommand.cpp - moec run ---------------------------------------------===//

#include "compiler/Engine/Subject.h"
#include "compiler/Support/ShellWord.h"
#include "compiler/tools/moec/Checking.h"
#include "compiler/tools/moec/Options.h"
#include "compiler/tools/moec/Progress.h"
#include "runtime/Tensor/Safetensors.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

using namespace llvm;
using moert::HostTensor;
using moert::NamedTensors;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<DeviceKind>
    deviceOption("device", cl::sub(runCommand()), cl::cat(category()),
                 cl::desc("where to run (default: cuda where there is a GPU, else cpu)"),
                 cl::values(clEnumValN(DeviceKind::Cuda, "cuda", "the GPU that MOEC_DEVICE names"),
                            clEnumValN(DeviceKind::Cpu, "cpu", "this machine's cores"),
                            clEnumValN(DeviceKind::Reference, "reference",
                                       "the double-precision evaluator")));
static cl::opt<std::string> inputsOption("inputs", cl::sub(runCommand()), cl::cat(category()),
                                         cl::value_desc("F.safetensors"),
                                         cl::desc("tensors by name; the rest comes from the seed"));
static cl::opt<std::string> outputsOption("outputs", cl::sub(runCommand()), cl::cat(category()),
                                          cl::value_desc("F.safetensors"),
                                          cl::desc("where to write the results"));

namespace {

/// One line of the result.
struct Case {
  int64_t tokens;
  Routing routing;
  size_t build; ///< that it runs
};

/// What one invocation does.
class Run {
public:
  /// Mismatch where a checked result differs; the message says how many.
  Status execute();

private:
  Status prepare();
  Status use(size_t build);
  Status runCase(const Case &current);
  Result<std::vector<HostTensor>> bind(const Case &current);
  Status check(const Case &current, std::span<const HostTensor> arguments,
               const Runner::Outcome &outcome);
  Status writeOutputs(const Runner::Outcome &outcome);
  void print(const Case &current, const Runner::Outcome &outcome, StringRef result);
  std::string reproduceCommand(const Case &current) const;

  Progress progress;
  Subject subject;
  std::vector<InputSpec> specs;
  DeviceKind device = DeviceKind::Cpu;
  unsigned threads = 0;
  CheckOptions checking;
  NamedTensors given;      ///< from --inputs
  NamedTensors constants;  ///< generated arguments that do not depend on T, made once
  std::vector<Case> cases;
  std::vector<RunnerOptions> builds; ///< one, or where records decide one for each routing
  std::unique_ptr<Runner> runner;    ///< of the build in use
  std::optional<size_t> used;
  size_t failures = 0;
};

} // namespace

/// Options, input files and what is to be run.
Status Run::prepare() {
  MOERT_ASSIGN_OR_RETURN(threads, jobs());
  MOERT_ASSIGN_OR_RETURN(std::vector<int64_t> counts, tokenCounts());
  MOERT_ASSIGN_OR_RETURN(std::vector<Routing> distributions, routings());
  MOERT_ASSIGN_OR_RETURN(FusionChoice choice, fusions());
  MOERT_ASSIGN_OR_RETURN(checking, checkOptions(threads));
  MOERT_RETURN_IF_ERROR(expectPath("--inputs", inputsOption));
  MOERT_RETURN_IF_ERROR(expectPath("--outputs", outputsOption));
  device = deviceOption.getNumOccurrences() > 0 ? DeviceKind(deviceOption) : defaultDevice();
  MOERT_RETURN_IF_ERROR(checkDeviceOptions(device));
  if (!outputsOption.empty() && counts.size() * distributions.size() > 1)
    return Status(StatusCode::Usage, "expects one token count and one routing with --outputs");

  MOERT_ASSIGN_OR_RETURN(subject, loadSubject(inputPath(), device, errs()));
  MOERT_RETURN_IF_ERROR(checkSubjectOptions(subject, device));
  specs = subject.inputs();
  for (const Routing &routing : distributions)
    MOERT_RETURN_IF_ERROR(checkRouting(specs, routing));
  if (isChecked())
    MOERT_RETURN_IF_ERROR(expectReference(subject));
  if (!inputsOption.empty()) {
    MOERT_ASSIGN_OR_RETURN(moert::SafetensorsFile file, moert::readSafetensors(inputsOption.c_str()));
    given = std::move(file.tensors);
  }
  if (counts.empty()) {
    std::optional<int64_t> tokens = inferTokens(specs, given);
    if (!tokens)
      return Status(StatusCode::Usage,
                    "expects --tokens N, or --inputs with a tensor that has a row per token");
    counts.push_back(*tokens);
  }
  for (int64_t tokens : counts)
    MOERT_RETURN_IF_ERROR(checkTokens(specs, tokens));
  RunnerOptions options;
  options.device = device;
  options.fusions = choice;
  options.combine = combineMode();
  options.schedule = scheduleText();
  MOERT_ASSIGN_OR_RETURN(options.target, runnerTarget());
  options.jobs = threads;
  options.tokens = counts;
  options.progress = [&](StringRef what, size_t done, size_t total) {
    progress.show(("compiling: " + what).str(), done, total);
  };
  if (device == DeviceKind::Cuda) {
    MOERT_ASSIGN_OR_RETURN(options.cache, kernelCache());
    builds = withRecords(subject, options, distributions);
  } else {
    builds.push_back(std::move(options));
  }
  // One build after the other, as each has the weights in the device's memory.
  for (size_t build = 0; build < builds.size(); ++build)
    for (int64_t tokens : counts)
      for (size_t i = 0; i < distributions.size(); ++i)
        if (std::min(i, builds.size() - 1) == build)
          cases.push_back({tokens, distributions[i], build});
  return Status::ok();
}

/// Makes `runner` that of a build.
Status Run::use(size_t build) {
  if (used == build)
    return Status::ok();
  runner.reset();
  progress.show("compiling");
  MOERT_ASSIGN_OR_RETURN(runner, makeRunner(subject, builds[build]));
  used = build;
  return Status::ok();
}

/// The arguments of one case. Those that do not depend on it are generated once.
Result<std::vector<HostTensor>> Run::bind(const Case &current) {
  NamedTensors known = given;
  known.insert(constants.begin(), constants.end());
  MOERT_ASSIGN_OR_RETURN(uint64_t extraBytes, runner->planMemory(current.tokens));
  MOERT_ASSIGN_OR_RETURN(MemoryPlan plan, planMemory(specs, known, current.tokens, extraBytes));
  (void)plan; // a plan that does not fit is the failure above
  progress.show("generating inputs");
  InputOptions options{current.tokens, seed(), current.routing, threads};
  MOERT_ASSIGN_OR_RETURN(std::vector<HostTensor> arguments, bindInputs(specs, known, options));
  for (size_t i = 0; i < specs.size(); ++i)
    if (!dependsOnTokens(specs[i]) && !given.contains(specs[i].name))
      constants.emplace(specs[i].name, arguments[i]);
  return arguments;
}

std::string Run::reproduceCommand(const Case &current) const {
  std::string text = fmt::format("moec run {} --device {} --tokens {} --routing {} --seed {}",
                                 shellWord(subject.path), name(device).str(), current.tokens,
                                 shellWord(toString(current.routing)), seed());
  if (!inputsOption.empty())
    text += " --inputs " + shellWord(inputsOption);
  return text + checkOptionsText() + buildOptionsText();
}

void Run::print(const Case &current, const Runner::Outcome &outcome, StringRef result) {
  progress.clear();
  outs() << fmt::format("{} T={} {}: {}{:.3f} ms\n", name(device).str(), current.tokens,
                        toString(current.routing), result.str(), outcome.milliseconds);
  outs().flush();
}

Status Run::check(const Case &current, std::span<const HostTensor> arguments,
                  const Runner::Outcome &outcome) {
  progress.show("evaluating the reference");
  MOERT_ASSIGN_OR_RETURN(
      CheckReport report,
      checkAgainstReference(subject, current.tokens, arguments, outcome.outputs, checking));
  print(current, outcome, summarize(report) + ", ");
  if (report.passed())
    return Status::ok();
  ++failures;
  errs() << report.describe() << "reproduce with: " << reproduceCommand(current) << '\n';
  return Status::ok();
}

Status Run::writeOutputs(const Runner::Outcome &outcome) {
  NamedTensors tensors;
  std::vector<OutputSpec> outputs = subject.outputs();
  for (size_t i = 0; i < outputs.size(); ++i)
    tensors.emplace(outputs[i].name, outcome.outputs[i]);
  return moert::writeSafetensors(outputsOption.c_str(), tensors);
}

Status Run::runCase(const Case &current) {
  MOERT_ASSIGN_OR_RETURN(std::vector<HostTensor> arguments, bind(current));
  progress.show(fmt::format("running {} tokens", current.tokens));
  Result<Runner::Outcome> outcome = runner->run(arguments, current.tokens, isChecked());
  if (!outcome) {
    // A write beyond a tensor is a wrong result like any other.
    if (outcome.status().code() == StatusCode::Mismatch)
      errs() << "reproduce with: " << reproduceCommand(current) << '\n';
    return std::move(outcome).status();
  }
  if (isChecked())
    MOERT_RETURN_IF_ERROR(check(current, arguments, *outcome));
  else
    print(current, *outcome, "");
  return outputsOption.empty() ? Status::ok() : writeOutputs(*outcome);
}

Status Run::execute() {
  MOERT_RETURN_IF_ERROR(prepare());
  for (const Case &current : cases) {
    MOERT_RETURN_IF_ERROR(use(current.build));
    if (Status status = runCase(current); !status.isOk())
      return std::move(status).withContext(
          fmt::format("T={} {}", current.tokens, toString(current.routing)));
  }
  if (failures == 0)
    return Status::ok();
  return Status(StatusCode::Mismatch,
                fmt::format("{} of {} runs differ from the reference", failures, cases.size()));
}

int runRun() {
  Status status = Run().execute();
  return status.isOk() ? 0 : fail(status);
}

} // namespace moec::cli
