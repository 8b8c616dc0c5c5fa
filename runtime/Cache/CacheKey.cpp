//===- CacheKey.cpp - What an entry of the cache is found by --------------===//

#include "runtime/Cache/CacheKey.h"

#include <algorithm>

namespace moert {

std::string_view name(EntryKind kind) {
  switch (kind) {
  case EntryKind::Package:
    return "package";
  case EntryKind::Kernel:
    return "kernel";
  case EntryKind::Toolchain:
    return "toolchain";
  case EntryKind::Tuning:
    return "tuning";
  }
  return "unknown";
}

std::string CacheKey::fileName() const {
  return std::string(1, static_cast<char>(kind)) + "-" + base + "-" + digest;
}

bool CacheKey::matches(std::string_view entryText) const {
  if (isExact())
    return entryText == text;
  KeyParts mine = keyParts(text), theirs = keyParts(entryText);
  std::erase_if(theirs, [](const auto &part) { return part.first == kToolchainPart; });
  return mine == theirs;
}

static bool isHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<EntryName> parseEntryName(std::string_view fileName) {
  if (fileName.size() != 3 + kBaseDigits + kDigestDigits || fileName[1] != '-' ||
      fileName[2 + kBaseDigits] != '-')
    return std::nullopt;
  EntryName result;
  result.kind = static_cast<EntryKind>(fileName[0]);
  if (name(result.kind) == "unknown")
    return std::nullopt;
  result.base = fileName.substr(2, kBaseDigits);
  result.digest = fileName.substr(3 + kBaseDigits);
  if (!isHex(result.base) || !isHex(result.digest))
    return std::nullopt;
  return result;
}

KeyParts keyParts(std::string_view text) {
  KeyParts parts;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    size_t colon = line.find(": ");
    if (colon == std::string_view::npos)
      parts.emplace_back(line, std::string_view());
    else
      parts.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return parts;
}

std::string_view findPart(std::string_view text, std::string_view name) {
  for (const auto &[part, value] : keyParts(text))
    if (part == name)
      return value;
  return {};
}

} // namespace moert
