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
    // An error about no place of the text begins with something else than its name.
    bool isPlace = where.starts_with(name.str() + ":") && where.size() > name.size() + 1;
    return {isPlace ? where.str() : "", message.str()};
  }
  return {};
}

} // namespace moec
