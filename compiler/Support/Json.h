//===- Json.h - JSON that somebody else wrote -------------------------------===//

#ifndef MOEC_COMPILER_SUPPORT_JSON_H
#define MOEC_COMPILER_SUPPORT_JSON_H

#include "runtime/Support/Status.h"

#include "llvm/Support/JSON.h"

namespace moec {

/// Parses the text of a file. LLVM's parser recurses and would run out of stack on a hostile one,
/// so that the nesting is bounded before it runs. InvalidInput with line and column.
moert::Result<llvm::json::Value> parseJson(llvm::StringRef text);

} // namespace moec

#endif // MOEC_COMPILER_SUPPORT_JSON_H
