//===- Progress.h - one line that says what is going on ----------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_PROGRESS_H
#define MOEC_COMPILER_TOOLS_MOEC_PROGRESS_H

#include "llvm/ADT/Twine.h"

namespace moec::cli {

/// A line on standard error that is rewritten in place, and wiped at the end. Silent where standard
/// error is not a terminal. One thread at a time.
class Progress {
public:
  Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() { clear(); }

  void show(const llvm::Twine &text);
  /// "WHAT DONE/TOTAL".
  void show(llvm::StringRef what, size_t done, size_t total);
  /// Wipes the line, for output that stays.
  void clear();

private:
  bool enabled;
  bool shown = false;
};

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_PROGRESS_H
