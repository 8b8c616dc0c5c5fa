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

Watchdog::Watchdog(double seconds, std::function<void()> expired)
    : limit(seconds), expired(std::move(expired)), thread([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    done = true;
  }
  changed.notify_one();
  thread.join();
}

void Watchdog::restart() {
  std::lock_guard<std::mutex> lock(mutex);
  ++restarts;
  changed.notify_one();
}

void Watchdog::watch() {
  std::unique_lock<std::mutex> lock(mutex);
  while (!done) {
    unsigned seen = restarts;
    bool alive = changed.wait_for(lock, std::chrono::duration<double>(limit),
                                  [&] { return done || restarts != seen; });
    if (!alive) {
      lock.unlock();
      expired();
      return;
    }
  }
}

} // namespace moec::cli
