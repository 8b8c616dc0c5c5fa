//===- Progress.cpp - one line that says what is going on --------------------===//

#include "compiler/tools/moec/Progress.h"

#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace moec::cli {

/// ANSI: erase to the end of the line.
static constexpr StringLiteral kEraseLine{"\r\x1b[K"};

Progress::Progress() : enabled(errs().is_displayed()) {}

void Progress::show(const Twine &text) {
  if (!enabled)
    return;
  errs() << kEraseLine << text;
  errs().flush();
  shown = true;
}

void Progress::show(StringRef what, size_t done, size_t total) {
  if (total > 1)
    show(what + " " + Twine(done) + "/" + Twine(total));
  else
    show(what);
}

void Progress::clear() {
  if (!shown)
    return;
  errs() << kEraseLine;
  errs().flush();
  shown = false;
}

} // namespace moec::cli
