//===- Hash.h - Content checksums -----------------------------------------===//
//
// XXH3-128 finds damage and mix-ups, not malice: a package is as trusted as the folder it lies in.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_HASH_H
#define MOEC_RUNTIME_SUPPORT_HASH_H

#include <string>
#include <string_view>

namespace moert {

/// "xxh3:" and the XXH3 128-bit hash of `content` as 32 lower-case hexadecimal digits.
std::string checksum(std::string_view content);

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_HASH_H
