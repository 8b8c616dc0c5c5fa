//===- TunedOptions.cpp - measured schedules, for subcommands that compile --===//

#include "compiler/Engine/Subject.h"
#include "compiler/Engine/Tuned.h"
#include "compiler/tools/moec/Options.h"

#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<bool> noTunedOption("no-tuned", cl::sub(compileCommand()), cl::sub(runCommand()),
                                   cl::sub(benchCommand()), cl::sub(cacheCommand()),
                                   cl::cat(category()),
                                   cl::desc("ignore tuning records: default schedules"));
static cl::opt<std::string>
    tunedForOption("tuned-for", cl::sub(compileCommand()), cl::sub(cacheCommand()),
                   cl::cat(category()), cl::value_desc("DEVICE"),
                   cl::desc("look tuning records up for the device of this name (default: with "
                            "--target native that device, else none)"));

bool areRecordsIgnored() { return noTunedOption; }
bool isRecordDeviceGiven() { return !tunedForOption.empty(); }

std::shared_ptr<const Records> tuningRecords() {
  if (noTunedOption)
    return nullptr;
  return std::make_shared<Records>(RecordStore::openExisting(
      cacheDirectory(), [](const std::string &text) { warn(text); }));
}

void tellOrigin(const std::string &origin) {
  if (!isVerbose())
    return;
  outs().flush();
  errs() << "schedule: " << origin << '\n';
}

Status applyRecords(const MoeBlock &block, CompilerOptions &options) {
  if (noTunedOption && !tunedForOption.empty())
    return Status(StatusCode::Usage, "expects --tuned-for or --no-tuned, but got both");
  MOERT_ASSIGN_OR_RETURN(std::vector<Routing> distributions, routings());
  if (distributions.size() != 1)
    return Status(StatusCode::Usage, "expects --routing to name one distribution, whose tuning "
                                     "records are used, but got " +
                                         std::to_string(distributions.size()));
  MOERT_RETURN_IF_ERROR(checkRouting(block.inputs(), distributions.front()));
  std::shared_ptr<const Records> records = tuningRecords();
  if (!records || !options.kernel.schedule.empty() || options.stopAfter < Stage::Kernel)
    return Status::ok();
  TunedFor who;
  if (!tunedForOption.empty()) {
    who.device = tunedForOption;
  } else if (isNativeTarget()) {
    MOERT_ASSIGN_OR_RETURN(std::shared_ptr<const moert::cuda::Device> device, openDevice());
    if (options.kernel.target == nativeTarget(device->properties()))
      who = tunedFor(device->properties());
  }
  who.areFusionsGiven = isFusionGiven();
  who.routing = identityOf(distributions.front());
  if (!who.device.empty() && !records->mayHave(who.device) && !isVerbose())
    return Status::ok();
  if (who.device.empty()) {
    tellOrigin("all T: the heuristic's choice, as no device is named (--target native or "
               "--tuned-for)");
    return Status::ok();
  }
  TunedChoice choice = chooseTuned(block, options, *records, who);
  options.kernel.schedule = choice.schedule;
  options.fusions = choice.fusions;
  options.own = std::move(choice.own);
  for (const std::string &origin : choice.origins)
    tellOrigin(origin);
  return Status::ok();
}

std::vector<RunnerOptions> withRecords(const Subject &subject, const RunnerOptions &options,
                                       ArrayRef<Routing> routings) {
  RunnerOptions common = options;
  common.records = tuningRecords();
  common.areFusionsGiven = isFusionGiven();
  bool decides = common.records && common.schedule.empty() && !subject.package;
  std::vector<RunnerOptions> result;
  for (const Routing &routing : decides ? routings : routings.take_front()) {
    RunnerOptions &own = result.emplace_back(common);
    own.routing = identityOf(routing);
    std::string prefix = routings.size() > 1 ? toString(routing) + ": " : "";
    if (isVerbose())
      own.onOrigin = [prefix](const std::string &origin) { tellOrigin(prefix + origin); };
  }
  return result;
}

} // namespace moec::cli
