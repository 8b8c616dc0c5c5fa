//===- TuneDryRun.h - what moec tune would try -------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_TUNEDRYRUN_H
#define MOEC_COMPILER_TOOLS_MOEC_TUNEDRYRUN_H

#include "compiler/Tune/Effort.h"

#include "llvm/Support/JSON.h"

namespace moec::cli {

/// Prints the space of every grouped matmul, why points of it are illegal, and the schedules that
/// would be measured with what the model says about them. Knows no device.
class DryRun {
public:
  DryRun(std::string subject, std::string target, Effort effort);
  /// One token count and routing; `matmuls` are those to show, or all where it is empty.
  void add(llvm::ArrayRef<Lowering> lowerings, int64_t tokens, const std::string &routing,
           llvm::ArrayRef<unsigned> matmuls);
  llvm::json::Value report() const;

private:
  llvm::json::Object show(const search::Task &task, const std::string &defaults,
                          const Limits &limits);

  std::string subject, target;
  Effort effort;
  llvm::json::Array results;
};

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_TUNEDRYRUN_H
