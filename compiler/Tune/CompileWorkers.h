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
#include <functional>
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

  /// The architecture that is compiled for from now on.
  void setTarget(llvm::StringRef target) { options.block["target"] = target; }

  /// Candidates are known by the numbers in which they were added, from 0.
  using Number = size_t;
  using Clock = std::chrono::steady_clock;

  /// Begins to compile these for T = `tokens`, behind those that were added before, and does not
  /// wait. The first of them gets the returned number. Where a call adds fewer than there are jobs,
  /// the kernels of each are compiled at once. Processes are started as they are needed, by the
  /// calling thread, and wait for more. Workers end with the thread that started them, so that all
  /// calls must come from one thread.
  Number add(std::span<const Choice> choices, int64_t tokens);

  /// Waits for a candidate; why it cannot be compiled.
  moert::Status wait(Number number);
  /// Waits for a candidate, or for all that were added, or until `isEnough`.
  void waitFor(Number number, const std::function<bool()> &isEnough);
  void waitForAll(const std::function<bool()> &isEnough = [] { return false; });
  /// Whether it is known what became of a candidate.
  bool isDone(Number number) const { return jobs[number].outcome.has_value(); }
  /// Ends the compilers that are busy and forgets what waits for one.
  void abandon();
  /// Sleeps until `descriptor` is readable or `deadline` has come, and sees to the workers
  /// meanwhile, so that those that are done get the next candidates.
  void sleep(int descriptor, Clock::time_point deadline);

private:
  struct Job {
    llvm::json::Object request;
    std::optional<moert::Status> outcome; ///< nothing before it is known
  };
  /// A worker, and the candidate that it works on.
  struct Slot {
    std::optional<Worker> worker;
    std::optional<Number> number;
    Clock::time_point deadline;
  };

  static moert::Status send(Slot &slot, llvm::json::Object request);
  moert::Status begin(Slot &slot, const llvm::json::Object &request);
  std::optional<moert::Status> outcome(Slot &slot);
  void finish(Slot &slot, moert::Status status);
  void handOut();
  void collect();

  Options options;
  std::vector<Job> jobs;
  Number next = 0; ///< to be handed out
  std::vector<Slot> slots;
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_COMPILEWORKERS_H
