//===- Diagnostics.cpp - MLIR's messages as errors of the C interface -------===//

#include "compiler/Embed/Diagnostics.h"

namespace moec {

using llvm::StringRef;

FirstError findFirstError(StringRef diagnostics, StringRef name) {
  while (!diagnostics.empty()) {
    auto [line, rest] = diagnostics.split('\n');
    diagnostics = rest;
    auto [where, message] = line.split(": error: ");
    if (message.empty())
      continue;
    // An error about no place of the text begins with something else than its name, or has line 0.
    StringRef place = where;
    bool isPlace = place.consume_front(name) && place.consume_front(":") && !place.empty() &&
                   !place.starts_with("0:");
    return {isPlace ? where.str() : "", message.str()};
  }
  return {};
}

} // namespace moec
