//===- Interruption.h - ends of long runs ------------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_INTERRUPTION_H
#define MOEC_COMPILER_TOOLS_MOEC_INTERRUPTION_H

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace moec::cli {

/// From now on the first SIGINT or SIGTERM only asks for an end; the second one ends the process.
void catchInterruption();
/// Whether one of them came.
bool isInterrupted();

/// Seconds since it was made.
class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

/// Calls `expired` from a thread of its own where `restart` was not called for `seconds`.
class Watchdog {
public:
  Watchdog(double seconds, std::function<void()> expired);
  Watchdog(const Watchdog &) = delete;
  Watchdog &operator=(const Watchdog &) = delete;
  ~Watchdog();
  void restart();

private:
  void watch();

  double limit;
  std::function<void()> expired;
  std::mutex mutex;
  std::condition_variable changed;
  unsigned restarts = 0;
  bool done = false;
  std::thread thread;
};

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_INTERRUPTION_H
