//===- RecordStore.h - the records of a user --------------------------------===//
//
// One file a record, beside the kernel cache and with its care (runtime/Cache): it appears complete
// or not at all, every byte is under a checksum, what cannot be read is moved aside with a warning.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_RECORDS_RECORDSTORE_H
#define MOEC_COMPILER_RECORDS_RECORDSTORE_H

#include "compiler/Records/Record.h"
#include "runtime/Cache/Store.h"

#include <functional>

namespace moec {

class RecordStore {
public:
  using Warn = std::function<void(const std::string &)>;

  /// The folder "tuned" in that of the cache, made where it is missing. Toolchain failure where it
  /// may not be used.
  static moert::Result<RecordStore> open(const std::filesystem::path &cache, Warn warn);
  /// Without making anything: nothing where there is no such folder.
  static std::optional<RecordStore> openExisting(const std::filesystem::path &cache, Warn warn);

  /// Keeps a record. Those of the same key and interval of token counts go.
  moert::Status publish(const Record &record) const;
  /// The same, unless one of those is newer; whether it is kept.
  moert::Result<bool> publishNewer(const Record &record) const;
  /// The newest record of each interval of token counts for that key, ascending; with 0
  /// multiprocessors those of any number.
  std::vector<Record> find(const RecordKey &key) const;
  /// All records.
  std::vector<Record> all() const;
  bool isEmpty() const { return store.list().empty(); }

private:
  RecordStore(moert::Store store, Warn warn) : store(std::move(store)), warn(std::move(warn)) {}
  struct Stored {
    std::string file;
    Record record;
  };
  std::vector<Stored> read(llvm::StringRef prefix) const;

  moert::Store store;
  Warn warn;
};

} // namespace moec

#endif // MOEC_COMPILER_RECORDS_RECORDSTORE_H
