//===- CacheRecords.cpp - moec cache: tuning records ------------------------===//

#include "compiler/Records/Records.h"
#include "compiler/tools/moec/CacheRecords.h"
#include "compiler/tools/moec/Options.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

using namespace llvm;
using moert::Result;
using moert::Status;

namespace moec::cli {

/// A file of records has at most some hundred bytes for each.
static constexpr uint64_t kMaxRecordsBytes = 64 << 20;

static Result<RecordStore> openRecords() {
  return RecordStore::open(cacheDirectory(), [](const std::string &text) { warn(text); });
}

/// The user's records; none where there is no cache, which who only looks does not make.
static Result<std::vector<Record>> userRecords() {
  if (!hasCacheDirectory())
    return std::vector<Record>();
  MOERT_ASSIGN_OR_RETURN(RecordStore store, openRecords());
  return store.all();
}

static void print(const Record &record, StringRef source) {
  std::string schedules = record.schedules.empty() ? "the default stays" : "";
  for (size_t i = 0; i < record.schedules.size(); ++i)
    schedules += fmt::format("{}{}: {}", i == 0 ? "" : "; ", i, record.schedules[i]);
  TokenInterval interval = intervalOf(record.tokens);
  outs() << fmt::format("{} {} {} T={} ({}-{}) {}{}: {:.1f} us, {:.3f} of the default, {}\n  {}\n"
                        "  {}\n",
                        source.str(), record.key.device, record.key.target, record.tokens,
                        interval.first, interval.last, record.key.routing,
                        record.key.combine == CombineMode::Accumulate ? " accumulate" : "",
                        record.microseconds, record.ratio(), record.environment.date,
                        record.key.problem, schedules);
}

Status listRecords() {
  MOERT_ASSIGN_OR_RETURN(std::vector<Record> records, userRecords());
  for (const Record &record : records)
    print(record, "user");
  for (const Record &record : shippedRecords())
    print(record, "shipped");
  return Status::ok();
}

Status exportRecords(const std::string &path) {
  MOERT_ASSIGN_OR_RETURN(std::vector<Record> records, userRecords());
  MOERT_RETURN_IF_ERROR(writeText(path, recordsToText(records)));
  if (path != "-")
    outs() << fmt::format("wrote {} records to {}\n", records.size(), path);
  return Status::ok();
}

Status importRecords(const std::string &path) {
  MOERT_ASSIGN_OR_RETURN(std::string text, readText(path, kMaxRecordsBytes));
  Result<std::vector<Record>> records = recordsFromText(text);
  if (!records)
    return std::move(records).status().withContext(path);
  MOERT_ASSIGN_OR_RETURN(RecordStore store, openRecords());
  size_t older = 0;
  for (const Record &record : *records) {
    MOERT_ASSIGN_OR_RETURN(bool isKept, store.publishNewer(record));
    older += !isKept;
  }
  outs() << fmt::format("imported {} records", records->size() - older);
  if (older != 0)
    outs() << fmt::format(", {} were older than what is there", older);
  outs() << '\n';
  return Status::ok();
}

} // namespace moec::cli
