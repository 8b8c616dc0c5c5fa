//===- BuildId.h - which build of the compiler this is ----------------------===//

#ifndef MOEC_COMPILER_CACHE_BUILDID_H
#define MOEC_COMPILER_CACHE_BUILDID_H

#include <string>

namespace moec {

/// Identifies everything that decides code: passes, schedules, templates, LLVM. It is the linker's
/// build id of the program or library that this function is linked into, a hash of its content, so
/// that a developer who rebuilds with a changed lowering never gets yesterday's package. Where
/// there is none, the digest of the program's file.
const std::string &buildId();

} // namespace moec

#endif // MOEC_COMPILER_CACHE_BUILDID_H
