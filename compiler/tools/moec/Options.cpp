//===- Options.cpp - command line of moec -----------------------------------===//

#include "compiler/tools/moec/Options.h"

#include "compiler/Engine/Subject.h"
#include "compiler/Support/ShellWord.h"
#include "runtime/Support/Env.h"
#include "runtime/Support/File.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <cmath>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

cl::OptionCategory &category() {
  static cl::OptionCategory category("moec options");
  return category;
}

cl::SubCommand &compileCommand() {
  static cl::SubCommand command("compile", "compile a block to CUDA, PTX, cubin and a package");
  return command;
}

cl::SubCommand &runCommand() {
  static cl::SubCommand command("run", "run a block or a package, and check the result");
  return command;
}

cl::SubCommand &importCommand() {
  static cl::SubCommand command("import", "write the MoE block of a Hugging Face model as IR");
  return command;
}

cl::SubCommand &benchCommand() {
  static cl::SubCommand command("bench", "measure a block or a package against its floor");
  return command;
}

cl::SubCommand &tuneCommand() {
  static cl::SubCommand command("tune", "search for the fastest schedules of a block on this GPU");
  return command;
}

cl::SubCommand &cacheCommand() {
  static cl::SubCommand command("cache", "show, explain and look after the kernel cache");
  return command;
}

cl::SubCommand &envCommand() {
  static cl::SubCommand command("env", "print versions, libraries, devices and settings");
  return command;
}

static cl::opt<std::string> inputOption(cl::Positional, cl::Required, cl::sub(compileCommand()),
                                        cl::sub(runCommand()), cl::sub(benchCommand()), cl::sub(tuneCommand()),
                                        cl::cat(category()), cl::value_desc("IN"),
                                        cl::desc("<IN.mlir, - for stdin; run, bench: or OUT.moepkg>"));
static cl::opt<unsigned>
    jobsOption("j", cl::sub(compileCommand()), cl::sub(runCommand()), cl::sub(benchCommand()),
               cl::sub(tuneCommand()), cl::cat(category()), cl::Prefix, cl::value_desc("N"),
               cl::desc("threads, and processes that compile candidates (default: "
                        "MOEC_JOBS, else one per core)"));
static cl::opt<std::string>
    targetOption("target", cl::sub(compileCommand()), cl::sub(runCommand()),
                 cl::sub(benchCommand()), cl::sub(tuneCommand()),
                 cl::sub(cacheCommand()), cl::cat(category()), cl::value_desc("sm_XX"),
                 cl::desc("CUDA architecture (default: that of the GPU; compile: sm_90a, "
                          "native for that of the GPU, or a list for one package)"));
static cl::list<std::string> fuseOption("fuse", cl::sub(compileCommand()), cl::sub(runCommand()),
                                        cl::sub(benchCommand()), cl::sub(tuneCommand()),
                 cl::sub(cacheCommand()), cl::cat(category()),
                                        cl::CommaSeparated, cl::value_desc("names"),
                                        cl::desc(kFusionGrammar));
static cl::opt<CombineMode> combineOption(
    "combine", cl::sub(compileCommand()), cl::sub(runCommand()), cl::sub(benchCommand()), cl::sub(tuneCommand()),
                 cl::sub(cacheCommand()),
    cl::cat(category()), cl::init(CombineMode::Ordered), cl::desc("how a fused combine sums:"),
    cl::values(clEnumValN(CombineMode::Ordered, "ordered",
                          "rows stored, then summed in slot order: the same bits every time (default)"),
               clEnumValN(CombineMode::Accumulate, "accumulate",
                          "added into the output as they come; not deterministic")));
static cl::opt<std::string>
    scheduleOption("schedule", cl::sub(compileCommand()), cl::sub(runCommand()),
                   cl::sub(benchCommand()), cl::sub(cacheCommand()), cl::cat(category()),
                   cl::value_desc("text"),
                   cl::desc("schedules of products, as --convert-moe-to-kernel takes them"));
static cl::list<std::string>
    tokensOption("tokens", cl::sub(compileCommand()), cl::sub(runCommand()),
                 cl::sub(benchCommand()), cl::sub(tuneCommand()),
                 cl::sub(cacheCommand()), cl::cat(category()), cl::CommaSeparated,
                 cl::value_desc("N,..."),
                 cl::desc("token counts (compile: to choose schedules for; the package runs any)"));
