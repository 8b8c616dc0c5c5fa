//===- Log.cpp - Logging through the host's callback ----------------------===//

#include "runtime/Support/Log.h"

#include <atomic>
#include <mutex>

namespace moert {

namespace {
struct Sink {
  LogCallback callback = nullptr;
  void *user = nullptr;
};
} // namespace

/// One above the highest level: nothing is logged.
static constexpr int kSilent = static_cast<int>(LogLevel::Error) + 1;

static std::atomic<int> minimumLevel{kSilent};
static std::mutex sinkMutex;
static Sink sink;

void setLogCallback(LogCallback callback, void *user, LogLevel minimum) {
  std::lock_guard<std::mutex> lock(sinkMutex);
  sink = {callback, user};
  minimumLevel.store(callback ? static_cast<int>(minimum) : kSilent, std::memory_order_release);
}

bool isLogged(LogLevel level) {
  return static_cast<int>(level) >= minimumLevel.load(std::memory_order_acquire);
}

void logMessage(LogLevel level, const char *component, const char *message) {
  if (!isLogged(level))
    return;
  Sink current;
  {
    // The callback runs outside the lock: it may log or replace itself.
    std::lock_guard<std::mutex> lock(sinkMutex);
    current = sink;
  }
  if (current.callback)
    current.callback(level, component, message, current.user);
}

} // namespace moert
