//===- Workers.h - The background threads of a context --------------------===//

#ifndef MOEC_RUNTIME_SERVE_WORKERS_H
#define MOEC_RUNTIME_SERVE_WORKERS_H

#include "runtime/Support/Thread.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

namespace moert {

/// Runs tasks in the order in which they came, on threads that start with the first task. The
/// threads block every signal: those are the host's business. Thread-safe.
class Workers {
public:
  explicit Workers(unsigned threads) : most(threads ? threads : 1) {}
  Workers(const Workers &) = delete;
  Workers &operator=(const Workers &) = delete;
  /// Waits for what is running; drops the rest. Not on one of the threads.
  ~Workers();

  /// `owner` is what `cancel` knows the task by. Toolchain failure, and the task is dropped, where
  /// there is no thread and the system gives none.
  Status add(const void *owner, std::function<void()> task);
  /// Drops the tasks of `owner` that have not begun and waits for those that have. Not from a task.
  void cancel(const void *owner);

private:
  struct Task {
    const void *owner;
    std::function<void()> run;
  };
  void work();

  const unsigned most;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Task> waiting;
  std::vector<const void *> running; ///< owners, one for each task that has begun
  std::vector<Thread> threads;
  bool stopping = false;
};

} // namespace moert

#endif // MOEC_RUNTIME_SERVE_WORKERS_H
