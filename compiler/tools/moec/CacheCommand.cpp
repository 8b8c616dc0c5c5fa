//===- CacheCommand.cpp - moec cache ------------------------------------------===//

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Cache/KeyBuilder.h"
#include "compiler/tools/moec/CacheExplain.h"
#include "compiler/tools/moec/CacheRecords.h"
#include "compiler/tools/moec/Options.h"
#include "runtime/Cache/Archive.h"
#include "runtime/Cache/Eviction.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <limits>
#include <map>

using namespace llvm;
using moert::ArchiveReport;
using moert::EntryKind;
using moert::Result;
using moert::Status;
using moert::StatusCode;
using moert::Store;

namespace moec::cli {

static cl::opt<std::string>
    actionOption(cl::Positional, cl::Required, cl::sub(cacheCommand()), cl::cat(category()),
                 cl::value_desc("ACTION"),
                 cl::desc("<stats | ls | explain BLOCK.mlir | verify | gc [SIZE] | clear | "
                          "export FILE | import FILE | path | records | "
                          "export-records FILE | import-records FILE>"));
static cl::list<std::string> argumentsOption(cl::Positional, cl::sub(cacheCommand()),
                                             cl::cat(category()), cl::value_desc("arguments"),
                                             cl::desc("<arguments>"));

static std::string formatBytes(uint64_t bytes) {
  static constexpr const char *kUnits[] = {"B", "KiB", "MiB", "GiB"};
  double value = double(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit)
    value /= 1024;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, kUnits[unit]);
}

/// A store that is looked after must be there, unlike one that only saves time.
static Result<Store> openStore() {
  return Store::open(cacheDirectory(), moert::CacheAccess::ReadWrite);
}

static Result<uint64_t> limitBytes() {
  MOERT_ASSIGN_OR_RETURN(moert::CacheOptions options, moert::cacheOptionsFromEnvironment());
  return options.limitBytes;
}

/// The same, or nothing where its folder does not exist: only what fills it creates it.
static Result<std::optional<Store>> openExisting() {
  if (!hasCacheDirectory())
    return std::optional<Store>();
  MOERT_ASSIGN_OR_RETURN(Store store, openStore());
  return std::optional(std::move(store));
}

static std::vector<moert::StoredFile> entriesOf(const std::optional<Store> &store) {
  return store ? store->list() : std::vector<moert::StoredFile>();
}

static Status printStatistics() {
  MOERT_ASSIGN_OR_RETURN(std::optional<Store> store, openExisting());
  MOERT_ASSIGN_OR_RETURN(uint64_t limit, limitBytes());
  std::map<EntryKind, std::pair<uint64_t, uint64_t>> sizes;
  uint64_t entries = 0, bytes = 0;
  for (const moert::StoredFile &file : entriesOf(store)) {
    auto &[count, size] = sizes[moert::parseEntryName(file.name)->kind];
    ++count, ++entries;
    size += file.bytes, bytes += file.bytes;
  }
  outs() << fmt::format("directory: {}\n", cacheDirectory());
  outs() << fmt::format("size: {} in {} entries, limit {}\n", formatBytes(bytes), entries,
                        limit ? formatBytes(limit) : "none");
  for (EntryKind kind : {EntryKind::Package, EntryKind::Kernel, EntryKind::Toolchain})
    outs() << fmt::format("{}: {} entries, {}\n", name(kind), sizes[kind].first,
                          formatBytes(sizes[kind].second));
  moert::CacheCounters counters;
  if (store)
    counters = moert::readStatistics(*store).counters;
  for (const moert::CacheCounters::Field &field : moert::CacheCounters::fields())
    outs() << fmt::format("{}: {}\n", field.name, counters.*field.member);
  return Status::ok();
}

