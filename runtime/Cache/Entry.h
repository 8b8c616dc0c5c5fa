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

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moert {

struct EntrySection {
  std::string name;
  std::string_view content; ///< lies in a buffer of the entry
  bool operator==(const EntrySection &) const = default;
};

/// A key and named sections. Copies share the contents, which never change.
class Entry {
public:
  Entry() = default;
  explicit Entry(std::string key) : key(std::move(key)) {}

  std::string key; ///< the text of the key that it was stored under
  const std::vector<EntrySection> &sections() const { return list; }

  /// The content of a section; nothing where there is none of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  void add(std::string name, std::string content);
  size_t bytes() const;

private:
  friend Result<Entry> decodeEntry(std::string bytes);
  std::vector<EntrySection> list;
  /// What the views look into: the whole file of an entry that was read, else a text for each
  /// section.
  std::vector<std::shared_ptr<const std::string>> buffers;
};

inline constexpr uint32_t kEntryVersion = 1;

std::string encodeEntry(const Entry &entry);

/// Takes the file's content over without copying it. Trusts nothing; the failure is InvalidInput and says what is wrong.
Result<Entry> decodeEntry(std::string bytes);

/// How many leading bytes `decodeEntryKey` needs at most; keys are texts of some hundred bytes.
inline constexpr size_t kMaxKeyPrefix = 64 << 10;

/// The key of the entry that begins with `prefix`, without reading the rest.
Result<std::string> decodeEntryKey(std::string_view prefix);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_ENTRY_H
