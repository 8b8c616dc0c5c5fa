//===- Thread.h - A thread, where there is one to be had ------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_THREAD_H
#define MOEC_RUNTIME_SUPPORT_THREAD_H

#include "runtime/Support/Status.h"

#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <pthread.h>

namespace moert {

/// A thread that its owner waits for. std::thread throws where the system has no thread to give,
/// which ends a process without exceptions; this one tells.
class Thread {
public:
  /// Runs `body` on a thread of its own. Toolchain failure where there is none.
  template <typename Body>
  static Result<Thread> start(Body body) {
    auto owned = std::make_unique<Body>(std::move(body));
    auto run = [](void *data) -> void * {
      std::unique_ptr<Body> mine(static_cast<Body *>(data));
      (*mine)();
      return nullptr;
    };
    pthread_t handle;
    if (int error = ::pthread_create(&handle, nullptr, run, owned.get()))
      return Status(StatusCode::Toolchain,
                    std::string("starting a thread failed: ") + std::strerror(error));
    (void)owned.release(); // the thread's now
    return Thread(handle);
  }

  Thread(Thread &&other) noexcept : handle(std::exchange(other.handle, std::nullopt)) {}
  Thread &operator=(Thread &&other) noexcept {
    std::swap(handle, other.handle);
    return *this;
  }
  ~Thread() {
    if (handle)
      ::pthread_join(*handle, nullptr);
  }

private:
  explicit Thread(pthread_t handle) : handle(handle) {}
  std::optional<pthread_t> handle; ///< nothing once moved from
};

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_THREAD_H
