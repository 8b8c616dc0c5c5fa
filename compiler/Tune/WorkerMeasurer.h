//===- WorkerMeasurer.h - candidates in another process ---------------------===//
//
// A kernel that never ends cannot be stopped, and a compiler or a driver may crash. So the CUDA
// context and the weights are in a worker process, and compilers in others: what those have not
// compiled does not reach the one that measures. Where that one dies or does not answer in time it
// is killed, the candidate is rejected with the reason, and the next request starts another one,
// with the same inputs from the same seed.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_WORKERMEASURER_H
#define MOEC_COMPILER_TUNE_WORKERMEASURER_H

#include "compiler/Inputs/Routing.h"
#include "compiler/Tune/CompileWorkers.h"
#include "compiler/Tune/Measurer.h"
#include "compiler/Tune/Worker.h"

#include <optional>

namespace moec {

class WorkerMeasurer final : public Measurer {
public:
  struct Options {
    std::vector<std::string> command; ///< of a worker of either kind
    llvm::json::Object open;          ///< the first request; see WorkerProtocol.h
    unsigned compilers = 0;           ///< at once; 0: one for each core
    double prepareSeconds = 900;      ///< for starting, and for the inputs
    double candidateSeconds = 120;    ///< for compiling a candidate, a check or a measurement
  };

  /// Starts the worker; its failures are those of CudaMeasurer::create.
  static moert::Result<std::unique_ptr<WorkerMeasurer>> create(Options options);

  /// What the worker answered to the first request: the device, the target.
  const llvm::json::Object &opened() const { return properties; }
  /// What is measured from now on, in `sets` inputs; what is prepared is compiled for it, the
  /// default first. `begin` has to follow.
  void aimAt(int64_t tokens, const Routing &routing, size_t sets, const Choice &defaults);
  /// As CudaMeasurer::aimAt and begin, while compilers go on with what is prepared.
  moert::Status begin();
  /// How often a worker that measures was lost.
  unsigned losses() const { return lost; }

  void prepare(std::span<const Choice> choices) override;
  bool isBuilt(const Choice &choice) override;
  void waitForBuild(const Choice &choice, const std::function<bool()> &isEnough) override;
  void waitForBuilds(const std::function<bool()> &isEnough) override;
  void abandon() override;
  moert::Status check(const Choice &choice) override;
  moert::Result<double> measure(const Choice &choice, Purpose purpose) override;

private:
  explicit WorkerMeasurer(Options options) : options(std::move(options)) {}
  moert::Status startWorker();
  void loseWorker();
  moert::Status sendInputs();
  CompileWorkers::Number numberOf(const Choice &choice);
  moert::Status waitForCompiler(const Choice &choice);
  moert::Result<llvm::json::Value> hear(double seconds);
  moert::Result<llvm::json::Object> ask(llvm::json::Object request, double seconds,
                                        bool isSent = false);
  moert::Result<llvm::json::Object> askAboutCandidate(llvm::json::Object request);

  Options options;
  std::optional<Worker> worker;
  std::optional<CompileWorkers> compilers;
  llvm::json::Object properties;
  int64_t tokens = 0;
  /// What the compilers were given for that many tokens.
  std::vector<std::pair<Choice, CompileWorkers::Number>> prepared;
  llvm::json::Object aim;      ///< the request for the inputs
  bool isAiming = false;       ///< the worker has that request and owes the answer
  bool areInputsThere = false; ///< the worker has them on the device
  std::optional<Choice> defaults;
  bool isBaselineKnown = false; ///< the worker compares with the default's outputs
  unsigned lost = 0;
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_WORKERMEASURER_H
