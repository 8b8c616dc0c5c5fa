//===- Options.h - command line of moec -------------------------------------===//
//
// Every subcommand, and every option that more than one of them takes, is declared once, here.
// Options of a single subcommand are statics of its own file.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_OPTIONS_H
#define MOEC_COMPILER_TOOLS_MOEC_OPTIONS_H

#include "compiler/Engine/Compiler.h"
#include "compiler/Engine/Subject.h"
#include "compiler/Inputs/Routing.h"
#include "runtime/Support/Status.h"

#include "llvm/Support/CommandLine.h"

#include <memory>
#include <string>
#include <vector>

namespace moec::cli {

// Functions, because options in several files refer to these during static initialisation.

/// Everything that `--help` shows; LLVM's own options stay hidden.
llvm::cl::OptionCategory &category();

llvm::cl::SubCommand &compileCommand();
llvm::cl::SubCommand &runCommand();
llvm::cl::SubCommand &importCommand();
llvm::cl::SubCommand &benchCommand();
llvm::cl::SubCommand &tuneCommand();
llvm::cl::SubCommand &cacheCommand();
llvm::cl::SubCommand &envCommand();

// Options of several subcommands. Accessors check what the command line parser cannot; a failure is
// a usage error.

/// IN.mlir or OUT.moepkg (compile, run, bench, tune).
const std::string &inputPath();
/// `-j`, else MOEC_JOBS, else 0: one per core.
moert::Result<unsigned> jobs();
/// `--target`; empty where it was not given.
const std::string &targetArch();
/// Whether the GPU at hand is one of them.
bool isNativeTarget();
/// `--target` as RunnerOptions have it: one architecture, empty where it was not given.
moert::Result<std::string> runnerTarget();
/// The architectures of `--target`, each once, `native` resolved; the default where it was not given.
moert::Result<std::vector<std::string>> targetArchs();
/// The same where one is wanted. Usage where there are more.
moert::Result<std::string> oneTargetArch();
/// `--fuse`.
moert::Result<FusionChoice> fusions();
bool isFusionGiven();
/// `--combine`.
CombineMode combineMode();
bool isCombineGiven();
/// `--schedule`; empty where it was not given.
const std::string &scheduleText();
/// `--tokens`: token counts in the order given; empty where it was not given.
moert::Result<std::vector<int64_t>> tokenCounts();
/// `--routing`, by default uniform.
moert::Result<std::vector<Routing>> routings();
/// What the options above say about a compilation, for the first of `targetArchs`.
moert::Result<CompilerOptions> compilerOptions();
/// `--seed`.
uint64_t seed();
/// Seconds of a time such as 60s, 5m or 200ms that was given with `option`, "--budget".
moert::Result<double> parseSeconds(llvm::StringRef option, llvm::StringRef text);
/// Usage where `isGiven` and the device is not CUDA, which alone has what the option asks for.
moert::Status expectCuda(llvm::StringRef option, bool isGiven, DeviceKind device);
/// The same for each of the options above; what only says where things are kept serves any device.
moert::Status checkDeviceOptions(DeviceKind device);
/// Usage where one of the options above says how to compile, and the kernels of a package run.
moert::Status checkSubjectOptions(const Subject &subject, DeviceKind device);
/// The names of those options that say how a block is compiled, as far as they were given.
std::vector<llvm::StringRef> givenBuildOptions();
/// Usage where the file or folder of an option is "-", which names a stream elsewhere.
moert::Status expectPath(llvm::StringRef option, llvm::StringRef path);
/// The options that say what is compiled and where records are kept, as far as they were given: text
/// for a command that reproduces a run.
std::string buildOptionsText();

/// The compiler that the options `--cache-dir`, `--no-cache` and `--strict-cache` and the environment
/// ask for; the same one every time.
moert::Result<std::shared_ptr<CachedCompiler>> kernelCache();
/// Usage where the options of the cache contradict each other.
moert::Status checkCacheOptions();
/// `--cache-dir`, else the environment's folder.
std::string cacheDirectory();
bool isCacheDirectoryGiven();
/// Whether that folder is there; warns where it is not.
bool hasCacheDirectory();
/// One line: what came from the cache and what was compiled.
std::string describeCounters(const CachedCompiler &cache);
/// Ends the use of the cache; with `-v` says what it was good for.
void closeCache();

/// `-v`.
bool isVerbose();
/// `--strict-cache`.
bool isCacheStrict();

/// `--no-tuned`, `--tuned-for`.
bool areRecordsIgnored();
bool isRecordDeviceGiven();
/// The user's tuning records and the shipped ones; null with `--no-tuned`.
std::shared_ptr<const Records> tuningRecords();
/// Lets a compilation use them, and with `-v` says where its schedules come from.
moert::Status applyRecords(const MoeBlock &block, CompilerOptions &options);
/// The same for each of `routings` of what runs: its options. One for all where their records do not
/// matter.
std::vector<RunnerOptions> withRecords(const Subject &subject, const RunnerOptions &options,
                                       llvm::ArrayRef<Routing> routings);

/// The word that makes moec the worker of a search instead of anything else; not for users.
inline constexpr llvm::StringLiteral kTuneWorkerCommand{"tune-worker"};

/// One subcommand and what it does; `run` returns the exit code.
struct Command {
  llvm::cl::SubCommand &subCommand;
  int (*run)();
};

int runCompile();
int runRun();
int runImport();
int runBench();
int runTune();
int runCache();
int runEnv();

/// Prints "moec: error: " and the message; returns the exit code of the failure.
int fail(const moert::Status &status);
/// Toolchain failure where standard output did not take all that was printed; said once.
moert::Status flushOutput();
/// Prints "moec: warning: " and the message.
void warn(llvm::StringRef message);

/// Writes `text` to the file, atomically, or to standard output where `path` is "-".
moert::Status writeText(const std::string &path, llvm::StringRef text);
/// Reads a file of at most `maxBytes`, or standard input where `path` is "-".
moert::Result<std::string> readText(const std::string &path, uint64_t maxBytes);

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_OPTIONS_H
