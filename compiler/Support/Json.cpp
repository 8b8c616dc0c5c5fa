//===- Json.cpp - JSON that somebody else wrote -----------------------------===//

#include "compiler/Support/Json.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// Files that this project reads nest up to five levels.
static constexpr unsigned kMaxDepth = 64;

/// The greatest nesting of arrays and objects in the text, strings left out.
static unsigned nestingDepth(StringRef text) {
  unsigned depth = 0, deepest = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      inString = c != '"';
    } else if (c == '"') {
      inString = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

Result<json::Value> parseJson(StringRef text) {
  if (unsigned depth = nestingDepth(text); depth > kMaxDepth)
    return Status(StatusCode::InvalidInput,
                  formatv("expects at most {0} nested levels, but got {1}", kMaxDepth, depth));
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return Status(StatusCode::InvalidInput,
                  "expects JSON, but got an error at " + toString(value.takeError()));
  return *std::move(value);
}

} // namespace moec
