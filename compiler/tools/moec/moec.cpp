//===- moec.cpp - the compiler driver ----------------------------------------===//
//
// Parses the command line and calls the subcommand; each has a file of its own.
//
//===----------------------------------------------------------------------===//

#include "compiler/Tune/WorkerProtocol.h"
#include "compiler/tools/moec/Options.h"

#include "runtime/Support/Env.h"
#include "runtime/Support/Log.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace llvm;
using namespace moec::cli;

static constexpr StringRef kOverview =
    "moec: a JIT kernel-generation compiler for Mixture-of-Experts blocks\n\n"
    "Exit codes: 0 ok; 1 result mismatch; 2 usage; 3 invalid IR or input;\n"
    "4 unsupported problem; 5 toolchain or driver failure; 6 no such device; 7 budget or timeout;\n"
    "8 cache miss in strict mode; 9 internal error.\n"
    "`moec SUBCOMMAND --help` lists the options of a subcommand.\n";

/// What a usage error exits with.
static constexpr int kUsageError = static_cast<int>(moert::StatusCode::Usage);

/// Sends the runtime's log to standard error where MOEC_LOG asks for it.
static moert::Status startLog() {
  std::optional<std::string> text = moert::readEnv(moert::EnvVar::Log);
  if (!text)
    return moert::Status::ok();
  std::optional<moert::LogLevel> level = moert::parseLogLevel(*text);
  if (!level)
    return moert::Status(moert::StatusCode::Usage, "expects MOEC_LOG to be debug, info, warning or "
                                                   "error, but got '" + *text + "'");
  moert::setLogCallback(
      [](moert::LogLevel level, const char *component, const char *message, void *) {
        std::string line = (Twine("moec: ") + StringRef(moert::name(level)) + ": " + component +
                            ": " + message + "\n")
                               .str();
        errs() << line;
      },
      nullptr, *level);
  return moert::Status::ok();
}

/// What LLVM prints itself (--help, --version) ends in exit(0), whether it was printed or not.
static void checkOutputAtExit() {
  if (moert::Status status = flushOutput(); !status.isOk())
    std::_Exit(fail(status));
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  if (argc == 2 && kTuneWorkerCommand == argv[1])
    return moec::serveTuning();
  // Streams that are made before outlive it.
  outs();
  errs();
  std::atexit(checkOutputAtExit);
  Command commands[] = {
      {compileCommand(), runCompile},
      {runCommand(), runRun},
      {importCommand(), runImport},
      {benchCommand(), runBench},
      {tuneCommand(), runTune},
      {cacheCommand(), runCache},
      {envCommand(), runEnv},
  };
  cl::HideUnrelatedOptions(category());
  for (Command &command : commands)
    cl::HideUnrelatedOptions(category(), command.subCommand);
  cl::SetVersionPrinter([](raw_ostream &os) { os << "moec " MOEC_VERSION "\n"; });
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &errs()))
    return kUsageError;
  if (moert::Status status = startLog(); !status.isOk())
    return fail(status);
  if (moert::Status status = checkCacheOptions(); !status.isOk())
    return fail(status);
  for (Command &command : commands)
    if (command.subCommand) {
      int exitCode = command.run();
      closeCache();
      moert::Status status = flushOutput();
      int outputCode = status.isOk() ? 0 : fail(status);
      return exitCode != 0 ? exitCode : outputCode; // the first failure is the cause
    }
  errs() << "moec: expects a subcommand; `moec --help` lists them\n";
  return kUsageError;
}
