//===- BenchCommand.cpp - moec bench -----------------------------------------===//

#include "compiler/Bench/BlockCost.h"
#include "compiler/Bench/CudaBench.h"
#include "compiler/Engine/Products.h"
#include "compiler/Engine/Subject.h"
#include "compiler/tools/moec/BenchTable.h"
#include "compiler/tools/moec/Checking.h"
#include "compiler/tools/moec/Options.h"
#include "compiler/tools/moec/Progress.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

using namespace llvm;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<DeviceKind>
    deviceOption("device", cl::sub(benchCommand()), cl::cat(category()),
                 cl::desc("what to measure (default: cuda where there is a GPU, else cpu)"),
                 cl::values(clEnumValN(DeviceKind::Cuda, "cuda", "the GPU that MOEC_DEVICE names"),
                            clEnumValN(DeviceKind::Cpu, "cpu", "this machine's cores")));
static cl::opt<std::string> jsonOption("json", cl::sub(benchCommand()), cl::cat(category()),
                                       cl::value_desc("F"),
                                       cl::desc("also write the results as JSON, - for stdout"));
static cl::opt<double> peakTflopsOption("peak-tflops", cl::sub(benchCommand()), cl::cat(category()),
                                        cl::init(750), cl::value_desc("X"),
                                        cl::desc("ceiling of the floor (default: 750, bf16)"));
static cl::opt<double>
    peakTbsOption("peak-tbs", cl::sub(benchCommand()), cl::cat(category()), cl::init(4.6),
                  cl::value_desc("X"),
                  cl::desc("ceiling of the floor (default: 3.07 on an H100, else 4.6, H200)"));
static cl::opt<bool> measurePeakOption("measure-peak", cl::sub(benchCommand()), cl::cat(category()),
                                       cl::desc("measure this GPU's read bandwidth first"));
static cl::opt<std::string>
    warmUpOption("warm-up", cl::sub(benchCommand()), cl::cat(category()), cl::init("100ms"),
                 cl::value_desc("100ms"),
                 cl::desc("keep the GPU busy for so long before it is timed; s, m or ms"));
static cl::opt<bool> perKernelOption("per-kernel", cl::sub(benchCommand()), cl::cat(category()),
                                     cl::desc("also what each launch costs where it stands"));
static cl::opt<unsigned>
    onlyOption("only", cl::sub(benchCommand()), cl::cat(category()), cl::value_desc("N"),
               cl::desc("measure grouped matmul N alone, 0 being the first; as "
                        "--schedule counts them"));

namespace {

/// What one invocation does.
class Bench {
public:
  Status execute();

private:
  Status chooseProduct();
  Status measureCuda();
  Status measureCpu();
  Result<BenchRow> cudaRow(CudaBench &bench, const moert::Package &package, int64_t tokens,
                           const Routing &routing);
  Status check(CudaBench &bench, const moert::LoadedPackage &subject,
               std::span<const std::vector<HostTensor>> sets, BenchRow &row);
  Status breakDown(CudaBench &bench, const moert::Package &package, BenchRow &row);
  Result<Timing> measureOnly(CudaBench &bench, const moert::LoadedPackage &whole,
                             const moert::Package &package, int64_t tokens);
  void choosePeaks();
  void rate(BenchRow &row) const;
  void printHeader() const;
  void keep(BenchRow row);
  json::Value report() const;

  Progress progress;
  Subject subject;
  BlockCost cost;
  Peaks peaks;
  RunnerOptions options;
  CheckOptions checking;
  std::vector<Routing> distributions;
  TimingOptions timing;
  std::string deviceName;
  std::string only;       ///< what of the block is measured, for the header; empty for all of it
  double measuredTbs = 0; ///< 0: not measured
  moert::NamedTensors weights; ///< what does not depend on T, once it is made
  std::vector<BenchRow> rows;
};

} // namespace

/// Those of the device, but for what the user gave.
void Bench::choosePeaks() {
  peaks = knownPeaks(deviceName);
  if (peakTflopsOption.getNumOccurrences() > 0)
    peaks.flops = peakTflopsOption * 1e12;
  if (peakTbsOption.getNumOccurrences() > 0)
    peaks.bytes = peakTbsOption * 1e12;
}

/// Fills what follows from the time and the block.
void Bench::rate(BenchRow &row) const {
  row.tflops = 1e-6 * cost.flops(row.tokens) / row.timing.median;
  row.tbs = 1e-6 * cost.bytes(row.tokens, row.touchedExperts) / row.timing.median;
  row.floor = cost.floor(row.tokens, row.touchedExperts, peaks);
}

