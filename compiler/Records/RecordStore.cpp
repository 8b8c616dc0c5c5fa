//===- RecordStore.cpp - the records of a user ------------------------------===//

#include "compiler/Records/RecordStore.h"

#include "compiler/Cache/KeyBuilder.h"
#include "compiler/Support/Json.h"

#include "llvm/Support/FormatVariadic.h"

#include <fmt/format.h>

#include <map>

using namespace llvm;
using moert::CacheAccess;
using moert::CacheKey;
using moert::EntryKind;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

static constexpr const char *kFolder = "tuned";
/// The one section of a record's entry.
static constexpr const char *kSection = "record";

/// Begins the names of all records that the key may find. Whoever names a device without having it
/// does not know the number of its multiprocessors, so that it is compared afterwards.
static CacheKey baseKey(RecordKey key) {
  key.multiprocessors = 0;
  return KeyBuilder(EntryKind::Tuning).add("strict", key.text()).build("");
}

Result<RecordStore> RecordStore::open(const std::filesystem::path &cache, Warn warn) {
  MOERT_ASSIGN_OR_RETURN(moert::Store store,
                         moert::Store::open(cache / kFolder, CacheAccess::ReadWrite));
  return RecordStore(std::move(store), std::move(warn));
}

std::optional<RecordStore> RecordStore::openExisting(const std::filesystem::path &cache,
                                                     Warn warn) {
  std::error_code error;
  if (!std::filesystem::is_directory(cache / kFolder, error))
    return std::nullopt;
  Result<RecordStore> store = open(cache, warn);
  if (store)
    return *std::move(store);
  if (warn)
    warn("tuning records are left out: " + store.status().message());
  return std::nullopt;
}

std::vector<RecordStore::Stored> RecordStore::read(StringRef prefix) const {
  std::vector<Stored> found;
  for (const moert::StoredFile &file : store.list(std::string_view(prefix))) {
    moert::Lookup lookup = store.read(file.name);
    std::string damage = lookup.damage;
    if (lookup.entry) {
      std::optional<std::string_view> text = lookup.entry->find(kSection);
      Result<json::Value> value = parseJson(text ? StringRef(*text) : StringRef());
      Result<Record> record = value ? recordFromJson(*value) : value.status();
      // The name is what it is found by, so it must be that of its content.
      if (record && !StringRef(file.name).starts_with(baseKey(record->key).fileName()))
        record = Status(StatusCode::InvalidInput, "it holds the record of another key");
      if (record) {
        found.push_back({file.name, *std::move(record)});
        continue;
      }
      damage = record.status().message();
      store.quarantine(file.name, 0);
    }
    if (!damage.empty() && warn)
      warn(fmt::format("the tuning record {} was moved to quarantine: {}", file.name, damage));
  }
  return found;
}

Status RecordStore::publish(const Record &record) const {
  CacheKey key = baseKey(record.key);
  std::string text = formatv("{0:2}", json::Value(toJson(record))).str();
  moert::Entry entry(key.text);
  entry.add(kSection, text);
  std::string name = key.fileName() + blake3(text);
  std::vector<Stored> former = read(key.fileName());
  // First the new one, then the old ones go: a reader that comes between takes the newest.
  Result<moert::Published> published = store.publish(name, moert::encodeEntry(entry));
  if (!published)
    return std::move(published).status().withContext("keeping a tuning record");
  for (const Stored &old : former)
    if (old.file != name && old.record.key == record.key &&
        intervalOf(old.record.tokens) == intervalOf(record.tokens))
      MOERT_RETURN_IF_ERROR(store.remove(old.file));
  return Status::ok();
}

Result<bool> RecordStore::publishNewer(const Record &record) const {
  for (const Record &known : find(record.key))
    if (intervalOf(known.tokens) == intervalOf(record.tokens) &&
        known.environment.date > record.environment.date) // dates compare as text
      return false;
  MOERT_RETURN_IF_ERROR(publish(record));
  return true;
}

std::vector<Record> RecordStore::find(const RecordKey &key) const {
  std::map<int64_t, Record> newest;
  for (Stored &stored : read(baseKey(key).fileName())) {
    if (key.multiprocessors != 0 && stored.record.key.multiprocessors != key.multiprocessors)
      continue;
    auto [place, isNew] = newest.emplace(intervalOf(stored.record.tokens).first, stored.record);
    // Dates compare as text.
    if (!isNew && place->second.environment.date < stored.record.environment.date)
      place->second = std::move(stored.record);
  }
  std::vector<Record> records;
  for (auto &[first, record] : newest)
    records.push_back(std::move(record));
  return records;
}

std::vector<Record> RecordStore::all() const {
  std::map<std::pair<std::string, int64_t>, Record> sorted;
  for (Stored &stored : read(""))
    sorted.insert_or_assign({stored.record.key.text(), stored.record.tokens},
                            std::move(stored.record));
  std::vector<Record> records;
  for (auto &[key, record] : sorted)
    records.push_back(std::move(record));
  return records;
}

} // namespace moec
