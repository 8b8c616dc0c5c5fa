//===- ShellWord.cpp - texts as words of a shell ----------------------------===//

#include "compiler/Support/ShellWord.h"

#include "llvm/ADT/StringExtras.h"

namespace moec {

/// Characters that mean nothing to a shell wherever they stand.
static bool isPlain(char c) {
  return llvm::isAlnum(c) || llvm::StringRef("_./:,=+@%-").contains(c);
}

std::string shellWord(llvm::StringRef text) {
  if (!text.empty() && llvm::all_of(text, isPlain))
    return text.str();
  std::string word = "'";
  for (char c : text)
    if (c == '\'')
      word += "'\\''";
    else
      word += c;
  return word + "'";
}

} // namespace moec
