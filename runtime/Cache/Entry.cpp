//===- Entry.cpp - One file of the cache ----------------------------------===//

#include "runtime/Cache/Entry.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace moert {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

namespace {

constexpr char kMagic[8] = {'m', 'o', 'e', 'c', 'a', 'c', 'h', 'e'};
constexpr uint32_t kMaxSections = 1 << 16;
constexpr uint32_t kMaxSectionName = 1024;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t fileBytes;
  uint64_t tableBytes;
  uint64_t checksum[2]; ///< of the fields above and of the table
};
static_assert(sizeof(Header) == 48);
constexpr size_t kCheckedHeaderBytes = offsetof(Header, checksum);

struct Record {
  uint64_t bytes;
  uint64_t checksum[2];
  uint32_t nameBytes;
  uint32_t zero;
};
static_assert(sizeof(Record) == 32);

void hash(std::string_view a, std::string_view b, uint64_t result[2]) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, a.data(), a.size());
  XXH3_128bits_update(&state, b.data(), b.size());
  XXH128_hash_t value = XXH3_128bits_digest(&state);
  result[0] = value.low64;
  result[1] = value.high64;
}

bool hashIs(std::string_view a, std::string_view b, const uint64_t expected[2]) {
  uint64_t got[2];
  hash(a, b, got);
  return got[0] == expected[0] && got[1] == expected[1];
}

template <typename T>
std::string_view bytesOf(const T &value, size_t count = sizeof(T)) {
  return {reinterpret_cast<const char *>(&value), count};
}

/// Where one section lies.
struct Extent {
  std::string_view name;
  uint64_t offset;
  Record record;
};

Status damaged(std::string what) { return Status(StatusCode::InvalidInput, std::move(what)); }

/// The table, checked against the header and against the size of the file that it states.
Result<std::vector<Extent>> decodeTable(std::string_view bytes, Header &header) {
  if (bytes.size() < sizeof(Header))
    return damaged(
        fmt::format("expects at least {} bytes, but got {}", sizeof(Header), bytes.size()));
  std::memcpy(&header, bytes.data(), sizeof(Header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0)
    return damaged("expects the magic 'moecache'");
  if (header.version != kEntryVersion)
    return damaged(fmt::format("expects version {}, but got {}", kEntryVersion, header.version));
  bytes.remove_prefix(sizeof(Header));
  if (header.tableBytes > bytes.size())
    return damaged(
        fmt::format("expects a table of {} bytes, but got {}", header.tableBytes, bytes.size()));
  std::string_view table = bytes.substr(0, header.tableBytes);
  if (!hashIs(bytesOf(header, kCheckedHeaderBytes), table, header.checksum))
    return damaged("the checksum of the table differs");
  if (header.sections == 0 || header.sections > kMaxSections)
    return damaged(
        fmt::format("expects 1 to {} sections, but got {}", kMaxSections, header.sections));
  std::vector<Extent> extents;
  uint64_t offset = sizeof(Header) + header.tableBytes;
  for (uint32_t i = 0; i < header.sections; ++i) {
    Extent extent;
    if (table.size() < sizeof(Record))
      return damaged("the table is too short");
    std::memcpy(&extent.record, table.data(), sizeof(Record));
    table.remove_prefix(sizeof(Record));
    if (extent.record.nameBytes > kMaxSectionName || extent.record.nameBytes > table.size())
      return damaged("a section's name is too long");
    extent.name = table.substr(0, extent.record.nameBytes);
    table.remove_prefix(extent.record.nameBytes);
    extent.offset = offset;
    if (extent.record.bytes > header.fileBytes - std::min(offset, header.fileBytes))
      return damaged(fmt::format("section '{}' ends beyond the file", extent.name));
    offset += extent.record.bytes;
    extents.push_back(extent);
  }
  if (offset != header.fileBytes || !table.empty())
    return damaged("the sizes of the sections do not add up");
  return extents;
}

/// The content of a section, verified.
Result<std::string_view> readSection(std::string_view bytes, const Extent &extent) {
  if (extent.offset > bytes.size() || extent.record.bytes > bytes.size() - extent.offset)
    return damaged(fmt::format("section '{}' is cut", extent.name));
  std::string_view content = bytes.substr(extent.offset, extent.record.bytes);
  if (!hashIs(content, {}, extent.record.checksum))
    return damaged(fmt::format("the checksum of section '{}' differs", extent.name));
  return content;
}

} // namespace

std::optional<std::string_view> Entry::find(std::string_view name) const {
  for (const EntrySection &section : list)
    if (section.name == name)
      return section.content;
  return std::nullopt;
}

void Entry::add(std::string name, std::string content) {
  buffers.push_back(std::make_shared<const std::string>(std::move(content)));
  list.push_back({std::move(name), *buffers.back()});
}

size_t Entry::bytes() const {
  size_t total = key.size();
  for (const EntrySection &section : list)
    total += section.name.size() + section.content.size();
  return total;
}

std::string encodeEntry(const Entry &entry) {
  std::string table, content;
  auto add = [&](std::string_view name, std::string_view bytes) {
    Record record{bytes.size(), {0, 0}, static_cast<uint32_t>(name.size()), 0};
    hash(bytes, {}, record.checksum);
    table += bytesOf(record);
    table += name;
    content += bytes;
  };
  add("key", entry.key);
  for (const EntrySection &section : entry.sections())
    add(section.name, section.content);
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kEntryVersion;
  header.sections = static_cast<uint32_t>(entry.sections().size() + 1);
  header.fileBytes = sizeof(Header) + table.size() + content.size();
  header.tableBytes = table.size();
  hash(bytesOf(header, kCheckedHeaderBytes), table, header.checksum);
  return std::string(bytesOf(header)) + table + content;
}

Result<Entry> decodeEntry(std::string content) {
  auto buffer = std::make_shared<const std::string>(std::move(content));
  std::string_view bytes = *buffer;
  Header header;
  MOERT_ASSIGN_OR_RETURN(std::vector<Extent> extents, decodeTable(bytes, header));
  if (bytes.size() != header.fileBytes)
    return damaged(fmt::format("expects {} bytes, but got {}", header.fileBytes, bytes.size()));
  Entry entry;
  for (const Extent &extent : extents) {
    MOERT_ASSIGN_OR_RETURN(std::string_view section, readSection(bytes, extent));
    if (&extent == &extents.front())
      entry.key = section;
    else
      entry.list.push_back({std::string(extent.name), section});
  }
  entry.buffers.push_back(std::move(buffer));
  return entry;
}

Result<std::string> decodeEntryKey(std::string_view prefix) {
  Header header;
  MOERT_ASSIGN_OR_RETURN(std::vector<Extent> extents, decodeTable(prefix, header));
  MOERT_ASSIGN_OR_RETURN(std::string_view key, readSection(prefix, extents.front()));
  return std::string(key);
}

} // namespace moert