void Bench::printHeader() const {
  outs() << fmt::format("{}{} on {}; floor at {:g} TFLOP/s, {:g} TB/s", subject.path, only,
                        deviceName, peaks.flops / 1e12, peaks.bytes / 1e12);
  if (measuredTbs != 0)
    outs() << fmt::format("; measured read bandwidth {:.2f} TB/s", measuredTbs);
  outs() << '\n';
  printBenchColumns();
}

/// Prints a row, and on standard error what is wrong with it.
void Bench::keep(BenchRow row) {
  progress.clear();
  printBenchRow(row);
  if (row.check && !row.check->passed())
    errs() << row.check->describe();
  rows.push_back(std::move(row));
}

json::Value Bench::report() const {
  json::Array results;
  for (const BenchRow &row : rows)
    results.push_back(toJson(row));
  json::Value measured = nullptr, product = nullptr, warmUp = nullptr;
  if (options.device == DeviceKind::Cuda) // the CPU has one run for it
    warmUp = timing.warmupSeconds;
  if (measuredTbs != 0)
    measured = measuredTbs;
  if (!only.empty())
    product = int64_t(onlyOption);
  return json::Object{
      {"producer", "moec " MOEC_VERSION},
      {"subject", subject.path},
      {"device", deviceName},
      {"fusions", toString(options.fusions)},
      {"combine", options.combine == CombineMode::Ordered ? "ordered" : "accumulate"},
      {"schedule", scheduleText()},
      {"only", std::move(product)},
      {"seed", seed()},
      {"warm_up_s", std::move(warmUp)},
      {"peak_tflops", peaks.flops / 1e12},
      {"peak_tbs", peaks.bytes / 1e12},
      {"measured_read_tbs", std::move(measured)},
      {"results", std::move(results)}};
}

/// `--check`: what the last replays left, of one input against the reference and of all against one
/// run each, bit for bit; where the order of additions decides bits, of all against the reference.
Status Bench::check(CudaBench &bench, const moert::LoadedPackage &whole,
                    std::span<const std::vector<HostTensor>> sets, BenchRow &row) {
  const moert::Manifest &manifest = whole.manifest();
  bool isSteady = manifest.variants[moert::variantFor(manifest, row.tokens)].deterministic;
  for (size_t set = 0; set < (isSteady ? 1 : sets.size()); ++set) {
    progress.show("checking inputs", set, sets.size());
    MOERT_ASSIGN_OR_RETURN(std::vector<HostTensor> outputs, bench.outputs(set));
    MOERT_ASSIGN_OR_RETURN(CheckReport report, checkAgainstReference(subject, row.tokens, sets[set],
                                                                     outputs, checking));
    bool isFirst = !row.check;
    if (isFirst || !report.passed())
      row.check = std::move(report);
    if (!row.check->passed())
      break;
  }
  if (isSteady) {
    Status status = bench.checkOutputsAgain(whole);
    if (status.code() != StatusCode::Mismatch)
      return status;
    row.unsteady = status.message();
  }
  return Status::ok();
}

/// The cost of each launch: the time of the first n launches less that of the first n - 1.
Status Bench::breakDown(CudaBench &bench, const moert::Package &package, BenchRow &row) {
  const moert::Variant &variant =
      package.manifest.variants[moert::variantFor(package.manifest, row.tokens)];
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
  double before = 0;
  for (size_t i = 0; i < variant.launches.size(); ++i) {
    progress.show("measuring launches", i, variant.launches.size());
    double time = row.timing.median;
    if (i + 1 < variant.launches.size()) {
      MOERT_ASSIGN_OR_RETURN(
          std::shared_ptr<const moert::LoadedPackage> part,
          moert::LoadedPackage::load(device, firstLaunches(package, row.tokens, i + 1)));
      MOERT_ASSIGN_OR_RETURN(Timing cut, bench.measure(*part, timing));
      time = cut.median;
    }
    row.parts.push_back({package.manifest.kernels[variant.launches[i].kernel].name, time - before});
    before = time;
  }
  return Status::ok();
}

/// `--only`: replaces the block's cost by that of one product.
Status Bench::chooseProduct() {
  if (!subject.block || subject.package)
    return Status(StatusCode::Usage,
                  "expects IR with --only, but '" + subject.path + "' is a package");
  if (perKernelOption)
    return Status(StatusCode::Usage, "expects --only or --per-kernel, but got both");
  if (isChecked())
    return Status(StatusCode::Usage, "expects --only or --check, but got both");
  MOERT_ASSIGN_OR_RETURN(schedule::BlockProblem problem,
                         problemOf(*subject.block, options.fusions, options.combine));
  if (onlyOption >= problem.matmuls.size())
    return Status(
        StatusCode::Usage,
        fmt::format("expects --only to be below {}, the number of grouped matmuls, but got "
                    "{}",
                    problem.matmuls.size(), unsigned(onlyOption)));
  const schedule::MatmulProblem &matmul = problem.matmuls[onlyOption];
  cost = costOf(matmul, cost);
  only = fmt::format(", grouped matmul {} alone ({})", unsigned(onlyOption), toString(matmul));
  return Status::ok();
}