static cl::list<std::string>
    routingOption("routing", cl::sub(compileCommand()), cl::sub(runCommand()),
                  cl::sub(benchCommand()), cl::sub(tuneCommand()), cl::sub(cacheCommand()),
                  cl::cat(category()), cl::CommaSeparated, cl::value_desc("R,..."),
                  cl::desc("uniform, zipf:A, balanced, one-expert, or histogram:FILE with recorded "
                           "\"counts\" of the experts as JSON, its name without commas (compile, "
                           "cache explain: one, whose tuning records are used)"));
static cl::opt<uint64_t> seedOption("seed", cl::sub(runCommand()), cl::sub(benchCommand()), cl::sub(tuneCommand()),
                                    cl::cat(category()), cl::init(0), cl::value_desc("N"),
                                    cl::desc("of generated inputs (default: 0)"));

const std::string &inputPath() { return inputOption; }

Result<unsigned> jobs() {
  // More threads than this are a typing error.
  constexpr unsigned kMaxJobs = 1024;
  auto wrong = [&](StringRef source, Twine value) {
    return Status(StatusCode::Usage, ("expects " + source + " to be an integer from 1 to " +
                                      Twine(kMaxJobs) + ", but got " + value)
                                         .str());
  };
  if (jobsOption.getNumOccurrences() > 0) {
    if (jobsOption < 1 || jobsOption > kMaxJobs)
      return wrong("-j", Twine(jobsOption));
    return unsigned(jobsOption);
  }
  std::optional<std::string> value = moert::readEnv(moert::EnvVar::Jobs);
  unsigned number = 0;
  if (!value)
    return 0u;
  if (StringRef(*value).getAsInteger(10, number) || number < 1 || number > kMaxJobs)
    return wrong("MOEC_JOBS", "'" + *value + "'");
  return unsigned(number);
}

const std::string &targetArch() { return targetOption; }

static SmallVector<StringRef> targetNames() {
  SmallVector<StringRef> names;
  StringRef(targetOption).split(names, ',');
  return names;
}

bool isNativeTarget() { return is_contained(targetNames(), kNativeTarget); }

Result<std::vector<std::string>> targetArchs() {
  std::vector<std::string> result;
  for (StringRef name : targetNames()) {
    std::string target = name.str();
    if (targetOption.empty()) {
      target = KernelOptions().target;
    } else if (name == kNativeTarget) {
      MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
      target = nativeTarget(device->properties());
    } else if (auto architecture = moert::Architecture::parse(target); !architecture) {
      return Status(StatusCode::Usage, "--target: " + architecture.status().message());
    }
    if (is_contained(result, target))
      return Status(StatusCode::Usage, "--target: expects each architecture once, but got " +
                                           target + " twice");
    result.push_back(std::move(target));
  }
  return result;
}

Result<std::string> oneTargetArch() {
  MOERT_ASSIGN_OR_RETURN(std::vector<std::string> targets, targetArchs());
  if (targets.size() == 1)
    return std::move(targets.front());
  return Status(StatusCode::Usage,
                fmt::format("--target: expects one architecture, but got {}", targets.size()));
}

Result<std::string> runnerTarget() {
  if (targetOption.empty())
    return std::string();
  return oneTargetArch();
}

Result<FusionChoice> fusions() {
  if (fuseOption.getNumOccurrences() == 0)
    return FusionChoice();
  auto choice = parseFusions(std::vector<std::string>(fuseOption.begin(), fuseOption.end()));
  return choice ? choice : std::move(choice).status().withContext("--fuse");
}

bool isFusionGiven() { return fuseOption.getNumOccurrences() > 0; }

CombineMode combineMode() { return combineOption; }

bool isCombineGiven() { return combineOption.getNumOccurrences() > 0; }

const std::string &scheduleText() { return scheduleOption; }

Result<std::vector<int64_t>> tokenCounts() {
  std::vector<int64_t> counts;
  for (const std::string &text : tokensOption) {
    int64_t count = 0;
    if (StringRef(text).getAsInteger(10, count) || count < 0)
      return Status(StatusCode::Usage,
                    "expects --tokens to be integers from 0 on, but got '" + text + "'");
    counts.push_back(count);
  }
  return counts;
}

Result<std::vector<Routing>> routings() {
  std::vector<Routing> result;
  for (const std::string &text : routingOption) {
    auto routing = parseRouting(text);
    if (!routing)
      return std::move(routing).status().withContext("--routing");
    result.push_back(*routing);
  }
  if (result.empty())
    result.emplace_back();
  return result;
}

uint64_t seed() { return seedOption; }

