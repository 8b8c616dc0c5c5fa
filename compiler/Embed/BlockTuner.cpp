//===- BlockTuner.cpp - faster builds of a block, found while it runs -------===//

#include "compiler/Embed/BlockTuner.h"

#include "compiler/Embed/TextVariants.h"
#include "compiler/Embed/TuneProcess.h"
#include "runtime/Support/Log.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

using moert::LogLevel;
using moert::Result;
using moert::Status;
using moert::StatusCode;
using moert::TunedVariant;
using moert::TuneRequest;

namespace moec {

Records openRecords(const std::filesystem::path &cacheDirectory) {
  std::optional<RecordStore> user;
  if (!cacheDirectory.empty())
    user = RecordStore::openExisting(cacheDirectory, [](const std::string &text) {
      moert::log(LogLevel::Warning, "records", "{}", text);
    });
  return Records(std::move(user));
}

static std::string toolOf(const TuneRequest &request) {
  return request.tool.empty() ? toolBesideLibrary() : request.tool;
}

Status BlockTuner::checkTuning(const TuneRequest &request) const {
  if (!options.compiler.kernel.schedule.empty())
    return Status(StatusCode::Usage,
                  "expects no schedule of the host's own for a block that is to be tuned");
  if (options.cacheDirectory.empty())
    return Status(StatusCode::Usage, "expects a cache folder for a block that is to be tuned, as "
                                     "records of what is found are kept in it");
  return checkTool(toolOf(request));
}

/// What is known for the token count, whoever measured it.
Result<std::optional<Record>> BlockTuner::findRecord(const MoeBlock &block, int64_t tokens) const {
  const KernelOptions &kernel = options.compiler.kernel;
  MOERT_ASSIGN_OR_RETURN(RecordKey key,
                         recordKey(block, "any", kernel.combine, options.who, kernel.target));
  for (FoundRecord &found : openRecords(options.cacheDirectory).find(key))
    if (intervalOf(found.record.tokens).contains(tokens))
      return std::optional(std::move(found.record));
  return std::optional<Record>();
}

std::vector<std::string> BlockTuner::command(int64_t tokens, const TuneRequest &request) const {
  std::vector<std::string> words = {toolOf(request),
                                    "tune",
                                    "-",
                                    "--tokens",
                                    std::to_string(tokens),
                                    "--routing",
                                    options.routing,
                                    "--effort",
                                    request.isFull ? "full" : "quick",
                                    "--cache-dir",
                                    options.cacheDirectory.string()};
  if (options.compiler.kernel.combine == CombineMode::Accumulate)
    words.insert(words.end(), {"--combine", "accumulate"});
  else
    words.push_back("--deterministic");
  if (request.seconds > 0)
    words.insert(words.end(), {"--budget", fmt::format("{:.0f}ms", 1e3 * request.seconds + 1)});
  if (options.compiler.jobs != 0)
    words.push_back(fmt::format("-j{}", options.compiler.jobs));
  return words;
}

static bool isSameBuild(const Record &a, const Record &b) {
  return intervalOf(a.tokens) == intervalOf(b.tokens) && a.fusions == b.fusions &&
         a.schedules == b.schedules;
}

/// The build of a record for the token counts around its own; nothing where it is the one in use.
Result<std::optional<TunedVariant>> BlockTuner::build(const MoeBlock &block, const Record &record) {
  std::optional<TunedVariant> variant;
  bool isUsed =
      llvm::any_of(options.used, [&](const Record &used) { return isSameBuild(used, record); });
  if (isUsed || record.schedules.empty())
    return variant;
  CompilerOptions compiler = options.compiler;
  compiler.kernel.tokens = {record.tokens};
  TunedChoice choice =
      chooseTuned(block, compiler, openRecords(options.cacheDirectory), options.who);
  for (const std::string &origin : choice.origins)
    moert::log(LogLevel::Info, "records", "{}: {}", options.name, origin);
  if (choice.schedule.empty())
    return variant; // it no longer fits the block, which was said
  compiler.kernel.schedule = choice.schedule;
  compiler.fusions = choice.fusions;
  MOERT_ASSIGN_OR_RETURN(moert::MadeVariant made, compileVariant(block, compiler));
  TokenInterval interval = intervalOf(record.tokens);
  variant.emplace(TunedVariant{interval.first, interval.last, std::move(made)});
  std::erase_if(options.used,
                [&](const Record &used) { return intervalOf(used.tokens) == interval; });
  options.used.push_back(record);
  return variant;
}

Result<std::optional<TunedVariant>> BlockTuner::tune(int64_t tokens, const TuneRequest &request,
                                                     std::stop_token stop) {
  // IR of its own: whatever else the block is used for goes on.
  std::string printed;
  llvm::raw_string_ostream diagnostics(printed);
  MOERT_ASSIGN_OR_RETURN(MoeBlock block, MoeBlock::parse(options.text, options.name, diagnostics));
  MOERT_ASSIGN_OR_RETURN(std::optional<Record> record, findRecord(block, tokens));
  if (!record) {
    MOERT_RETURN_IF_ERROR(
        runTuneProcess(command(tokens, request), options.text, options.deviceOrdinal, stop));
    MOERT_ASSIGN_OR_RETURN(record, findRecord(block, tokens));
  }
  if (!record)
    return std::optional<TunedVariant>(); // stopped by its budget, with nothing faster
  return build(block, *record);
}

} // namespace moec
