//===- Archive.h - Carrying entries to another machine --------------------===//
//
// An archive is a plain tar (ustar) file whose members are the entries' files under their names.
// Entries are named by what they are, so merging two caches is a union.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_ARCHIVE_H
#define MOEC_RUNTIME_CACHE_ARCHIVE_H

#include "runtime/Cache/Store.h"

#include <functional>
#include <string>
#include <vector>

namespace moert {

/// Says what is wrong with an entry that carries this name, beyond what its checksums tell: whether
/// the digests in the name are those of the key's text. Empty where nothing is.
using EntryCheck = std::function<std::string(const EntryName &name, const Entry &entry)>;

/// Which entries are meant, by name and key. Empty: all.
using EntryFilter = std::function<bool(const EntryName &name, const Entry &entry)>;

struct ArchiveReport {
  uint64_t entries = 0, bytes = 0; ///< written; imported
  uint64_t alreadyThere = 0;
  std::vector<std::string> refused; ///< a sentence for each member that was not taken
};

/// Writes the entries of the stores that `wanted` accepts, each once, to the file `path`, which
/// appears complete or not at all. Damaged ones are listed as refused.
Result<ArchiveReport>
exportEntries(const std::filesystem::path &path, const std::vector<const Store *> &stores,
              const EntryFilter &wanted, const EntryCheck &check);

/// Reads the entries of an archive that `wanted` accepts into the store. Every member is verified
/// before it is stored; others are refused and the rest still read. InvalidInput where the file is no
/// archive or ends early.
Result<ArchiveReport> importEntries(const std::filesystem::path &path, const Store &store,
                                    const EntryFilter &wanted, const EntryCheck &check);

/// Reads every entry of the store; the refused are quarantined where the store can be written.
ArchiveReport verifyEntries(const Store &store, const EntryCheck &check);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_ARCHIVE_H
