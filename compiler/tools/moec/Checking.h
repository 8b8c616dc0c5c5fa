//===- Checking.h - results against the reference ----------------------------===//
//
// `--check` of the subcommands that compute something.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_CHECKING_H
#define MOEC_COMPILER_TOOLS_MOEC_CHECKING_H

#include "compiler/Engine/Subject.h"
#include "compiler/Reference/Check.h"

#include <span>
#include <string>

namespace moec::cli {

/// `--check` (run, bench).
bool isChecked();
/// `--check=RTOL`, `--check-seed` and `threads`. Usage where RTOL is no relative error.
moert::Result<CheckOptions> checkOptions(unsigned threads);
/// The same as text for a command that reproduces a run.
std::string checkOptionsText();
/// Usage where `subject` has no IR to evaluate, Unsupported where the reference does not know it.
moert::Status expectReference(const Subject &subject);
/// Compares what a run on `arguments`, of `tokens` tokens, left in `outputs`. Unsupported where
/// memory does not hold what the reference evaluates, InvalidInput where it cannot.
moert::Result<CheckReport> checkAgainstReference(const Subject &subject, int64_t tokens,
                                                 std::span<const moert::HostTensor> arguments,
                                                 std::span<const moert::HostTensor> outputs,
                                                 const CheckOptions &options);
/// How a report is told on a line: "ok, relative error 2.81e-03 (limit 1e-02), 64 tokens checked".
std::string summarize(const CheckReport &report);

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_CHECKING_H
