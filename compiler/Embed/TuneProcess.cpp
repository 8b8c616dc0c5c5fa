//===- TuneProcess.cpp - moec tune as a child of the host -------------------===//

#include "compiler/Embed/TuneProcess.h"

#include "runtime/Support/Descriptor.h"
#include "runtime/Support/Env.h"

#include "llvm/ADT/StringRef.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using llvm::StringRef;
using moert::Descriptor;
using moert::Status;
using moert::StatusCode;

extern char **environ;

namespace moec {

/// How often a stop is looked for.
static constexpr int kPollMilliseconds = 50;
/// Of what the program writes, the end, which has the reason of a failure.
static constexpr size_t kTailBytes = 64 << 10;

std::string toolBesideLibrary() {
  Dl_info info = {};
  if (!::dladdr(reinterpret_cast<void *>(&toolBesideLibrary), &info) || !info.dli_fname)
    return "moec";
  std::error_code ignored;
  std::filesystem::path library = std::filesystem::canonical(info.dli_fname, ignored);
  return (library.parent_path().parent_path() / "bin" / "moec").string();
}

static Status systemFailure(const char *what) {
  return Status(StatusCode::Toolchain, fmt::format("{}: {}", what, std::strerror(errno)));
}

Status checkTool(const std::string &path) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0)
    return Status::ok();
  return Status(StatusCode::Toolchain,
                fmt::format("expects the program moec, which measures, at '{}', but there is none "
                            "that may be run; moec_tune_options.tool names another place",
                            path));
}

/// The environment of the host, with the device that it uses.
static std::vector<std::string> environmentFor(int deviceOrdinal) {
  std::string_view name;
  for (const moert::EnvVarInfo &variable : moert::environmentTable())
    if (variable.variable == moert::EnvVar::Device)
      name = variable.name;
  std::vector<std::string> variables = {fmt::format("{}={}", name, deviceOrdinal)};
  for (char **variable = environ; *variable; ++variable)
    if (!StringRef(*variable).starts_with(fmt::format("{}=", name)))
      variables.push_back(*variable);
  return variables;
}

/// Null-terminated, for posix_spawn.
static std::vector<char *> pointersTo(const std::vector<std::string> &words) {
  std::vector<char *> pointers;
  for (const std::string &word : words)
    pointers.push_back(const_cast<char *>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Starts the program; `input` and `output` become its standard streams.
static Status spawn(const std::vector<std::string> &command, int deviceOrdinal, int input,
                    int output, pid_t &process) {
  std::vector<std::string> variables = environmentFor(deviceOrdinal);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
  int error = ::posix_spawn(&process, command.front().c_str(), &actions, &attributes,
                            pointersTo(command).data(), pointersTo(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error == 0)
    return Status::ok();
  errno = error;
  return systemFailure(fmt::format("starting '{}' failed", command.front()).c_str());
}

/// Reads what the program writes until that ends, or a stop is requested; returns the end of it.
static std::string readToEnd(int output, const std::stop_token &stop) {
  std::string tail;
  while (!stop.stop_requested()) {
    pollfd poll = {output, POLLIN, 0};
    if (::poll(&poll, 1, kPollMilliseconds) <= 0)
      continue;
    char bytes[4096];
    ssize_t got = ::read(output, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    tail.append(bytes, size_t(got));
    if (tail.size() > 2 * kTailBytes)
      tail.erase(0, tail.size() - kTailBytes);
  }
  return tail;
}

/// What came of a program that ended its output.
static Status explainEnd(int status, StringRef tail) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return Status::ok();
  if (WIFSIGNALED(status))
    return Status(StatusCode::Toolchain,
                  fmt::format("moec tune died of signal {} ({})", WTERMSIG(status),
                              ::strsignal(WTERMSIG(status))));
  constexpr StringRef kError = "moec: error: ";
  int code = WEXITSTATUS(status);
  size_t at = tail.rfind(kError);
  std::string reason = fmt::format("moec tune ended with code {}", code);
  if (at != StringRef::npos)
    reason += ": " + tail.drop_front(at + kError.size()).split('\n').first.str();
  bool isOurs = code >= int(StatusCode::Mismatch) && code <= int(StatusCode::Internal);
  return Status(isOurs ? StatusCode(code) : StatusCode::Toolchain, std::move(reason));
}

Status runTuneProcess(const std::vector<std::string> &command, const std::string &text,
                      int deviceOrdinal, const std::stop_token &stop) {
  // A file in memory: a pipe would block, or raise a signal, where the program does not read it.
  Descriptor input(::memfd_create("moec-block", MFD_CLOEXEC));
  if (!input.isOpen() || ::pwrite(input.get(), text.data(), text.size(), 0) != ssize_t(text.size()))
    return systemFailure("keeping the text of the block failed");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return systemFailure("making a pipe failed");
  Descriptor output(ends[0]), writer(ends[1]);
  pid_t process = -1;
  MOERT_RETURN_IF_ERROR(spawn(command, deviceOrdinal, input.get(), writer.get(), process));
  writer = Descriptor(); // its end is the end of the output
  std::string tail = readToEnd(output.get(), stop);
  int status = 0;
  for (bool isKilled = false;;) {
    if (stop.stop_requested() && !std::exchange(isKilled, true))
      ::kill(-process, SIGKILL);
    pid_t ended = ::waitpid(process, &status, WNOHANG);
    if (ended == 0)
      ::usleep(1000);
    else if (ended > 0)
      return isKilled ? Status(StatusCode::Budget, "tuning was broken off")
                      : explainEnd(status, tail);
    else if (errno != EINTR)
      return Status::ok(); // the host waits for every child; a record tells how it ended
  }
}

} // namespace moec
