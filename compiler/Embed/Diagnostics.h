//===- Diagnostics.h - MLIR's messages as errors of the C interface ---------===//

#ifndef MOEC_COMPILER_EMBED_DIAGNOSTICS_H
#define MOEC_COMPILER_EMBED_DIAGNOSTICS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace moec {

/// The first error of a text that MLIR printed.
struct FirstError {
  std::string location; ///< "block.mlir:12:8"; empty where there is none
  std::string message;
};

/// Reads lines such as "block.mlir:12:8: error: expects ..." about the file `name`.
FirstError findFirstError(llvm::StringRef diagnostics, llvm::StringRef name);

} // namespace moec

#endif // MOEC_COMPILER_EMBED_DIAGNOSTICS_H
