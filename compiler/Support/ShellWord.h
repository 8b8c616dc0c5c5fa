//===- ShellWord.h - texts as words of a shell ------------------------------===//

#ifndef MOEC_COMPILER_SUPPORT_SHELLWORD_H
#define MOEC_COMPILER_SUPPORT_SHELLWORD_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace moec {

/// `text` as one word of a POSIX shell's command, in single quotes where it needs them: for commands
/// that are printed to be run again.
std::string shellWord(llvm::StringRef text);

} // namespace moec

#endif // MOEC_COMPILER_SUPPORT_SHELLWORD_H