Result<double> parseSeconds(StringRef option, StringRef text) {
  StringRef number = text;
  double unit = number.consume_back("ms") ? 1e-3 : number.consume_back("m") ? 60 : 1;
  if (unit == 1)
    number.consume_back("s");
  double value = 0;
  if (number.getAsDouble(value) || !(value > 0) || !std::isfinite(value))
    return Status(StatusCode::Usage,
                  fmt::format("expects {} to be a time such as 60s or 5m, but got '{}'",
                              option.str(), text.str()));
  return value * unit;
}

Status expectCuda(StringRef option, bool isGiven, DeviceKind device) {
  if (!isGiven || device == DeviceKind::Cuda)
    return Status::ok();
  return Status(StatusCode::Usage, fmt::format("expects --device cuda with {}, but got {}",
                                               option.str(), name(device).str()));
}

Status checkDeviceOptions(DeviceKind device) {
  MOERT_RETURN_IF_ERROR(expectCuda("--target", !targetOption.empty(), device));
  MOERT_RETURN_IF_ERROR(expectCuda("--schedule", !scheduleOption.empty(), device));
  MOERT_RETURN_IF_ERROR(
      expectCuda("--combine accumulate", combineOption == CombineMode::Accumulate, device));
  return expectCuda("--strict-cache", isCacheStrict(), device);
}

std::vector<StringRef> givenBuildOptions() {
  const std::pair<StringRef, bool> options[] = {
      {"--target", targetOption.getNumOccurrences() > 0},
      {"--fuse", fuseOption.getNumOccurrences() > 0},
      {"--combine", combineOption.getNumOccurrences() > 0},
      {"--schedule", scheduleOption.getNumOccurrences() > 0},
      {"--tokens", tokensOption.getNumOccurrences() > 0},
      {"--routing", routingOption.getNumOccurrences() > 0},
      {"--no-tuned", areRecordsIgnored()},
      {"--tuned-for", isRecordDeviceGiven()}};
  std::vector<StringRef> given;
  for (auto [option, isGiven] : options)
    if (isGiven)
      given.push_back(option);
  return given;
}

Status checkSubjectOptions(const Subject &subject, DeviceKind device) {
  if (!subject.package || device != DeviceKind::Cuda)
    return Status::ok();
  constexpr StringRef kOfIr[] = {"--target", "--fuse", "--combine", "--schedule"};
  for (StringRef option : givenBuildOptions())
    if (is_contained(kOfIr, option))
      return Status(StatusCode::Usage, fmt::format("expects IR with {}, but '{}' is a package",
                                                   option.str(), subject.path));
  return Status::ok();
}

Status expectPath(StringRef option, StringRef path) {
  if (path != "-")
    return Status::ok();
  return Status(StatusCode::Usage,
                fmt::format("expects {} to be a path, but got '-'", option.str()));
}

std::string buildOptionsText() {
  std::string text;
  if (!targetOption.empty())
    text += " --target " + targetOption;
  if (fuseOption.getNumOccurrences() > 0)
    text += " --fuse " + join(fuseOption.begin(), fuseOption.end(), ",");
  if (combineOption == CombineMode::Accumulate)
    text += " --combine accumulate";
  if (!scheduleOption.empty())
    text += " --schedule " + shellWord(scheduleOption);
  if (areRecordsIgnored())
    text += " --no-tuned";
  if (isCacheDirectoryGiven())
    text += " --cache-dir " + shellWord(cacheDirectory());
  return text;
}

int fail(const Status &status) {
  outs().flush();
  errs() << "moec: error: " << status.message() << '\n';
  return status.exitCode();
}

Status flushOutput() {
  outs().flush();
  if (!outs().has_error())
    return Status::ok();
  std::string message = "cannot write to standard output: " + outs().error().message();
  outs().clear_error(); // else the stream ends the program, with the exit code of a mismatch
  return Status(StatusCode::Toolchain, std::move(message));
}

void warn(StringRef message) { errs() << "moec: warning: " << message << '\n'; }

Status writeText(const std::string &path, StringRef text) {
  if (path != "-")
    return moert::writeFileAtomically(path, text);
  outs() << text;
  return flushOutput();
}

Result<std::string> readText(const std::string &path, uint64_t maxBytes) {
  if (path != "-")
    return moert::readFile(path, maxBytes);
  ErrorOr<std::unique_ptr<MemoryBuffer>> input = MemoryBuffer::getSTDIN();
  if (!input)
    return Status(StatusCode::InvalidInput,
                  "cannot read standard input: " + input.getError().message());
  if ((*input)->getBufferSize() > maxBytes)
    return Status(StatusCode::InvalidInput, "expects at most " + std::to_string(maxBytes) +
                                                " bytes on standard input, but got more");
  return (*input)->getBuffer().str();
}

} // namespace moec::cli
