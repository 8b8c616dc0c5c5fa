//===- SafetensorsReader.cpp - Checked reading of safetensors files
//-------------------------------===//
//
// The header is read by a SAX handler that knows the only legal structure, so nothing is built from
// a hostile file that has not been checked, and duplicate keys are seen (a DOM would drop them).
//
//===----------------------------------------------------------------------===//

#include "runtime/Tensor/Safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moert {

static_assert(std::endian::native == std::endian::little, "safetensors data is little endian");

namespace {

struct DTypeName {
  DType dtype;
  std::string_view name;
};
constexpr DTypeName kDTypeNames[] = {
    {DType::BF16, "BF16"}, {DType::F16, "F16"},        {DType::F32, "F32"},
    {DType::F64, "F64"},   {DType::F8E4M3, "F8_E4M3"}, {DType::F8E5M2, "F8_E5M2"},
    {DType::I8, "I8"},     {DType::U8, "U8"},          {DType::I32, "I32"},
    {DType::I64, "I64"},
};

/// One tensor's fields as they stand in the header, unchecked against each other.
struct RawEntry {
  std::string name;
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
};

/// Accepts exactly {"name": {"dtype": str, "shape": [uint...], "data_offsets": [uint, uint]}, ...,
/// "__metadata__": {str: str}}. Every method returns false, with `error` set, to stop the parse.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
public:
  std::vector<RawEntry> entries;
  std::map<std::string, std::string, std::less<>> metadata;
  std::string error;

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t &) override {
    return unexpected("a number that is not an integer of 64 bits");
  }
  bool binary(binary_t &) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place == Place::Shape) {
      if (value > static_cast<uint64_t>(INT64_MAX))
        return fail(fmt::format("tensor '{}': expects dimensions below 2^63, but got {}",
                                entries.back().name, value));
      if (entries.back().shape->size() == kMaxRank)
        return fail(fmt::format("tensor '{}': expects a rank of at most {}", entries.back().name,
                                kMaxRank));
      entries.back().shape->push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place == Place::Offsets) {
      if (entries.back().offsets->size() == 2)
        return fail(
            fmt::format("tensor '{}': expects 2 data_offsets, but got more", entries.back().name));
      entries.back().offsets->push_back(value);
      return true;
    }
    return unexpected("a number");
  }

  bool string(string_t &text) override {
    if (place == Place::DTypeValue) {
      for (const DTypeName &known : kDTypeNames)
        if (known.name == text)
          entries.back().dtype = known.dtype;
      place = Place::Entry;
      if (entries.back().dtype)
        return true;
      std::string names;
      for (const DTypeName &known : kDTypeNames)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
      return fail(fmt::format("tensor '{}': expects a dtype of {}, but got '{}'",
                              entries.back().name, names, text));
    }
    if (place == Place::MetadataValue) {
      metadata[metadataKey] = text;
      place = Place::Metadata;
      return true;
    }
    return unexpected("a string");
  }

  bool start_object(std::size_t) override {
    if (place == Place::Start)
      place = Place::Root;
    else if (place == Place::EntryValue)
      place = Place::Entry;
    else if (place == Place::MetadataObject)
      place = Place::Metadata;
    else
      return unexpected("an object");
    return true;
  }

  bool end_object() override {
    place = place == Place::Root ? Place::End : Place::Root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place == Place::ShapeValue) {
      entries.back().shape.emplace();
      place = Place::Shape;
    } else if (place == Place::OffsetsValue) {
      entries.back().offsets.emplace();
      place = Place::Offsets;
    } else {
      return unexpected("an array");
    }
    return true;
  }

  bool end_array() override {
    place = Place::Entry;
    return true;
  }

  bool key(string_t &text) override {
    if (place == Place::Root) {
      if (!names.insert(text).second)
        return fail(fmt::format("tensor '{}': expects a name to occur once", text));
      if (text == "__metadata__") {
        place = Place::MetadataObject;
        return true;
      }
      entries.emplace_back().name = text;
      place = Place::EntryValue;
      return true;
    }
    if (place == Place::Metadata) {
      if (metadata.contains(text))
        return fail(fmt::format("__metadata__: expects the key '{}' once", text));
      metadataKey = text;
      place = Place::MetadataValue;
      return true;
    }
    RawEntry &entry = entries.back();
    bool repeated = false;
    if (text == "dtype") {
      repeated = entry.dtype.has_value();
      place = Place::DTypeValue;
    } else if (text == "shape") {
      repeated = entry.shape.has_value();
      place = Place::ShapeValue;
    } else if (text == "data_offsets") {
      repeated = entry.offsets.has_value();
      place = Place::OffsetsValue;
    } else {
      return fail(
          fmt::format("tensor '{}': expects the keys dtype, shape and data_offsets, but got '{}'",
                      entry.name, text));
    }
    if (repeated)
      return fail(fmt::format("tensor '{}': expects the key '{}' once", entry.name, text));
    return true;
  }

  bool parse_error(std::size_t position, const std::string &,
                   const nlohmann::detail::exception &) override {
    // The position counts the characters read; the file offset of the last one is wanted.
    return fail(fmt::format("the header is not valid UTF-8 JSON at byte {}", position + 7));
  }

