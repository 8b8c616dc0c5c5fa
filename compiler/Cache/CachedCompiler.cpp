//===- CachedCompiler.cpp - the one door to NVRTC ---------------------------===//

#include "compiler/Cache/CachedCompiler.h"

#include "compiler/Cache/KernelKey.h"
#include "runtime/Cache/Nearest.h"
#include "runtime/Cache/PackageEntry.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

using moert::CacheCounters;
using moert::CacheKey;
using moert::CompiledKernel;
using moert::CompileRequest;
using moert::Entry;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// The section of a package's entry that is no file of the package.
static constexpr const char *kWarningsSection = "warnings";

CacheCounters CachedCompiler::counters() const {
  CacheCounters counters = cache ? cache->counters() : CacheCounters();
  counters.compiles += compiles;
  return counters;
}

/// Compiles for the key, which is null without a cache.
Result<CompiledKernel> CachedCompiler::compileOne(const CompileRequest &request,
                                                  const CacheKey *key) {
  if (strict) {
    std::string why = key ? moert::describe(moert::findNearest(cache->stores(), *key))
                          : std::string("there is no cache");
    return Status(StatusCode::CacheMiss,
                  fmt::format("kernel '{}' is not in the cache: {}", request.name, why));
  }
  MOERT_ASSIGN_OR_RETURN(const moert::NvrtcCompiler *compiler, tools.compiler());
  Result<CompiledKernel> compiled = compiler->compile(request);
  if (!compiled)
    return compiled;
  if (cache)
    cache->count(&CacheCounters::compiles);
  else
    ++compiles;
  return compiled;
}

std::vector<Result<CachedCompiler::Kernel>>
CachedCompiler::compileAll(std::span<const CompileRequest> requests, unsigned jobs,
                           const Progress &progress) {
  if (!cache)
    return compileAs("", requests, jobs, progress);
  for (;;) {
    std::string version = tools.version();
    std::vector<Result<Kernel>> kernels = compileAs(version, requests, jobs, progress);
    // The first compile may have found another NVRTC than was noted: all kernels are of one
    // version.
    if (tools.version() == version)
      return kernels;
  }
}

std::vector<Result<CachedCompiler::Kernel>>
CachedCompiler::compileAs(const std::string &version, std::span<const CompileRequest> requests,
                          unsigned jobs, const Progress &progress) {
  std::vector<CacheKey> keys;
  for (const CompileRequest &request : requests)
    keys.push_back(kernelKey(request, version));
  // A kernel that was just made need not be read back.
  std::vector<std::optional<CompiledKernel>> fresh(requests.size());
  auto make = [&](size_t i) -> Result<std::pair<CacheKey, Entry>> {
    MOERT_ASSIGN_OR_RETURN(CompiledKernel compiled,
                           compileOne(requests[i], cache ? &keys[i] : nullptr));
    CacheKey key = cache ? kernelKey(requests[i], tools.version()) : keys[i];
    Entry entry = kernelToEntry(key, compiled);
    fresh[i] = std::move(compiled);
    return std::pair(std::move(key), std::move(entry));
  };
  size_t done = 0;
  auto report = [&](size_t, const Result<moert::Cache::Made> &made) {
    if (cache)
      cache->count(made && made->wasFound ? &CacheCounters::kernelHits
                                          : &CacheCounters::kernelMisses);
    if (progress)
      progress(++done, requests.size());
  };
  // Without a cache, one that lives for this call does the work in parallel.
  std::shared_ptr<moert::Cache> store = cache ? cache : moert::Cache::open({});
  std::vector<Result<moert::Cache::Made>> made = store->findOrMake(keys, jobs, make, report);

  std::vector<Result<Kernel>> results;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!made[i]) {
      results.push_back(made[i].status());
      continue;
    }
    if (fresh[i]) {
      results.push_back(Kernel{*std::move(fresh[i]), false});
      continue;
    }
    Result<CompiledKernel> cached = kernelFromEntry(requests[i].name, *made[i]->entry);
    if (cached)
      results.push_back(Kernel{*std::move(cached), true});
    else
      results.push_back(std::move(cached).status());
  }
  return results;
}

std::optional<CachedCompiler::Package> CachedCompiler::findPackage(const CacheKey &key) {
  if (!cache)
    return std::nullopt;
  moert::Cache::EntryPointer entry = cache->find(key);
  Result<moert::Package> package =
      entry ? moert::packageFromEntry(*entry) : Status(StatusCode::CacheMiss, "");
  // A package that cannot be read although its bytes are right is another format's: a miss.
  cache->count(package ? &CacheCounters::packageHits : &CacheCounters::packageMisses);
  if (!package)
    return std::nullopt;
  Package result{*std::move(package), {}};
  if (std::optional<std::string_view> text = entry->find(kWarningsSection);
      text && !text->empty()) {
    llvm::SmallVector<llvm::StringRef> lines;
    llvm::StringRef(*text).split(lines, '\n');
    result.warnings.assign(lines.begin(), lines.end());
  }
  return result;
}

void CachedCompiler::keepPackage(const CacheKey &key, const Package &package) {
  if (!cache || !key.isExact())
    return;
  Result<Entry> entry = moert::packageToEntry(package.package);
  if (!entry)
    return; // whoever writes or loads the package reports what is wrong with it
  entry->key = key.text;
  entry->add(kWarningsSection, llvm::join(package.warnings, "\n"));
  cache->publish(key, std::make_shared<const Entry>(*std::move(entry)));
}

} // namespace moec
