//===- Recording.cpp - what is kept of a search -----------------------------===//

#include "compiler/Tune/Recording.h"

using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

static Result<Record> makeRecord(const MoeBlock &block, const TuneResult &result,
                                 const Choice &choice, double ratio,
                                 const SearchConditions &conditions) {
  Record record;
  std::string fuse =
      conditions.who.areFusionsGiven ? toString(result.defaults.fusions) : std::string("any");
  MOERT_ASSIGN_OR_RETURN(
      record.key, recordKey(block, fuse, choice.combine, conditions.who, conditions.target));
  record.environment = conditions.environment;
  if (!result.stopped.empty())
    record.environment.effort += ", stopped early";
  record.tokens = conditions.tokens;
  record.fusions = choice.fusions;
  if (choice != result.defaults)
    record.schedules = choice.schedules;
  record.defaultMicroseconds = result.defaultMicroseconds;
  record.microseconds = ratio * result.defaultMicroseconds;
  return record;
}

Result<std::vector<Record>> recordsOf(const MoeBlock &block, const TuneResult &result,
                                      const SearchConditions &conditions) {
  std::vector<Record> records;
  if (result.wasCutShort)
    return records;
  auto add = [&](const Choice &choice, double ratio) {
    if (choice == result.defaults && !result.stopped.empty())
      return Status::ok();
    Result<Record> record = makeRecord(block, result, choice, ratio, conditions);
    if (record)
      records.push_back(*std::move(record));
    return record.status();
  };
  MOERT_RETURN_IF_ERROR(add(result.best, result.ratio()));
  if (result.best.combine == CombineMode::Accumulate && result.deterministic)
    MOERT_RETURN_IF_ERROR(add(result.deterministic->choice, result.deterministic->ratio));
  return records;
}

} // namespace moec
