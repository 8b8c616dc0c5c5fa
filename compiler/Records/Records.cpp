//===- Records.cpp - where schedules are looked up ----------------------===//

#include "compiler/Records/Records.h"

#include "compiler/Records/ShippedTexts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

#include <map>

using namespace llvm;
using moert::Result;

namespace moec {

std::vector<Record> shippedRecords() {
  std::vector<Record> records;
  for (StringRef text : shippedRecordTexts()) {
    Result<std::vector<Record>> file = recordsFromText(text);
    if (!file) // a test reads them all
      report_fatal_error(Twine("shipped tuning records: ") + file.status().message());
    records.insert(records.end(), file->begin(), file->end());
  }
  return records;
}

Records::Records(std::optional<RecordStore> user) : Records(std::move(user), shippedRecords()) {}

bool Records::mayHave(StringRef device) const {
  return (user && !user->isEmpty()) ||
         any_of(shipped, [&](const Record &record) { return record.key.device == device; });
}

std::vector<FoundRecord> Records::find(const RecordKey &key) const {
  std::map<int64_t, FoundRecord> found;
  if (user)
    for (Record &record : user->find(key))
      found.emplace(intervalOf(record.tokens).first,
                    FoundRecord{std::move(record), RecordSource::User});
  for (const Record &record : shipped) {
    RecordKey wanted = key;
    if (wanted.multiprocessors == 0)
      wanted.multiprocessors = record.key.multiprocessors;
    if (record.key == wanted)
      found.emplace(intervalOf(record.tokens).first, FoundRecord{record, RecordSource::Shipped});
  }
  std::vector<FoundRecord> result;
  for (auto &[first, one] : found)
    result.push_back(std::move(one));
  return result;
}

} // namespace moec
