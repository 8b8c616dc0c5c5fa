//===- Interruption.cpp - ends of long runs ----------------------------------===//

#include "compiler/tools/moec/Interruption.h"

#include <atomic>
#include <csignal>

namespace moec::cli {

static std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

static void ask(int signal) {
  asked = true;
  std::signal(signal, SIG_DFL);
}

void catchInterruption() {
  std::signal(SIGINT, ask);
  std::signal(SIGTERM, ask);
}

bool isInterrupted() { return asked; }

} // namespace moec::cli
