//===- CompileWorkers.h - processes that compile candidates -----------------===//
//
// A compiler may crash or never come to an end, and both happen to generated code that nobody wrote
// before. So candidates are compiled in processes of their own, several at once, which know no CUDA
// context. What they compile goes into the folder of the kernel cache, where the process that
// measures finds it. A candidate that takes its process down is rejected with the reason; the
// others do not notice.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_COMPILEWORKERS_H
#define MOEC_COMPILER_TUNE_COMPILEWORKERS_H

#include "compiler/Tune/Choice.h"
#include "compiler/Tune/Worker.h"

#include <chrono>
#include <optional>
#include <span>

namespace moec {

class CompileWorkers {
public:
  struct Options {
    std::vector<std::string> command; ///< of a worker
    llvm::json::Object block;         ///< what is compiled and for whom; see WorkerProtocol.h
    unsigned jobs = 0;                ///< compiles at a time; 0: one for each core
    double seconds = 120;             ///< for one candidate
  };

  explicit CompileWorkers(Options options);

  /// Compiles for T = `tokens`; in the order of the choices, why one cannot be compiled. Processes
  /// are started as they are needed, by the calling thread, and wait for the next call. Workers end
  /// with the thread that started them, so that all calls must come from one thread.
  std::vector<moert::Status> compile(std::span<const Choice> choices, int64_t tokens);

private:
  using Clock = std::chrono::steady_clock;
  /// A worker, and the candidate that it works on.
  struct Slot {
    std::optional<Worker> worker;
    std::optional<size_t> choice;
    Clock::time_point deadline;
  };

  moert::Status begin(Slot &slot, const llvm::json::Object &request);
  std::optional<moert::Status> outcome(Slot &slot);
  void wait() const;

  Options options;
  std::vector<Slot> slots;
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_COMPILEWORKERS_H
