//===- Worker.h - a process that answers lines with lines -------------------===//

#ifndef MOEC_COMPILER_TUNE_WORKER_H
#define MOEC_COMPILER_TUNE_WORKER_H

#include "runtime/Support/Descriptor.h"
#include "runtime/Support/Status.h"

#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace moec {

/// A child process in a process group of its own, so that Ctrl-C is the parent's alone. Requests
/// and answers are JSON values, one a line. Killed with this object.
class Worker {
public:
  /// Toolchain failure where the program cannot be started.
  static moert::Result<Worker> start(const std::vector<std::string> &command);
  Worker(Worker &&other) noexcept;
  Worker &operator=(Worker &&) = delete;
  ~Worker();

  /// A request, and its answer if it has come. Internal where the process ends or talks nonsense;
  /// it is of no use afterwards.
  moert::Status send(const llvm::json::Value &request);
  moert::Result<std::optional<llvm::json::Value>> receive();
  /// Readable when `receive` has something to tell.
  int descriptor() const { return output.get(); }

private:
  Worker() = default;
  /// Waits until the process writes or ends; false where it does not for so long.
  bool waitForOutput(int milliseconds) const;
  /// Waits for the end and says how it came.
  std::string describeEnd();

  pid_t process = -1;
  moert::Descriptor input, output; ///< of the process
  std::string buffered;            ///< read beyond the last line
  std::string end;                 ///< how it came, once it has
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_WORKER_H
