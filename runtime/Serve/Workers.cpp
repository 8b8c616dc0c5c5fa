//===- Workers.cpp - The background threads of a context ------------------===//

#include "runtime/Serve/Workers.h"

#include <algorithm>

#include <pthread.h>
#include <signal.h>

namespace moert {

Workers::~Workers() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
    waiting.clear();
  }
  changed.notify_all();
  threads.clear(); // waits for each
}

Status Workers::add(const void *owner, std::function<void()> task) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    waiting.push_back({owner, std::move(task)});
    if (threads.size() < most && threads.size() < waiting.size() + running.size()) {
      sigset_t all, former;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &former);
      Result<Thread> thread = Thread::start([this] { work(); });
      pthread_sigmask(SIG_SETMASK, &former, nullptr);
      if (thread) {
        threads.push_back(*std::move(thread));
      } else if (threads.empty()) {
        waiting.pop_back();
        return std::move(thread).status();
      } // else: those that there are get to it later
    }
  }
  // All: a waiter may be one of `cancel`, which does not take tasks.
  changed.notify_all();
  return Status::ok();
}

void Workers::cancel(const void *owner) {
  std::unique_lock<std::mutex> lock(mutex);
  std::erase_if(waiting, [&](const Task &task) { return task.owner == owner; });
  changed.wait(lock, [&] { return std::ranges::find(running, owner) == running.end(); });
}

void Workers::work() {
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return stopping || !waiting.empty(); });
    if (stopping)
      return;
    Task task = std::move(waiting.front());
    waiting.pop_front();
    running.push_back(task.owner);
    lock.unlock();
    task.run();
    task.run = nullptr; // what it holds goes before its owner may
    lock.lock();
    running.erase(std::ranges::find(running, task.owner));
    changed.notify_all();
  }
}

} // namespace moert