/// What a person knows an entry by.
static std::string describeEntry(EntryKind kind, StringRef key) {
  auto part = [&](const char *name) { return moert::findPart(std::string_view(key), name); };
  switch (kind) {
  case EntryKind::Package:
    return fmt::format("tokens {}, fuse {}, combine {}, {}, nvrtc {}, {}", part("tokens"),
                       part("fuse"), part("combine"), part("target"), part("nvrtc"), part("block"));
  case EntryKind::Kernel:
    return fmt::format("{}, {}, nvrtc {}", part("kernel"), part("target"), part("nvrtc"));
  case EntryKind::Toolchain:
  case EntryKind::Tuning: // elsewhere
    break;
  }
  return "the version of an NVRTC";
}

static Status listEntries() {
  MOERT_ASSIGN_OR_RETURN(std::optional<Store> store, openExisting());
  for (const moert::StoredFile &file : entriesOf(store)) {
    EntryKind kind = moert::parseEntryName(file.name)->kind;
    std::optional<std::string> key = store->readKey(file.name);
    outs() << fmt::format("{:%Y-%m-%d %H:%M} {:>10} {} {} {}\n", fmt::gmtime(file.used.tv_sec),
                          formatBytes(file.bytes), StringRef(file.name).take_front(10).str(),
                          name(kind), key ? describeEntry(kind, *key) : "damaged");
  }
  return Status::ok();
}

static void printRefused(const ArchiveReport &report) {
  for (const std::string &refused : report.refused)
    warn(refused);
}

static Status verify() {
  MOERT_ASSIGN_OR_RETURN(std::optional<Store> store, openExisting());
  ArchiveReport report;
  if (store)
    report = moert::verifyEntries(*store, checkEntry);
  printRefused(report);
  outs() << fmt::format("{} entries are good, {}\n", report.entries, formatBytes(report.bytes));
  if (report.refused.empty())
    return Status::ok();
  return Status(
      StatusCode::InvalidInput,
      fmt::format("{} entries were damaged and are in quarantine", report.refused.size()));
}

static void printEviction(const moert::EvictionReport &report) {
  outs() << fmt::format("removed {} entries ({}) and {} leftovers; {} entries ({}) are left\n",
                        report.removedEntries, formatBytes(report.removedBytes),
                        report.removedLeftovers, report.keptEntries, formatBytes(report.keptBytes));
}

static Status collectGarbage() {
  MOERT_ASSIGN_OR_RETURN(std::optional<Store> store, openExisting());
  MOERT_ASSIGN_OR_RETURN(uint64_t limit, limitBytes());
  if (!argumentsOption.empty()) {
    MOERT_ASSIGN_OR_RETURN(limit, moert::parseByteSize(argumentsOption.front()));
  }
  moert::EvictionReport report;
  if (store)
    report = moert::evict(*store, limit, /*quarantineSeconds=*/0);
  printEviction(report);
  return Status::ok();
}

static Status clearStore() {
  MOERT_ASSIGN_OR_RETURN(std::optional<Store> store, openExisting());
  moert::EvictionReport report;
  if (store)
    report = moert::clear(*store);
  outs() << fmt::format("removed {} entries ({})\n", report.removedEntries,
                        formatBytes(report.removedBytes));
  return Status::ok();
}

/// What travels: entries for the architectures of `--target`, by default for any. A note on a
/// machine's NVRTC says nothing to another one.
static Result<moert::EntryFilter> travellingEntries() {
  std::vector<std::string> targets;
  if (!targetArch().empty()) {
    MOERT_ASSIGN_OR_RETURN(targets, targetArchs());
  }
  return moert::EntryFilter([targets](const moert::EntryName &name, const moert::Entry &entry) {
    return name.kind != EntryKind::Toolchain &&
           (targets.empty() || is_contained(targets, moert::findPart(entry.key, "target")));
  });
}

static Status exportArchive() {
  MOERT_RETURN_IF_ERROR(expectPath("the archive", argumentsOption.front()));
  MOERT_ASSIGN_OR_RETURN(moert::EntryFilter wanted, travellingEntries());
  MOERT_ASSIGN_OR_RETURN(std::shared_ptr<CachedCompiler> compiler, kernelCache());
  MOERT_ASSIGN_OR_RETURN(ArchiveReport report,
                         moert::exportEntries(argumentsOption.front(),
                                              compiler->storage()->stores(), wanted, checkEntry));
  printRefused(report);
  outs() << fmt::format("wrote {} entries ({}) to {}\n", report.entries, formatBytes(report.bytes),
                        argumentsOption.front());
  return Status::ok();
}

