//===- PackageEntry.h - A package as an entry -----------------------------===//

#ifndef MOEC_RUNTIME_CACHE_PACKAGEENTRY_H
#define MOEC_RUNTIME_CACHE_PACKAGEENTRY_H

#include "runtime/Cache/Entry.h"
#include "runtime/Package/PackageIO.h"

namespace moert {

/// Sections are the files of the package under their names in it. Seals the package.
Result<Entry> packageToEntry(Package package);
/// The package in an entry, without a trip through a folder. InvalidInput where a file is missing
/// or the manifest is not one.
Result<Package> packageFromEntry(const Entry &entry);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_PACKAGEENTRY_H
