//===- Log.h - Logging through the host's callback ------------------------===//
//
// A library must not print by itself. Messages go to a callback that the host sets; without one
// they are dropped before they are formatted. Errors are returned, never only logged.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_LOG_H
#define MOEC_RUNTIME_SUPPORT_LOG_H

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace moert {

/// The values are those of `moec_log_level`.
enum class LogLevel : int { Debug = 0, Info = 1, Warning = 2, Error = 3 };

constexpr std::string_view name(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<int>(level)];
}

/// The level of that name, or nothing.
constexpr std::optional<LogLevel> parseLogLevel(std::string_view text) {
  for (int i = 0; i < 4; ++i)
    if (name(static_cast<LogLevel>(i)) == text)
      return static_cast<LogLevel>(i);
  return std::nullopt;
}

/// Receives a NUL-terminated component and message; may be called from any thread.
using LogCallback = void (*)(LogLevel level, const char *component, const char *message,
                             void *user);

/// Sets the process-wide callback for messages of at least `minimum`; null silences. Thread-safe;
/// a message under way on another thread may still reach the old callback.
void setLogCallback(LogCallback callback, void *user, LogLevel minimum = LogLevel::Info);

/// Whether a message of this level would reach a callback.
bool isLogged(LogLevel level);

/// Sends a finished message to the callback.
void logMessage(LogLevel level, const char *component, const char *message);

/// Formats and sends a message; costs one atomic load where nobody listens.
template <typename... Args>
void log(LogLevel level, const char *component, fmt::format_string<Args...> format,
         Args &&...args) {
  if (isLogged(level))
    logMessage(level, component, fmt::format(format, std::forward<Args>(args)...).c_str());
}

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_LOG_H
