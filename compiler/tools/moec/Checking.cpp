//===- Checking.cpp - results against the reference ---------------------------===//

#include "compiler/tools/moec/Checking.h"
#include "compiler/Engine/ReferenceRunner.h"
#include "compiler/Reference/Sampling.h"
#include "compiler/tools/moec/Options.h"

#include <fmt/format.h>

#include <algorithm>

using namespace llvm;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<std::string>
    checkOption("check", cl::sub(runCommand()), cl::sub(benchCommand()), cl::cat(category()),
                cl::ValueOptional, cl::value_desc("RTOL"),
                cl::desc("compare with the reference; RTOL: relative error (default: by dtype); "
                         "bench: what the last replays left, which is to be what one run leaves"));
static cl::opt<uint64_t>
    checkSeedOption("check-seed", cl::sub(runCommand()), cl::sub(benchCommand()),
                    cl::cat(category()), cl::init(0), cl::value_desc("N"),
                    cl::desc("draws the tokens that are checked where there are more than 64"));

bool isChecked() { return checkOption.getNumOccurrences() > 0; }

Result<CheckOptions> checkOptions(unsigned threads) {
  CheckOptions options;
  if (!checkOption.empty() && (StringRef(checkOption).getAsDouble(options.tolerance) ||
                               !(options.tolerance > 0 && options.tolerance < 1)))
    return Status(StatusCode::Usage,
                  "expects --check to be a number between 0 and 1, but got '" + checkOption + "'");
  options.sampleSeed = checkSeedOption;
  options.threads = threads;
  return options;
}

std::string checkOptionsText() {
  return (checkOption.empty() ? " --check" : " --check=" + checkOption) +
         fmt::format(" --check-seed {}", uint64_t(checkSeedOption));
}

Status expectReference(const Subject &subject) {
  if (!subject.block)
    return Status(StatusCode::Usage, subject.path + ": expects a package with its IR for --check, "
                                                    "but it holds none");
  if (mlir::failed(verifyEvaluable(subject.block->function())))
    return Status(StatusCode::Unsupported, "expects a block that the reference evaluator knows");
  return Status::ok();
}

/// Unsupported where memory does not hold what a check will evaluate.
static Status planReference(const Subject &subject, int64_t tokens,
                            std::span<const HostTensor> arguments, const CheckOptions &options) {
  mlir::func::FuncOp function = subject.block->function();
  if (tokenCount(function, ArrayRef(arguments.data(), arguments.size())) &&
      tokensAreIndependent(function))
    tokens = std::min(tokens, options.maxTokens);
  Result<uint64_t> bytes = ReferenceRunner(*subject.block, options.threads).planMemory(tokens);
  Status status = bytes ? planMemory({}, {}, tokens, *bytes).status() : bytes.status();
  return std::move(status).withContext("the reference");
}

Result<CheckReport> checkAgainstReference(const Subject &subject, int64_t tokens,
                                          std::span<const HostTensor> arguments,
                                          std::span<const HostTensor> outputs,
                                          const CheckOptions &options) {
  MOERT_RETURN_IF_ERROR(planReference(subject, tokens, arguments, options));
  mlir::FailureOr<CheckReport> report =
      checkResult(subject.block->function(), ArrayRef(arguments.data(), arguments.size()),
                  ArrayRef(outputs.data(), outputs.size()), options);
  if (failed(report))
    return Status(StatusCode::InvalidInput, "expects inputs that the block can be evaluated on");
  return *std::move(report);
}

std::string summarize(const CheckReport &report) {
  std::string text;
  for (const Comparison &output : report.outputs) {
    text +=
        fmt::format("{}{}{} relative error {:.2e} (limit {:.0e})", text.empty() ? "" : ", ",
                    report.outputs.size() > 1 ? output.name + " " : "",
                    output.passed ? "ok," : "MISMATCH,", output.relativeError, output.tolerance);
    if (output.outsideBand != 0) // NaN among them: the error is over finite elements
      text += fmt::format(", {} of {} elements wrong", output.outsideBand, output.elements);
  }
  if (!report.sampledTokens.empty())
    text += fmt::format(", {} tokens checked", report.sampledTokens.size());
  return text;
}

} // namespace moec::cli
