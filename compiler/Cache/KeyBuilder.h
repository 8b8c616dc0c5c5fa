//===- KeyBuilder.h - keys of the cache and their digests -------------------===//

#ifndef MOEC_COMPILER_CACHE_KEYBUILDER_H
#define MOEC_COMPILER_CACHE_KEYBUILDER_H

#include "runtime/Cache/CacheKey.h"
#include "runtime/Cache/Entry.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace moec {

/// The BLAKE3 digest of `bytes` as 64 hexadecimal digits.
std::string blake3(llvm::StringRef bytes);

/// Collects the parts of a key in order. A part is one line, so that keys can be read, compared and
/// explained; a text of many lines goes in as its digest.
class KeyBuilder {
public:
  explicit KeyBuilder(moert::EntryKind kind);
  /// Line breaks and backslashes in `value` are escaped.
  KeyBuilder &add(llvm::StringRef name, llvm::StringRef value);
  /// "blake3:..., N bytes".
  KeyBuilder &addDigest(llvm::StringRef name, llvm::StringRef bytes);

  /// The key; `nvrtc` is added as the last part. Empty: a key that any version serves.
  moert::CacheKey build(llvm::StringRef nvrtc) const;
  /// A key of a kind that has nothing to do with NVRTC's version.
  moert::CacheKey build() const;

private:
  moert::CacheKey key;
};

/// For `moert::EntryCheck`: empty where the digests in an entry's name are those of its key.
std::string checkEntry(const moert::EntryName &name, const moert::Entry &entry);

} // namespace moec

#endif // MOEC_COMPILER_CACHE_KEYBUILDER_H
