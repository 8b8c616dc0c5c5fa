//===- CacheOptions.cpp - the cache that a subcommand uses ------------------===//

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Engine/Subject.h"
#include "compiler/tools/moec/Options.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <filesystem>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<bool> noCacheOption("no-cache", cl::sub(compileCommand()), cl::sub(runCommand()),
                                   cl::sub(benchCommand()), cl::sub(tuneCommand()),
                                   cl::cat(category()),
                                   cl::desc("compile everything and keep no kernel"));
static cl::opt<std::string> cacheDirOption("cache-dir", cl::sub(compileCommand()),
                                           cl::sub(runCommand()), cl::sub(benchCommand()),
                                           cl::sub(tuneCommand()), cl::sub(cacheCommand()),
                                           cl::cat(category()), cl::value_desc("DIR"),
                                           cl::desc("kernel cache, and tuning records (default: MOEC_CACHE_DIR)"));
static cl::opt<bool> strictOption(
    "strict-cache", cl::sub(compileCommand()), cl::sub(runCommand()), cl::sub(benchCommand()),
    cl::cat(category()),
    cl::desc("compile nothing: a kernel that is not in the cache is an error, exit code 8"));
static cl::opt<bool>
    verboseOption("v", cl::sub(compileCommand()), cl::sub(runCommand()), cl::sub(benchCommand()),
                  cl::cat(category()),
                  cl::desc("say what came from the cache, what was compiled, and where "
                           "schedules come from"));

bool isVerbose() { return verboseOption; }
bool isCacheStrict() { return strictOption; }

/// Made by the first who asks.
static std::shared_ptr<CachedCompiler> &current() {
  static std::shared_ptr<CachedCompiler> compiler;
  return compiler;
}

Status checkCacheOptions() {
  if (noCacheOption && (strictOption || !cacheDirOption.empty()))
    return Status(StatusCode::Usage,
                  "expects no --strict-cache and no --cache-dir with --no-cache");
  return expectPath("--cache-dir", cacheDirOption);
}

bool isCacheDirectoryGiven() { return !cacheDirOption.empty(); }

std::string cacheDirectory() {
  return cacheDirOption.empty() ? moert::defaultCacheDirectory().string() : cacheDirOption;
}

bool hasCacheDirectory() {
  std::error_code error;
  if (std::filesystem::exists(cacheDirectory(), error))
    return true;
  warn("there is no folder '" + cacheDirectory() + "'");
  return false;
}

Result<std::shared_ptr<CachedCompiler>> kernelCache() {
  if (current())
    return current();
  if (noCacheOption)
    return current() = std::make_shared<CachedCompiler>();
  MOERT_ASSIGN_OR_RETURN(moert::CacheOptions options, moert::cacheOptionsFromEnvironment());
  // `moec cache` looks after what is there.
  if (!cacheCommand() || hasCacheDirectory())
    options.directory = cacheDirectory();
  else
    options.directory.clear();
  options.warn = [](const std::string &text) { warn(text); };
  return current() =
             std::make_shared<CachedCompiler>(moert::Cache::open(std::move(options)), strictOption);
}

Result<CompilerOptions> compilerOptions() {
  CompilerOptions options;
  MOERT_ASSIGN_OR_RETURN(options.jobs, jobs());
  MOERT_ASSIGN_OR_RETURN(options.kernel.tokens, tokenCounts());
  MOERT_ASSIGN_OR_RETURN(options.fusions, fusions());
  MOERT_ASSIGN_OR_RETURN(std::vector<std::string> targets, targetArchs());
  options.kernel.target = targets.front();
  options.kernel.combine = combineMode();
  options.kernel.schedule = scheduleText();
  return options;
}

std::string describeCounters(const CachedCompiler &cache) {
  moert::CacheCounters counters = cache.counters();
  if (!cache.storage())
    return fmt::format("cache: off, {} kernels compiled", counters.compiles);
  return fmt::format("cache: packages {} hits, {} misses; kernels {} hits, {} misses, {} compiled",
                     counters.packageHits, counters.packageMisses, counters.kernelHits,
                     counters.kernelMisses, counters.compiles);
}

/// Whether anything was looked for.
static bool wasAsked(const CachedCompiler &cache) {
  moert::CacheCounters counters = cache.counters();
  return counters.packageHits + counters.packageMisses + counters.kernelHits +
             counters.kernelMisses + counters.compiles !=
         0;
}

void closeCache() {
  if (current() && verboseOption && wasAsked(*current())) {
    outs().flush();
    errs() << describeCounters(*current()) << '\n';
  }
  current().reset();
}

} // namespace moec::cli
