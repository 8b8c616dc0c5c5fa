//===- Tuned.cpp - measured schedules for a compilation ---------------------===//

#include "compiler/Engine/Tuned.h"

#include "compiler/Engine/CpuRunner.h"
#include "compiler/Engine/Products.h"
#include "compiler/Schedule/Override.h"
#include "compiler/Schedule/Schedule.h"
#include "dialects/Moe/IR/MoeOps.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mlir;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

TunedFor tunedFor(const moert::cuda::DeviceProperties &device) {
  TunedFor who;
  who.device = device.name;
  who.multiprocessors = device.smCount;
  who.driver = fmt::format("{}.{}", device.driverVersion / 1000, device.driverVersion % 1000 / 10);
  return who;
}

/// The element type of the block's weights ("bf16").
static std::string weightType(const MoeBlock &block) {
  std::string name;
  block.function().walk([&](moe::GroupedMatmulOp op) {
    llvm::raw_string_ostream(name)
        << getElementTypeOrSelf(op.getWeights().front().getType());
    return WalkResult::interrupt();
  });
  return name;
}

Result<RecordKey> recordKey(const MoeBlock &block, std::string fuse, CombineMode combine,
                            const TunedFor &who, const std::string &target) {
  // A block that cannot be fused says so when it is compiled.
  ScopedDiagnosticHandler quiet(&block.context(), [](Diagnostic &) { return success(); });
  MOERT_ASSIGN_OR_RETURN(schedule::BlockProblem problem, problemOf(block, {}, combine));
  if (problem.matmuls.empty())
    return Status(StatusCode::Unsupported, "expects a block with a grouped matmul");
  RecordKey key;
  key.problem = problemText(weightType(block), problem);
  key.routing = who.routing;
  key.fuse = std::move(fuse);
  key.combine = combine;
  key.device = who.device;
  key.multiprocessors = who.multiprocessors;
  key.target = target;
  return key;
}

namespace {

/// Finds the records of one compilation and puts them together.
class Choose {
public:
  Choose(const MoeBlock &block, const CompilerOptions &options, const Records &records,
         const TunedFor &who)
      : block(block), options(options), records(records), who(who) {}
  TunedChoice run();

private:
  /// A record that was found, and whether its schedules are legal for the block as it is now.
  struct Candidate {
    FoundRecord found;
    Status fit;
    const Record &record() const { return found.record; }
    TokenInterval interval() const { return intervalOf(found.record.tokens); }
  };
  using Candidates = std::vector<Candidate>;

  Candidates lookUp() const;
  bool isWanted(const FoundRecord &found) const;
  void chooseFusions(const Candidates &candidates);
  Status checkFit(const Record &record) const;
  std::string describe(const FoundRecord &found) const;

  const MoeBlock &block;
  const CompilerOptions &options;
  const Records &records;
  const TunedFor &who;
  TunedChoice result;
};

} // namespace

/// What is known of the block: for each interval of token counts one record, by preference one that
/// was measured under the same restrictions.
Choose::Candidates Choose::lookUp() const {
  std::map<int64_t, FoundRecord> byInterval;
  std::vector<std::string> restrictions = {"any"};
  if (who.areFusionsGiven)
    restrictions.insert(restrictions.begin(), toString(options.fusions));
  for (const std::string &fuse : restrictions) {
    Result<RecordKey> key =
        recordKey(block, fuse, options.kernel.combine, who, options.kernel.target);
    if (!key)
      break;
    for (FoundRecord &found : records.find(*key))
      if (isWanted(found) && (!who.areFusionsGiven || found.record.fusions == options.fusions))
        byInterval.emplace(intervalOf(found.record.tokens).first, std::move(found));
  }
  Candidates candidates;
  for (auto &[first, found] : byInterval) {
    Status fit = found.record.schedules.empty() ? Status::ok() : checkFit(found.record);
    candidates.push_back({std::move(found), std::move(fit)});
  }
  return candidates;
}

bool Choose::isWanted(const FoundRecord &found) const {
  TokenInterval interval = intervalOf(found.record.tokens);
  return options.kernel.tokens.empty() ||
         llvm::any_of(options.kernel.tokens,
                      [&](int64_t tokens) { return interval.contains(tokens); });
}

/// The fusions of the records, where they can be used and all counts agree on them.
void Choose::chooseFusions(const Candidates &candidates) {
  result.fusions = options.fusions;
  if (who.areFusionsGiven || candidates.empty() || options.kernel.tokens.empty())
    return;
  const FusionChoice &first = candidates.front().record().fusions;
  bool agree = llvm::all_of(candidates, [&](const Candidate &candidate) {
    return candidate.fit.isOk() && candidate.record().fusions == first;
  });
  bool complete = llvm::all_of(options.kernel.tokens, [&](int64_t tokens) {
    return llvm::any_of(candidates, [&](const Candidate &candidate) {
      return candidate.interval().contains(tokens);
    });
  });
  if (agree && complete)
    result.fusions = first;
}

