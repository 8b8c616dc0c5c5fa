//===- Entry.h - One file of the cache ------------------------------------===//
//
//   header   8 bytes "moecache", version, number of sections, size of the file and of the table,
//            checksum of all of that and of the table
//   table    a record for each section: sizes, checksum, name
//   content  the sections, one after the other; the first is the key's text
//
// Numbers are little-endian. Every byte is under a checksum or decides a size that must fit, so a
// file that was cut, changed or is something else is always told from an entry.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_ENTRY_H
#define MOEC_RUNTIME_CACHE_ENTRY_H

#include "runtime/Support/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace moert {

struct EntrySection {
  std::string name;
  std::string content;
  bool operator==(const EntrySection &) const = default;
};

struct Entry {
  std::string key; ///< the text of the key that it was stored under
  std::vector<EntrySection> sections;

  const std::string *find(std::string_view name) const;
  void add(std::string name, std::string content) {
    sections.push_back({std::move(name), std::move(content)});
  }
  size_t bytes() const;
};

inline constexpr uint32_t kEntryVersion = 1;

std::string encodeEntry(const Entry &entry);

/// Trusts nothing; the failure is InvalidInput and says what is wrong.
Result<Entry> decodeEntry(std::string_view bytes);

/// How many leading bytes `decodeEntryKey` needs at most; keys are texts of some hundred bytes.
inline constexpr size_t kMaxKeyPrefix = 64 << 10;

/// The key of the entry that begins with `prefix`, without reading the rest.
Result<std::string> decodeEntryKey(std::string_view prefix);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_ENTRY_H
