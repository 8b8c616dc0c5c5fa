//===- Archive.cpp - Carrying entries to another machine ------------------===//

#include "runtime/Cache/Archive.h"

#include "runtime/Support/File.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

namespace moert {

namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kMaxMemberBytes = uint64_t{1} << 30;

/// The header of a member in the POSIX ustar format; numbers are octal digits.
struct TarHeader {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
static_assert(sizeof(TarHeader) == kBlock);

unsigned sumOf(TarHeader header) {
  std::memset(header.checksum, ' ', sizeof(header.checksum));
  unsigned sum = 0;
  for (size_t i = 0; i < kBlock; ++i)
    sum += reinterpret_cast<const unsigned char *>(&header)[i];
  return sum;
}

void putOctal(char *field, size_t digits, uint64_t value) {
  std::string text = fmt::format("{:0{}o}", value, digits);
  std::memcpy(field, text.data(), digits);
}

/// Nothing where the field holds no number.
std::optional<uint64_t> readOctal(const char *field, size_t width) {
  std::string_view text(field, width);
  text = text.substr(0, text.find_first_of(std::string_view("\0 ", 2)));
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

TarHeader makeHeader(const std::string &name, uint64_t bytes) {
  TarHeader header{};
  std::memcpy(header.name, name.data(), std::min(name.size(), sizeof(header.name)));
  putOctal(header.mode, 7, 0600);
  putOctal(header.uid, 7, 0);
  putOctal(header.gid, 7, 0);
  putOctal(header.size, 11, bytes);
  putOctal(header.mtime, 11, 0); // no time: the same entries give the same bytes
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  putOctal(header.checksum, 6, sumOf(header));
  header.checksum[6] = '\0';
  header.checksum[7] = ' ';
  return header;
}

struct CloseFile {
  void operator()(FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

size_t padding(uint64_t bytes) { return (kBlock - bytes % kBlock) % kBlock; }

/// What is wrong with the entry of that name.
std::string findFault(const std::string &name, const Entry &entry, const EntryCheck &check) {
  std::optional<EntryName> parsed = parseEntryName(name);
  if (!parsed)
    return "expects the name of an entry";
  return check ? check(*parsed, entry) : std::string();
}

} // namespace

Result<ArchiveReport>
exportEntries(const std::filesystem::path &path, const std::vector<const Store *> &stores,
              const std::function<bool(const EntryName &, const Entry &)> &wanted,
              const EntryCheck &check) {
  MOERT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  ArchiveReport report;
  std::set<std::string> done;
  for (const Store *store : stores)
    for (const StoredFile &stored : store->list()) {
      if (!done.insert(stored.name).second)
        continue;
      Lookup lookup = store->read(stored.name);
      std::string fault =
          lookup.entry ? findFault(stored.name, *lookup.entry, check) : lookup.damage;
      if (!fault.empty()) {
        report.refused.push_back(stored.name + ": " + fault);
        continue;
      }
      if (!lookup.entry || !wanted(*parseEntryName(stored.name), *lookup.entry))
        continue;
      std::string bytes = encodeEntry(*lookup.entry);
      TarHeader header = makeHeader(stored.name, bytes.size());
      MOERT_RETURN_IF_ERROR(file.write({reinterpret_cast<const char *>(&header), kBlock}));
      MOERT_RETURN_IF_ERROR(file.write(bytes));
      MOERT_RETURN_IF_ERROR(file.write(std::string(padding(bytes.size()), '\0')));
      ++report.entries;
      report.bytes += bytes.size();
    }
  MOERT_RETURN_IF_ERROR(file.write(std::string(2 * kBlock, '\0')));
  MOERT_RETURN_IF_ERROR(file.commit());
  return report;
}

Result<ArchiveReport> importEntries(const std::filesystem::path &path, const Store &store,
                                    const EntryFilter &wanted, const EntryCheck &check) {
  // O_NONBLOCK keeps a FIFO in the place of a file from hanging the open.
  Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  bool isFile = opened.isOpen() && ::fstat(opened.get(), &info) == 0 && S_ISREG(info.st_mode);
  File file(isFile ? ::fdopen(opened.get(), "rb") : nullptr);
  if (!file)
    return Status(
        StatusCode::InvalidInput,
        fmt::format("expects an archive in the file '{}', but it cannot be read", path.string()));
  opened.release(); // the stream closes it
  auto wrong = [&](std::string what) {
    return Status(StatusCode::InvalidInput,
                  fmt::format("archive '{}': {}", path.string(), std::move(what)));
  };
  ArchiveReport report;
  for (uint64_t offset = 0;;) {
    TarHeader header;
    if (std::fread(&header, 1, kBlock, file.get()) != kBlock)
      return wrong(fmt::format("ends early, at byte {}", offset));
    offset += kBlock;
    std::optional<uint64_t> size = readOctal(header.size, sizeof(header.size));
    if (header.name[0] == '\0' && header.magic[0] == '\0')
      return report; // the end is marked by empty blocks
    if (std::memcmp(header.magic, "ustar", 5) != 0 ||
        readOctal(header.checksum, sizeof(header.checksum)) != sumOf(header) || !size)
      return wrong(fmt::format("expects the header of a member at byte {}", offset - kBlock));
    std::string name(header.name, ::strnlen(header.name, sizeof(header.name)));
    if (*size > kMaxMemberBytes || *size > static_cast<uint64_t>(info.st_size) - offset)
      return wrong(fmt::format("ends within member '{}'", name));
    std::string bytes(*size + padding(*size), '\0');
    if (std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size())
      return wrong(fmt::format("ends within member '{}'", name));
    offset += bytes.size();
    bytes.resize(*size);
    Result<Entry> entry = decodeEntry(bytes);
    std::string fault = entry ? findFault(name, *entry, check) : entry.status().message();
    if (header.type != '0' && header.type != '\0')
      fault = "expects a regular file";
    if (!fault.empty()) {
      report.refused.push_back(name + ": " + fault);
      continue;
    }
    if (wanted && !wanted(*parseEntryName(name), *entry))
      continue;
    MOERT_ASSIGN_OR_RETURN(Published published, store.publish(name, bytes));
    if (published == Published::AlreadyThere) {
      ++report.alreadyThere;
      continue;
    }
    ++report.entries;
    report.bytes += bytes.size();
  }
}

ArchiveReport verifyEntries(const Store &store, const EntryCheck &check) {
  ArchiveReport report;
  for (const StoredFile &file : store.list()) {
    Lookup lookup = store.read(file.name);
    std::string fault = lookup.damage;
    if (lookup.entry)
      fault = findFault(file.name, *lookup.entry, check);
    if (!lookup.entry && fault.empty())
      continue; // removed meanwhile
    if (fault.empty()) {
      ++report.entries;
      report.bytes += file.bytes;
      continue;
    }
    report.refused.push_back(file.name + ": " + fault);
    if (store.isWritable())
      store.quarantine(file.name, 0);
  }
  return report;
}

} // namespace moert