Result<Timing> Bench::measureOnly(CudaBench &bench, const moert::LoadedPackage &whole,
                                  const moert::Package &package, int64_t tokens) {
  MOERT_ASSIGN_OR_RETURN(size_t launch, launchOfProduct(package.manifest, tokens, onlyOption));
  MOERT_ASSIGN_OR_RETURN(
      std::shared_ptr<const moert::LoadedPackage> part,
      moert::LoadedPackage::load(whole.device(), onlyLaunch(package, tokens, launch)));
  return bench.measureAlone(whole, *part, timing);
}

Result<BenchRow> Bench::cudaRow(CudaBench &bench, const moert::Package &package, int64_t tokens,
                                const Routing &routing) {
  BenchRow row;
  row.tokens = tokens;
  row.routing = toString(routing);
  progress.show(fmt::format("preparing T={} {}", tokens, row.routing));
  MOERT_RETURN_IF_ERROR(bench.checkRoom(tokens, CudaBench::kSets));
  MOERT_ASSIGN_OR_RETURN(std::vector<std::vector<HostTensor>> sets,
                         bindInputSets(subject.inputs(), weights,
                                       {tokens, seed(), routing, options.jobs}, CudaBench::kSets));
  MOERT_RETURN_IF_ERROR(bench.prepare(tokens, sets));
  for (const std::vector<HostTensor> &set : sets)
    row.touchedExperts +=
        double(countTouchedExperts(set[cost.logitsArgument], cost.topK)) / double(sets.size());
  if (!isChecked())
    sets.clear();
  progress.show(fmt::format("measuring T={} {}", tokens, row.routing));
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::LoadedPackage> loaded,
                         moert::LoadedPackage::load(device, package));
  MOERT_ASSIGN_OR_RETURN(row.timing, only.empty() ? bench.measure(*loaded, timing)
                                                  : measureOnly(bench, *loaded, package, tokens));
  if (isChecked())
    MOERT_RETURN_IF_ERROR(check(bench, *loaded, sets, row));
  if (perKernelOption)
    MOERT_RETURN_IF_ERROR(breakDown(bench, package, row));
  return row;
}

Status Bench::measureCuda() {
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
  deviceName = device->properties().name;
  choosePeaks();
  MOERT_ASSIGN_OR_RETURN(options.cache, kernelCache());
  if (measurePeakOption) {
    progress.show("measuring the read bandwidth");
    MOERT_ASSIGN_OR_RETURN(double bandwidth, measureReadBandwidth(device, *options.cache));
    measuredTbs = bandwidth / 1e12;
  }
  progress.show("compiling");
  std::vector<moert::Package> packages; // one, or where records decide one for each routing
  for (const RunnerOptions &build : withRecords(subject, options, distributions)) {
    MOERT_ASSIGN_OR_RETURN(moert::Package package, packageFor(subject, *device, build));
    packages.push_back(std::move(package));
  }
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::LoadedPackage> loaded,
                         moert::LoadedPackage::load(device, packages.front()));
  CudaBench bench(loaded);
  progress.clear();
  printHeader();
  for (int64_t tokens : options.tokens)
    for (size_t i = 0; i < distributions.size(); ++i) {
      const Routing &routing = distributions[i];
      const moert::Package &package = packages[std::min(i, packages.size() - 1)];
      MOERT_ASSIGN_OR_RETURN(BenchRow row, cudaRow(bench, package, tokens, routing));
      rate(row);
      progress.clear();
      // Far below its floor it did not do its work, for want of what a launch before it resets.
      if (!only.empty() && row.timing.median < 0.3 * row.floor)
        warn(fmt::format("T={} {}: the product alone takes {:.2f} of its floor; it may need the "
                         "launches before it",
                         tokens, row.routing, row.timing.median / row.floor));
      keep(std::move(row));
    }
  return Status::ok();
}

