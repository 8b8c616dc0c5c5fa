//===- CacheKey.h - What an entry of the cache is found by ----------------===//
//
// A key is a text of lines "name: value" that a person can read, and digests of it that name the
// entry's file. Whoever makes keys computes the digests (compiler/Cache); the store compares the
// whole text, so that no digest has to be trusted.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_CACHEKEY_H
#define MOEC_RUNTIME_CACHE_CACHEKEY_H

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moert {

/// What an entry holds; the letter begins its file name.
enum class EntryKind : char {
  Package = 'p',   ///< a whole package, by what it was compiled from
  Kernel = 'k',    ///< one compiled kernel, by its source
  Toolchain = 't', ///< what an installed NVRTC said its version is
  Tuning = 'r',    ///< what a search measured; in a folder of its own
};
std::string_view name(EntryKind kind);

/// The name of the one part that a key may lack: the version of NVRTC. A machine without NVRTC
/// cannot tell it, and takes what any version compiled.
inline constexpr std::string_view kToolchainPart = "nvrtc";

inline constexpr size_t kBaseDigits = 32;
inline constexpr size_t kDigestDigits = 64;

struct CacheKey {
  EntryKind kind = EntryKind::Kernel;
  std::string text;   ///< lines "name: value"; no value holds a line break
  std::string base;   ///< kBaseDigits hexadecimal digits: the digest without kToolchainPart
  std::string digest; ///< kDigestDigits digits; empty: any entry of this base serves

  bool isExact() const { return !digest.empty(); }
  /// "k-BASE-DIGEST", or without a digest the prefix "k-BASE-".
  std::string fileName() const;
  /// Whether an entry with that key serves this one.
  bool matches(std::string_view entryText) const;
};

/// The name of an entry's file, taken apart; nothing where it is no such name.
struct EntryName {
  EntryKind kind = EntryKind::Kernel;
  std::string base, digest;
};
std::optional<EntryName> parseEntryName(std::string_view fileName);

/// The parts of a key's text in order.
using KeyParts = std::vector<std::pair<std::string_view, std::string_view>>;
KeyParts keyParts(std::string_view text);
/// The value of a part; empty where there is none.
std::string_view findPart(std::string_view text, std::string_view name);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_CACHEKEY_H
