//===- Text.h - Texts of others in messages -------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_TEXT_H
#define MOEC_RUNTIME_SUPPORT_TEXT_H

#include <string>

namespace moert {

/// `text` for a message: whole where it has at most 40 bytes, else its begin and "...". A character
/// of UTF-8 is left out as a whole.
inline std::string shortened(std::string text) {
  constexpr size_t kMost = 40, kKept = kMost - 3;
  if (text.size() <= kMost)
    return text;
  size_t end = kKept;
  while (end > 0 && (text[end] & 0xC0) == 0x80) // within a character
    --end;
  return text.substr(0, end) + "...";
}

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_TEXT_H
