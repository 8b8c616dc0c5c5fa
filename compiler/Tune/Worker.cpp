//===- Worker.cpp - a process that answers lines with lines -----------------===//

#include "compiler/Tune/Worker.h"

#include "llvm/Support/FormatVariadic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using moert::Descriptor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

extern char **environ;

namespace moec {

Result<Worker> Worker::start(const std::vector<std::string> &command) {
  // A socket: writing to a process that is gone is an error there, not a signal.
  int toChild[2], fromChild[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, toChild) != 0)
    return Status(StatusCode::Toolchain,
                  fmt::format("starting a worker failed: {}", std::strerror(errno)));
  Worker worker;
  worker.input = Descriptor(toChild[0]);
  Descriptor childInput(toChild[1]);
  if (::pipe2(fromChild, O_CLOEXEC) != 0)
    return Status(StatusCode::Toolchain,
                  fmt::format("starting a worker failed: {}", std::strerror(errno)));
  worker.output = Descriptor(fromChild[0]);
  Descriptor childOutput(fromChild[1]);

  std::vector<char *> arguments;
  for (const std::string &word : command)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, childInput.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, childOutput.get(), STDOUT_FILENO);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  int error = ::posix_spawnp(&worker.process, arguments[0], &actions, &attributes, arguments.data(),
                             environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    worker.process = -1;
    return Status(StatusCode::Toolchain, fmt::format("starting the worker '{}' failed: {}",
                                                     command.front(), std::strerror(error)));
  }
  return worker;
}

Worker::Worker(Worker &&other) noexcept
    : process(std::exchange(other.process, -1)), input(std::move(other.input)),
      output(std::move(other.output)), buffered(std::move(other.buffered)),
      end(std::move(other.end)) {}

Worker::~Worker() {
  if (process <= 0)
    return;
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
}

std::string Worker::describeEnd() {
  // Whoever asks a worker that is gone hears the same once more: it has no number any longer, and
  // -1 is every process that there is.
  if (process <= 0)
    return end;
  // Its output is closed, so it has ended or is about to; what lingers is killed.
  int status = 0;
  for (int i = 0; i < 200 && ::waitpid(process, &status, WNOHANG) == 0; ++i) {
    if (i == 100)
      ::kill(process, SIGKILL);
    ::usleep(10000);
  }
  process = -1;
  end = WIFSIGNALED(status) ? fmt::format("the process died of signal {} ({})", WTERMSIG(status),
                                          ::strsignal(WTERMSIG(status)))
                            : fmt::format("the process ended with code {}", WEXITSTATUS(status));
  return end;
}

bool Worker::waitForOutput(int milliseconds) const {
  pollfd poll = {output.get(), POLLIN, 0};
  return ::poll(&poll, 1, std::max(0, milliseconds)) > 0;
}

Status Worker::send(const llvm::json::Value &request) {
  std::string line = llvm::formatv("{0}\n", request).str();
  for (std::string_view rest = line; !rest.empty();) {
    ssize_t put = ::send(input.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return Status(StatusCode::Internal, describeEnd());
    rest.remove_prefix(size_t(put));
  }
  return Status::ok();
}

Result<std::optional<llvm::json::Value>> Worker::receive() {
  size_t end;
  while ((end = buffered.find('\n')) == std::string::npos) {
    if (!waitForOutput(0))
      return std::optional<llvm::json::Value>();
    char bytes[65536];
    ssize_t got = ::read(output.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return Status(StatusCode::Internal, describeEnd());
    buffered.append(bytes, size_t(got));
  }
  llvm::Expected<llvm::json::Value> value =
      llvm::json::parse(llvm::StringRef(buffered).take_front(end));
  buffered.erase(0, end + 1);
  if (!value)
    return Status(StatusCode::Internal,
                  "the worker talks nonsense: " + toString(value.takeError()));
  return std::optional(*std::move(value));
}

} // namespace moec
