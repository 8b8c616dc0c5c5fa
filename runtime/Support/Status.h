//===- Status.h - Errors as values ----------------------------------------===//
//
// The runtime throws nothing: a call that can fail returns a Status, or a Result<T> that holds
// either a value or the Status that says why there is none. The codes are the exit codes of the
// tools, so that an error found deep in the runtime decides the exit code without a translation
// table.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_STATUS_H
#define MOEC_RUNTIME_SUPPORT_STATUS_H

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace moert {

/// What kind of failure it is; the value is the exit code of the command-line tools and the error
/// code of the C API.
enum class StatusCode : int {
  Ok = 0,
  Mismatch = 1,     ///< a checked result differs
  Usage = 2,        ///< the caller broke the contract of a call or an option
  InvalidInput = 3, ///< invalid IR, package or data file
  Unsupported = 4,  ///< a valid problem that this build or package does not serve
  Toolchain = 5,    ///< the CUDA driver, NVRTC or the operating system failed
  NoDevice = 6,     ///< no such device
  Budget = 7,       ///< a budget or a time limit ran out
  CacheMiss = 8,    ///< nothing in the cache, in strict mode
  Internal = 9,     ///< a defect of this program
};

/// A short name of the code for logs, such as "invalid input".
constexpr std::string_view name(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return "ok";
  case StatusCode::Mismatch:
    return "mismatch";
  case StatusCode::Usage:
    return "usage";
  case StatusCode::InvalidInput:
    return "invalid input";
  case StatusCode::Unsupported:
    return "unsupported";
  case StatusCode::Toolchain:
    return "toolchain";
  case StatusCode::NoDevice:
    return "no device";
  case StatusCode::Budget:
    return "budget";
  case StatusCode::CacheMiss:
    return "cache miss";
  case StatusCode::Internal:
    return "internal";
  }
  return "unknown";
}

/// Success, or a code with a one-sentence message (lower case, no full stop).
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message) : statusCode(code), text(std::move(message)) {}

  static Status ok() { return Status(); }

  bool isOk() const { return statusCode == StatusCode::Ok; }
  StatusCode code() const { return statusCode; }
  int exitCode() const { return static_cast<int>(statusCode); }
  const std::string &message() const { return text; }

  /// The same failure with "`where`: " in front of its message; success stays success.
  Status withContext(std::string_view where) && {
    if (!isOk())
      text = std::string(where) + ": " + text;
    return std::move(*this);
  }

private:
  StatusCode statusCode = StatusCode::Ok;
  std::string text;
};

/// A value, or the Status that says why there is none. `*result` and `result->` may be used only
/// where `result.isOk()`.
template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : state(std::in_place_index<1>, std::move(status)) {
    assert(!std::get<1>(state).isOk() && "a Result without a value needs a failure");
  }

  bool isOk() const { return state.index() == 0; }
  explicit operator bool() const { return isOk(); }

  T &operator*() & { return *std::get_if<0>(&state); }
  const T &operator*() const & { return *std::get_if<0>(&state); }
  T &&operator*() && { return std::move(*std::get_if<0>(&state)); }
  T *operator->() { return std::get_if<0>(&state); }
  const T *operator->() const { return std::get_if<0>(&state); }

  /// The failure; Ok where there is a value.
  Status status() const & { return isOk() ? Status() : *std::get_if<1>(&state); }
  Status status() && { return isOk() ? Status() : std::move(*std::get_if<1>(&state)); }

private:
  std::variant<T, Status> state;
};

} // namespace moert

/// Returns the failure of a Status expression from the enclosing function.
#define MOERT_RETURN_IF_ERROR(expr)                                                                \
  do {                                                                                             \
    if (::moert::Status moertStatus_ = (expr); !moertStatus_.isOk())                               \
      return moertStatus_;                                                                         \
  } while (false)

#define MOERT_CONCAT_IMPL_(a, b) a##b
#define MOERT_CONCAT_(a, b) MOERT_CONCAT_IMPL_(a, b)

/// `MOERT_ASSIGN_OR_RETURN(auto x, f());` binds the value of a Result or returns its failure.
#define MOERT_ASSIGN_OR_RETURN(decl, expr)                                                         \
  auto MOERT_CONCAT_(moertResult_, __LINE__) = (expr);                                             \
  if (!MOERT_CONCAT_(moertResult_, __LINE__).isOk())                                               \
    return std::move(MOERT_CONCAT_(moertResult_, __LINE__)).status();                              \
  decl = *std::move(MOERT_CONCAT_(moertResult_, __LINE__))

#endif // MOEC_RUNTIME_SUPPORT_STATUS_H
