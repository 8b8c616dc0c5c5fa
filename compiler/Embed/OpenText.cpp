//===- OpenText.cpp - libmoec's side of the seam ----------------------------===//

#include "compiler/Embed/Diagnostics.h"
#include "compiler/Embed/TextVariants.h"
#include "compiler/Engine/NativeTarget.h"
#include "compiler/Engine/Tuned.h"
#include "runtime/Api/TextSource.h"
#include "runtime/Support/Log.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <mutex>

using namespace moec;

namespace moert::api {

/// As a host may change its folder.
static std::filesystem::path makeAbsolute(const std::filesystem::path &given) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(given, error);
  return given.empty() || error ? given : absolute;
}

/// Where kernels and records are kept; empty: nowhere.
static std::filesystem::path cacheDirectoryOf(const TextOptions &options) {
  return makeAbsolute(options.cacheDirectory ? options.cacheDirectory : defaultCacheDirectory());
}

/// The routing that the host names, such that a search can be told it as `--routing`.
static Result<Routing> routingOf(const TextOptions &options) {
  Result<Routing> routing = parseRouting(options.routing);
  if (!routing)
    return std::move(routing).status().withContext("moec_text_options.routing");
  std::string &path = routing->histogram.path;
  path = makeAbsolute(path).string();
  if (path.find(',') != std::string::npos)
    return Status(StatusCode::Usage, "moec_text_options.routing: expects the path of a histogram "
                                     "without a comma, but got '" +
                                         path + "'");
  return routing;
}

/// The door to compiled kernels that blocks with these options share, so that equal kernels of many
/// layers are compiled and kept once in the process.
static Result<std::shared_ptr<CachedCompiler>> sharedCompiler(const TextOptions &options) {
  std::shared_ptr<CachedCompiler> compiler;
  if (options.cacheDirectory && !*options.cacheDirectory)
    return std::make_shared<CachedCompiler>(nullptr, options.strictCache);
  MOERT_ASSIGN_OR_RETURN(CacheOptions cache, cacheOptionsFromEnvironment());
  cache.directory = cacheDirectoryOf(options);
  cache.warn = [](const std::string &text) { log(LogLevel::Warning, "cache", "{}", text); };

  static std::mutex mutex;
  static std::map<std::pair<std::string, bool>, std::weak_ptr<CachedCompiler>> opened;
  std::lock_guard<std::mutex> lock(mutex);
  std::weak_ptr<CachedCompiler> &slot = opened[{cache.directory.string(), options.strictCache}];
  if (std::shared_ptr<CachedCompiler> known = slot.lock())
    return known;
  auto made = std::make_shared<CachedCompiler>(Cache::open(std::move(cache)), options.strictCache);
  slot = made;
  return made;
}

/// Schedules that were measured on such a device, where the host gives none: the user's records
/// from the cache's folder, then those that ship. Which ones serve which tokens is logged. Returns
/// the records that the variants have.
static std::vector<Record> applyRecords(const MoeBlock &block, const TunedFor &who,
                                        const TextOptions &options, CompilerOptions &compiler) {
  Records records = openRecords(cacheDirectoryOf(options));
  if (!records.mayHave(who.device))
    return {};
  TunedChoice choice = chooseTuned(block, compiler, records, who);
  compiler.kernel.schedule = choice.schedule;
  compiler.fusions = choice.fusions;
  compiler.own = std::move(choice.own);
  for (const std::string &origin : choice.origins)
    log(LogLevel::Info, "records", "{}: {}", options.name, origin);
  auto isOwn = [&](const Record &record) {
    return llvm::any_of(compiler.own, [&](const OwnLowering &own) {
      return own.interval == intervalOf(record.tokens);
    });
  };
  std::vector<Record> used;
  if (Result<RecordKey> key =
          recordKey(block, "any", compiler.kernel.combine, who, compiler.kernel.target))
    for (FoundRecord &found : records.find(*key))
      if (found.record.fusions == compiler.fusions || isOwn(found.record))
        used.push_back(std::move(found.record));
  return used;
}

bool hasCompiler() { return true; }

Result<std::unique_ptr<VariantSource>> openText(const cuda::Device &device, std::string_view text,
                                                const TextOptions &options, std::string &location) {
  std::string printed;
  llvm::raw_string_ostream diagnostics(printed);
  /// What MLIR said belongs to the failure.
  auto explain = [&](Status status) {
    FirstError first = findFirstError(diagnostics.str(), options.name);
    location = std::move(first.location);
    if (first.message.empty() || status.message().find(first.message) != std::string::npos)
      return status;
    return Status(status.code(), status.message() + ": " + first.message);
  };
  Result<MoeBlock> block = MoeBlock::parse(text, options.name, diagnostics);
  if (!block)
    return explain(std::move(block).status());
  CompilerOptions compiler;
  MOERT_ASSIGN_OR_RETURN(compiler.cache, sharedCompiler(options));
  compiler.kernel.target = nativeTarget(device.properties());
  compiler.kernel.combine = options.accumulate ? CombineMode::Accumulate : CombineMode::Ordered;
  compiler.kernel.schedule = options.schedule;
  compiler.jobs = options.jobs;
  MOERT_ASSIGN_OR_RETURN(Routing routing, routingOf(options));
  BlockTuner::Options tuning;
  tuning.text = text;
  tuning.name = options.name;
  tuning.compiler = compiler;
  tuning.who = tunedFor(device.properties());
  tuning.who.routing = identityOf(routing);
  tuning.routing = toString(routing);
  tuning.cacheDirectory = cacheDirectoryOf(options);
  tuning.deviceOrdinal = device.properties().ordinal;
  if (compiler.kernel.schedule.empty())
    tuning.used = applyRecords(*block, tuning.who, options, compiler);
  Result<std::unique_ptr<TextVariants>> variants =
      TextVariants::create(*block, compiler, BlockTuner(std::move(tuning)));
  if (!variants)
    return explain(std::move(variants).status());
  return std::unique_ptr<VariantSource>(*std::move(variants));
}

} // namespace moert::api