Status Choose::checkFit(const Record &record) const {
  MLIRContext &context = block.context();
  context.loadDialect<kernel::MoeKernelDialect>();
  std::string reason;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (reason.empty())
      reason = diagnostic.str();
    return success();
  });
  MOERT_ASSIGN_OR_RETURN(schedule::BlockProblem problem,
                         problemOf(block, record.fusions, options.kernel.combine));
  kernel::TargetAttr target = kernel::getKnownTarget(&context, options.kernel.target);
  if (!target || problem.matmuls.size() != record.schedules.size())
    return Status(StatusCode::Unsupported,
                  fmt::format("it has {} schedules, but the block {} grouped matmuls",
                              record.schedules.size(), problem.matmuls.size()));
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(&context)); };
  for (size_t i = 0; i < record.schedules.size(); ++i) {
    FailureOr<schedule::Overrides> parsed =
        schedule::parseOverrides(&context, "*: " + record.schedules[i], emitError);
    if (failed(parsed) ||
        failed(kernel::verifyMatmulSchedule(parsed->find(0, 0),
                                            schedule::getMatmulTraits(problem.matmuls[i]), target,
                                            emitError)))
      return Status(StatusCode::Unsupported, reason);
  }
  return Status::ok();
}

std::string Choose::describe(const FoundRecord &found) const {
  const Record &record = found.record;
  std::string text = fmt::format(
      "{} of {} at T={}", found.source == RecordSource::User ? "record" : "shipped record",
      record.key.device, record.tokens);
  if (record.schedules.empty())
    text += ": the default is the fastest";
  else
    text += fmt::format(": {:.3f} of the default's time", record.ratio());
  const RecordEnvironment &then = record.environment;
  if (!who.driver.empty() && !then.driver.empty() && then.driver != who.driver)
    text += fmt::format("; measured with driver {}, this is {}", then.driver, who.driver);
  if (!then.moec.empty() && then.moec != MOEC_VERSION)
    text += fmt::format("; measured with moec {}", then.moec);
  return text;
}

/// The schedules of an interval, as KernelOptions takes them.
static std::string scheduleText(const TokenInterval &interval,
                                const std::vector<std::string> &schedules) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < schedules.size(); ++i)
    texts.push_back(fmt::format("{}@{}-{}: {}", i, interval.first, interval.last, schedules[i]));
  return fmt::format("{}", fmt::join(texts, "; "));
}

TunedChoice Choose::run() {
  Candidates candidates = lookUp();
  chooseFusions(candidates);
  std::vector<std::pair<TokenInterval, std::vector<std::string>>> pieces;
  auto isServed = [&](int64_t tokens) {
    return llvm::any_of(candidates, [&](const Candidate &candidate) {
      return candidate.interval().contains(tokens);
    });
  };
  for (const Candidate &candidate : candidates) {
    TokenInterval interval = candidate.interval();
    const Record &record = candidate.record();
    std::string text =
        fmt::format("T={}-{}: ", interval.first, interval.last) + describe(candidate.found);
    if (!candidate.fit.isOk()) {
      text += "; not used: " + candidate.fit.message();
    } else if (!record.schedules.empty() && record.fusions != result.fusions) {
      result.own.push_back(
          {interval, record.tokens, record.fusions, scheduleText(interval, record.schedules)});
      text += ", with --fuse " + toString(record.fusions);
    } else if (!record.schedules.empty()) {
      if (!pieces.empty() && pieces.back().first.last + 1 == interval.first &&
          pieces.back().second == record.schedules)
        pieces.back().first.last = interval.last;
      else
        pieces.emplace_back(interval, record.schedules);
    }
    result.origins.push_back(std::move(text));
  }
  std::vector<std::string> texts;
  for (const auto &[interval, schedules] : pieces)
    texts.push_back(scheduleText(interval, schedules));
  result.schedule = fmt::format("{}", fmt::join(texts, "; "));
  std::vector<int64_t> others;
  llvm::copy_if(options.kernel.tokens, std::back_inserter(others),
                [&](int64_t tokens) { return !isServed(tokens); });
  std::string rest = candidates.empty() ? "all T" : "other T";
  if (!options.kernel.tokens.empty())
    rest = fmt::format("T={}", fmt::join(others, ","));
  if (options.kernel.tokens.empty() || !others.empty())
    result.origins.push_back(
        fmt::format("{}: the heuristic's choice, as there is no record of {}", rest,
                    who.device.empty() ? "the device, which is not known" : who.device));
  return std::move(result);
}

TunedChoice chooseTuned(const MoeBlock &block, const CompilerOptions &options,
                        const Records &records, const TunedFor &who) {
  return Choose(block, options, records, who).run();
}

} // namespace moec
