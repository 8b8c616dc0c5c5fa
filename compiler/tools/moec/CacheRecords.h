//===- CacheRecords.h - moec cache: tuning records --------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_CACHERECORDS_H
#define MOEC_COMPILER_TOOLS_MOEC_CACHERECORDS_H

#include "runtime/Support/Status.h"

#include <string>

namespace moec::cli {

/// Prints the user's records, then the shipped ones.
moert::Status listRecords();
/// Writes the user's records to one file, in the form of compiler/Records/Tuned.
moert::Status exportRecords(const std::string &path);
/// Takes all records of such a file into the user's.
moert::Status importRecords(const std::string &path);

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_CACHERECORDS_H
