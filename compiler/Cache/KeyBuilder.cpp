//===- KeyBuilder.cpp - keys of the cache and their digests -----------------===//

#include "compiler/Cache/KeyBuilder.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"

using llvm::StringRef;
using moert::CacheKey;

namespace moec {

std::string blake3(StringRef bytes) {
  return llvm::toHex(llvm::BLAKE3::hash(llvm::arrayRefFromStringRef(bytes)), /*LowerCase=*/true);
}

/// The digest that is the same for every version of NVRTC.
static std::string baseOf(StringRef text) { return blake3(text).substr(0, moert::kBaseDigits); }

KeyBuilder::KeyBuilder(moert::EntryKind kind) {
  key.kind = kind;
  add("kind", moert::name(kind));
}

KeyBuilder &KeyBuilder::add(StringRef name, StringRef value) {
  key.text += name;
  key.text += ": ";
  for (char c : value) {
    if (c == '\n')
      key.text += "\\n";
    else if (c == '\\')
      key.text += "\\\\";
    else
      key.text += c;
  }
  key.text += '\n';
  return *this;
}

KeyBuilder &KeyBuilder::addDigest(StringRef name, StringRef bytes) {
  return add(name, "blake3:" + blake3(bytes) + ", " + std::to_string(bytes.size()) + " bytes");
}

CacheKey KeyBuilder::build(StringRef nvrtc) const {
  CacheKey result = key;
  result.base = baseOf(key.text);
  if (nvrtc.empty())
    return result;
  result.text += (moert::kToolchainPart.data() + StringRef(": ") + nvrtc + "\n").str();
  result.digest = blake3(result.text);
  return result;
}

CacheKey KeyBuilder::build() const {
  CacheKey result = key;
  result.base = baseOf(key.text);
  result.digest = blake3(key.text);
  return result;
}

std::string checkEntry(const moert::EntryName &name, const moert::Entry &entry) {
  StringRef text = entry.key;
  if (blake3(text) != name.digest)
    return "the digest in its name is not that of its key";
  // NVRTC's version is the last line, where there is one.
  size_t last = text.drop_back(text.ends_with("\n")).rfind('\n');
  StringRef lastLine = last == StringRef::npos ? text : text.drop_front(last + 1);
  if (lastLine.starts_with(StringRef(moert::kToolchainPart)))
    text = text.drop_back(lastLine.size());
  if (baseOf(text) != name.base)
    return "the base in its name is not that of its key";
  if (moert::findPart(entry.key, "kind") != moert::name(name.kind))
    return "the kind in its name is not that of its key";
  return "";
}

} // namespace moec