/// The simple form: a warm-up, then the median of at least three runs and half a second.
Status Bench::measureCpu() {
  deviceName = "cpu";
  choosePeaks();
  progress.show("compiling");
  MOERT_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner, makeRunner(subject, options));
  std::vector<InputSpec> specs = subject.inputs();
  progress.clear();
  printHeader();
  for (int64_t tokens : options.tokens)
    for (const Routing &routing : distributions) {
      BenchRow row;
      row.tokens = tokens;
      row.routing = toString(routing);
      progress.show(fmt::format("measuring T={} {}", tokens, row.routing));
      MOERT_ASSIGN_OR_RETURN(uint64_t extra, runner->planMemory(tokens));
      MOERT_ASSIGN_OR_RETURN(MemoryPlan plan, planMemory(specs, weights, tokens, extra));
      (void)plan;
      MOERT_ASSIGN_OR_RETURN(
          std::vector<std::vector<HostTensor>> sets,
          bindInputSets(specs, weights, {tokens, seed(), routing, options.jobs}, 1));
      const std::vector<HostTensor> &arguments = sets.front();
      row.touchedExperts = double(countTouchedExperts(arguments[cost.logitsArgument], cost.topK));
      Runner::Outcome outcome;
      std::vector<double> times;
      double total = 0;
      for (bool warm = false; times.size() < 3 || total < 500; warm = true) {
        MOERT_ASSIGN_OR_RETURN(outcome, runner->run(arguments, tokens, false));
        if (!warm)
          continue;
        times.push_back(1e3 * outcome.milliseconds);
        total += outcome.milliseconds;
      }
      if (isChecked()) {
        MOERT_ASSIGN_OR_RETURN(row.check, checkAgainstReference(subject, tokens, arguments,
                                                                outcome.outputs, checking));
      }
      row.timing = timingOf(std::move(times));
      rate(row);
      progress.clear();
      keep(std::move(row));
    }
  return Status::ok();
}

Status Bench::execute() {
  MOERT_ASSIGN_OR_RETURN(options.jobs, jobs());
  MOERT_ASSIGN_OR_RETURN(options.tokens, tokenCounts());
  MOERT_ASSIGN_OR_RETURN(distributions, routings());
  MOERT_ASSIGN_OR_RETURN(options.fusions, fusions());
  MOERT_ASSIGN_OR_RETURN(checking, checkOptions(options.jobs));
  options.combine = combineMode();
  options.schedule = scheduleText();
  if (options.tokens.empty() || is_contained(options.tokens, 0))
    return Status(StatusCode::Usage, "expects --tokens with counts from 1 on");
  // Within these, nothing that follows from them leaves the range of a double.
  for (double peak : {double(peakTflopsOption), double(peakTbsOption)})
    if (!(peak >= 1e-9 && peak <= 1e9))
      return Status(StatusCode::Usage,
                    fmt::format("expects --peak-tflops and --peak-tbs to be from 1e-09 to 1e+09, "
                                "but got {:g}",
                                peak));
  MOERT_ASSIGN_OR_RETURN(timing.warmupSeconds, parseSeconds("--warm-up", warmUpOption));
  options.device =
      deviceOption.getNumOccurrences() > 0 ? DeviceKind(deviceOption) : defaultDevice();
  MOERT_ASSIGN_OR_RETURN(subject, loadSubject(inputPath(), options.device, errs()));
  if (!subject.block)
    return Status(StatusCode::Usage,
                  subject.path + ": expects a package with its IR, but it holds none");
  MOERT_ASSIGN_OR_RETURN(cost, costOf(*subject.block));
  for (int64_t tokens : options.tokens)
    MOERT_RETURN_IF_ERROR(checkTokens(subject.inputs(), tokens));
  for (const Routing &routing : distributions)
    MOERT_RETURN_IF_ERROR(checkRouting(subject.inputs(), routing));
  if (isChecked())
    MOERT_RETURN_IF_ERROR(expectReference(subject));
  bool isOnly = onlyOption.getNumOccurrences() > 0;
  MOERT_RETURN_IF_ERROR(checkDeviceOptions(options.device));
  MOERT_RETURN_IF_ERROR(checkSubjectOptions(subject, options.device));
  MOERT_RETURN_IF_ERROR(
      expectCuda("--warm-up", warmUpOption.getNumOccurrences() > 0, options.device));
  MOERT_RETURN_IF_ERROR(expectCuda("--only", isOnly, options.device));
  MOERT_RETURN_IF_ERROR(expectCuda("--per-kernel", perKernelOption, options.device));
  MOERT_RETURN_IF_ERROR(expectCuda("--measure-peak", measurePeakOption, options.device));
  if (isOnly)
    MOERT_RETURN_IF_ERROR(chooseProduct());
  MOERT_ASSIGN_OR_RETURN(options.target, runnerTarget());
  Status status = options.device == DeviceKind::Cuda ? measureCuda() : measureCpu();
  // What was measured before a failure is kept.
  if (!jsonOption.empty() && (status.isOk() || !rows.empty()))
    MOERT_RETURN_IF_ERROR(writeText(jsonOption, formatv("{0:2}\n", report()).str()));
  size_t wrong = count_if(rows, [](const BenchRow &row) { return row.isWrong(); });
  if (status.isOk() && wrong != 0)
    return Status(StatusCode::Mismatch,
                  fmt::format("{} of {} results are wrong", wrong, rows.size()));
  return status;
}

int runBench() {
  Status status = Bench().execute();
  return status.isOk() ? 0 : fail(status);
}

} // namespace moec::cli