private:
  static constexpr size_t kMaxRank = 32;
  enum class Place {
    Start,
    Root,           // between entries
    EntryValue,     // after a tensor name
    Entry,          // between the fields of a tensor
    DTypeValue,     // after "dtype"
    ShapeValue,     // after "shape"
    Shape,          // inside its array
    OffsetsValue,   // after "data_offsets"
    Offsets,        // inside its array
    MetadataObject, // after "__metadata__"
    Metadata,       // between its keys
    MetadataValue,  // after one of its keys
    End,
  };

  bool fail(std::string message) {
    if (error.empty())
      error = std::move(message);
    return false;
  }

  bool unexpected(std::string_view what) {
    std::string_view expected;
    switch (place) {
    case Place::DTypeValue:
      expected = "a string as dtype";
      break;
    case Place::ShapeValue:
    case Place::Shape:
      expected = "an array of non-negative integers as shape";
      break;
    case Place::OffsetsValue:
    case Place::Offsets:
      expected = "an array of 2 non-negative integers as data_offsets";
      break;
    case Place::MetadataObject:
      return fail(fmt::format("__metadata__: expects an object, but got {}", what));
    case Place::MetadataValue:
      return fail(
          fmt::format("__metadata__: expects a string for '{}', but got {}", metadataKey, what));
    case Place::EntryValue:
      expected = "an object";
      break;
    default:
      return fail(fmt::format("expects an object as header, but got {}", what));
    }
    return fail(
        fmt::format("tensor '{}': expects {}, but got {}", entries.back().name, expected, what));
  }

  Place place = Place::Start;
  std::string metadataKey;
  std::set<std::string, std::less<>> names;
};

/// A mapped file; unmapped with the last tensor that views it.
struct Mapping {
  void *address = nullptr;
  size_t size = 0;
  ~Mapping() {
    if (address)
      ::munmap(address, size);
  }
};

} // namespace

std::string_view safetensorsName(DType dtype) {
  for (const DTypeName &known : kDTypeNames)
    if (known.dtype == dtype)
      return known.name;
  return "?";
}

static Status invalid(std::string_view where, std::string message) {
  return Status(StatusCode::InvalidInput, fmt::format("'{}': {}", where, message));
}

/// Checks one entry's fields against each other and against the size of the data.
static Status checkEntry(const RawEntry &entry, uint64_t dataSize, std::string_view where) {
  auto refuse = [&](std::string message) {
    return invalid(where, fmt::format("tensor '{}': {}", entry.name, message));
  };
  if (!entry.dtype)
    return refuse("expects the key 'dtype'");
  if (!entry.shape)
    return refuse("expects the key 'shape'");
  if (!entry.offsets)
    return refuse("expects the key 'data_offsets'");
  if (entry.offsets->size() != 2)
    return refuse(fmt::format("expects 2 data_offsets, but got {}", entry.offsets->size()));
  uint64_t begin = (*entry.offsets)[0], end = (*entry.offsets)[1];
  if (begin > end || end > dataSize)
    return refuse(fmt::format("expects data_offsets inside the {} bytes of data, but got [{}, {}]",
                              dataSize, begin, end));
  std::optional<int64_t> count = countElements(*entry.shape, *entry.dtype);
  if (!count)
    return refuse(fmt::format("expects a tensor below 2^63 bytes, but got {}",
                              describe(*entry.dtype, *entry.shape)));
  uint64_t size = static_cast<uint64_t>(*count) * byteSize(*entry.dtype);
  if (size != end - begin)
    return refuse(fmt::format("expects {} bytes for {}, but data_offsets [{}, {}] hold {}", size,
                              describe(*entry.dtype, *entry.shape), begin, end, end - begin));
  return Status::ok();
}

