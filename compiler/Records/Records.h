//===- Records.h - where schedules are looked up ------------------------===//
//
// First what this user measured, then what ships with the project.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_RECORDS_RECORDS_H
#define MOEC_COMPILER_RECORDS_RECORDS_H

#include "compiler/Records/RecordStore.h"

namespace moec {

enum class RecordSource { User, Shipped };

struct FoundRecord {
  Record record;
  RecordSource source = RecordSource::User;
};

class Records {
public:
  /// `user` may be missing. `shipped`: by default those in this program.
  explicit Records(std::optional<RecordStore> user);
  Records(std::optional<RecordStore> user, std::vector<Record> shipped)
      : user(std::move(user)), shipped(std::move(shipped)) {}

  /// Whether a lookup for that device can have a result; cheap.
  bool mayHave(llvm::StringRef device) const;
  /// One record for each interval of token counts that has any, ascending. Where `multiprocessors`
  /// of the key is 0, records of any number serve.
  std::vector<FoundRecord> find(const RecordKey &key) const;

private:
  std::optional<RecordStore> user;
  std::vector<Record> shipped;
};

/// The records below compiler/Records/Tuned, as they are in this program.
std::vector<Record> shippedRecords();

} // namespace moec

#endif // MOEC_COMPILER_RECORDS_RECORDS_H