static Status importArchive() {
  MOERT_RETURN_IF_ERROR(expectPath("the archive", argumentsOption.front()));
  MOERT_ASSIGN_OR_RETURN(moert::EntryFilter wanted, travellingEntries());
  MOERT_ASSIGN_OR_RETURN(uint64_t limit, limitBytes());
  MOERT_ASSIGN_OR_RETURN(Store store, openStore());
  MOERT_ASSIGN_OR_RETURN(ArchiveReport report,
                         moert::importEntries(argumentsOption.front(), store, wanted, checkEntry));
  printRefused(report);
  uint64_t held = moert::addStatistics(store, {}, report.bytes).bytes;
  outs() << fmt::format("imported {} entries ({}), {} were there already\n", report.entries,
                        formatBytes(report.bytes), report.alreadyThere);
  if (limit != 0 && held > limit) {
    constexpr int64_t kForever = std::numeric_limits<int64_t>::max(); // quarantine is gc's business
    printEviction(moert::evict(store, limit, kForever));
  }
  if (report.refused.empty())
    return Status::ok();
  return Status(StatusCode::InvalidInput,
                fmt::format("{} members of '{}' were refused", report.refused.size(),
                            argumentsOption.front()));
}

namespace {
/// Which of the options that say how a block is compiled an action has a use for.
enum class Uses { None, Target, All };

struct Action {
  StringRef name;
  size_t minArguments, maxArguments;
  Uses uses;
  Status (*run)();
};
} // namespace

static const std::array kActions = {
    Action{"stats", 0, 0, Uses::None, printStatistics},
    Action{"ls", 0, 0, Uses::None, listEntries},
    Action{"explain", 1, 1, Uses::All, [] { return explainBlock(argumentsOption.front()); }},
    Action{"verify", 0, 0, Uses::None, verify},
    Action{"gc", 0, 1, Uses::None, collectGarbage},
    Action{"clear", 0, 0, Uses::None, clearStore},
    Action{"export", 1, 1, Uses::Target, exportArchive},
    Action{"import", 1, 1, Uses::Target, importArchive},
    Action{"records", 0, 0, Uses::None, listRecords},
    Action{"export-records", 1, 1, Uses::None,
           [] { return exportRecords(argumentsOption.front()); }},
    Action{"import-records", 1, 1, Uses::None,
           [] { return importRecords(argumentsOption.front()); }},
    Action{"path", 0, 0, Uses::None,
           [] {
             outs() << cacheDirectory() << '\n';
             return Status::ok();
           }},
};

/// An option that does nothing would be believed: `clear --target sm_80` clears everything.
static Status checkUses(const Action &action) {
  if (action.uses == Uses::All)
    return Status::ok();
  for (StringRef option : givenBuildOptions())
    if (option != "--target" || action.uses != Uses::Target)
      return Status(StatusCode::Usage,
                    fmt::format("expects no {} with '{}'", option.str(), action.name.str()));
  return Status::ok();
}

static Status runAction() {
  const Action *action =
      find_if(kActions, [](const Action &action) { return action.name == actionOption; });
  if (action == kActions.end())
    return Status(
        StatusCode::Usage,
        fmt::format("expects one of {}, but got '{}'",
                    join(map_range(kActions, [](const Action &a) { return a.name; }), ", "),
                    actionOption.getValue()));
  if (argumentsOption.size() < action->minArguments ||
      argumentsOption.size() > action->maxArguments)
    return Status(StatusCode::Usage, fmt::format("expects {} after '{}', but got {} arguments",
                                                 action->maxArguments == 0   ? "nothing"
                                                 : action->minArguments == 0 ? "at most a size"
                                                                             : "a file",
                                                 action->name.str(), argumentsOption.size()));
  MOERT_RETURN_IF_ERROR(checkUses(*action));
  return action->run();
}

int runCache() {
  Status status = runAction();
  return status.isOk() ? 0 : fail(status);
}

} // namespace moec::cli