/// The entries must tile the data: no byte in two tensors, none in no tensor.
static Status checkTiling(const std::vector<RawEntry> &entries, uint64_t dataSize,
                          std::string_view where) {
  std::vector<const RawEntry *> sorted;
  for (const RawEntry &entry : entries)
    sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](auto *a, auto *b) { return *a->offsets < *b->offsets; });
  uint64_t covered = 0;
  for (const RawEntry *entry : sorted) {
    uint64_t begin = (*entry->offsets)[0];
    if (begin < covered)
      return invalid(where, fmt::format("tensor '{}': expects its data from byte {} on, but it "
                                        "overlaps another tensor at byte {}",
                                        entry->name, covered, begin));
    if (begin > covered)
      return invalid(where,
                     fmt::format("tensor '{}': expects its data from byte {} on, but it leaves a "
                                 "hole up to byte {}",
                                 entry->name, covered, begin));
    covered = (*entry->offsets)[1];
  }
  if (covered != dataSize)
    return invalid(where, fmt::format("expects {} bytes of data, but got {}", covered, dataSize));
  return Status::ok();
}

Result<SafetensorsFile> parseSafetensors(std::span<const std::byte> content, std::string_view where,
                                         std::shared_ptr<const void> owner) {
  uint64_t headerSize = 0;
  if (content.size() < sizeof(headerSize))
    return invalid(where, fmt::format("expects a safetensors file of 8 bytes or more, but got {}",
                                      content.size()));
  std::memcpy(&headerSize, content.data(), sizeof(headerSize));
  if (headerSize > kMaxSafetensorsHeader)
    return invalid(where, fmt::format("expects a safetensors header of at most {} bytes, but its "
                                      "first 8 bytes say {}",
                                      kMaxSafetensorsHeader, headerSize));
  if (headerSize > content.size() - sizeof(headerSize))
    return invalid(where,
                   fmt::format("expects a header of {} bytes, but the file ends after {} of them",
                               headerSize, content.size() - sizeof(headerSize)));
  const char *header = reinterpret_cast<const char *>(content.data()) + sizeof(headerSize);
  if (headerSize == 0 || header[0] != '{')
    return invalid(where, "expects a header that begins with '{'");

  HeaderHandler handler;
  bool parsed = nlohmann::json::sax_parse(header, header + headerSize, &handler);
  if (!parsed || !handler.error.empty())
    return invalid(where, handler.error.empty() ? "the header is not valid JSON" : handler.error);

  std::span<const std::byte> data = content.subspan(sizeof(headerSize) + headerSize);
  for (const RawEntry &entry : handler.entries)
    MOERT_RETURN_IF_ERROR(checkEntry(entry, data.size(), where));
  MOERT_RETURN_IF_ERROR(checkTiling(handler.entries, data.size(), where));

  SafetensorsFile file;
  file.metadata = std::move(handler.metadata);
  for (RawEntry &entry : handler.entries) {
    const std::byte *begin = data.data() + (*entry.offsets)[0];
    HostTensor tensor = HostTensor::view(*entry.dtype, std::move(*entry.shape), begin, owner);
    if (reinterpret_cast<uintptr_t>(begin) % byteSize(*entry.dtype) != 0) {
      MOERT_ASSIGN_OR_RETURN(
          HostTensor copy,
          HostTensor::allocate(tensor.dtype(), {tensor.shape().begin(), tensor.shape().end()}));
      if (tensor.byteSize() != 0)
        std::memcpy(copy.mutableData(), begin, tensor.byteSize());
      tensor = std::move(copy);
    }
    file.tensors.emplace(std::move(entry.name), std::move(tensor));
  }
  return file;
}

Result<SafetensorsFile> readSafetensors(const std::filesystem::path &path) {
  auto systemError = [&](std::string_view what) {
    return Status(StatusCode::InvalidInput,
                  fmt::format("cannot {} '{}': {}", what, path.string(), std::strerror(errno)));
  };
  // O_NONBLOCK keeps a FIFO in the place of a file from hanging the open.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return systemError("open");
  struct stat info;
  if (::fstat(fd, &info) != 0) {
    Status status = systemError("read the size of");
    ::close(fd);
    return status;
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects '{}' to be a regular file", path.string()));
  }
  auto mapping = std::make_shared<Mapping>();
  if (info.st_size > 0) {
    mapping->size = static_cast<size_t>(info.st_size);
    void *address = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
      Status status = systemError("map");
      ::close(fd);
      return status;
    }
    mapping->address = address;
  }
  ::close(fd);
  std::span<const std::byte> content(static_cast<const std::byte *>(mapping->address),
                                     mapping->size);
  return parseSafetensors(content, path.string(), mapping);
}

} // namespace moert
