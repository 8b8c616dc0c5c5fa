//===- SafetensorsWriter.cpp - Atomic writing of safetensors files
//--------------------------------===//

#include "runtime/Tensor/Safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace moert {

namespace {

/// A temporary sibling of the target. It is removed on destruction unless it was published.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::filesystem::path &target) : target(target) {
    static std::atomic<unsigned> counter{0};
    path = target.parent_path() / fmt::format(".{}.tmp-{}-{}", target.filename().string(),
                                              ::getpid(), counter.fetch_add(1));
  }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile() {
    if (fd >= 0)
      ::close(fd);
    if (created)
      ::unlink(path.c_str());
  }

  Status open() {
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    created = fd >= 0;
    return created ? Status::ok() : error("creating", path);
  }

  Status write(const void *data, uint64_t size) {
    const char *next = static_cast<const char *>(data);
    while (size > 0) {
      // Linux writes at most 2^31 - 4096 bytes a call.
      ssize_t put = ::write(fd, next, std::min<uint64_t>(size, uint64_t{1} << 30));
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0)
        return error("writing", path);
      next += put;
      size -= static_cast<uint64_t>(put);
    }
    return Status::ok();
  }

  /// Flushes and puts the file in the target's place.
  Status publish() {
    if (::fsync(fd) != 0)
      return error("flushing", path);
    if (::close(std::exchange(fd, -1)) != 0)
      return error("closing", path);
    if (::rename(path.c_str(), target.c_str()) != 0)
      return error("renaming to", target);
    created = false;
    return Status::ok();
  }

private:
  static Status error(std::string_view what, const std::filesystem::path &where) {
    return Status(StatusCode::Toolchain,
                  fmt::format("{} '{}' failed: {}", what, where.string(), std::strerror(errno)));
  }

  std::filesystem::path target, path;
  int fd = -1;
  bool created = false;
};

} // namespace

static bool isUtf8(const std::string &text) {
  std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted, nullptr, /*allow_exceptions=*/false) == text;
}

static Status checkText(std::string_view what, const std::string &text) {
  if (isUtf8(text))
    return Status::ok();
  return Status(StatusCode::Usage, fmt::format("expects {} to be UTF-8", what));
}

Status writeSafetensors(const std::filesystem::path &path, const NamedTensors &tensors,
                        const std::map<std::string, std::string, std::less<>> &metadata) {
  if (!path.has_filename())
    return Status(StatusCode::Usage,
                  fmt::format("expects a file name, but got '{}'", path.string()));

  // Wide elements first keeps every tensor aligned to its element size without holes.
  std::vector<std::pair<const std::string *, const HostTensor *>> order;
  for (const auto &[name, tensor] : tensors)
    order.emplace_back(&name, &tensor);
  std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
    size_t sizeA = byteSize(a.second->dtype()), sizeB = byteSize(b.second->dtype());
    return sizeA != sizeB ? sizeA > sizeB : *a.first < *b.first;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  for (const auto &[key, value] : metadata) {
    MOERT_RETURN_IF_ERROR(checkText("metadata keys", key));
    MOERT_RETURN_IF_ERROR(checkText(fmt::format("the metadata of '{}'", key), value));
    header["__metadata__"][key] = value;
  }
  uint64_t offset = 0;
  for (const auto &[name, tensor] : order) {
    MOERT_RETURN_IF_ERROR(checkText("tensor names", *name));
    if (*name == "__metadata__")
      return Status(StatusCode::Usage, "expects no tensor of the name '__metadata__'");
    header[*name] = {
        {"dtype", safetensorsName(tensor->dtype())},
        {"shape", std::vector<int64_t>(tensor->shape().begin(), tensor->shape().end())},
        {"data_offsets", {offset, offset + tensor->byteSize()}}};
    offset += tensor->byteSize();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxSafetensorsHeader)
    return Status(StatusCode::Unsupported,
                  fmt::format("expects a header of at most {} bytes, but the {} tensors need {}",
                              kMaxSafetensorsHeader, tensors.size(), text.size()));

  TemporaryFile file(path);
  MOERT_RETURN_IF_ERROR(file.open());
  uint64_t headerSize = text.size();
  MOERT_RETURN_IF_ERROR(file.write(&headerSize, sizeof(headerSize)));
  MOERT_RETURN_IF_ERROR(file.write(text.data(), text.size()));
  for (const auto &[name, tensor] : order)
    MOERT_RETURN_IF_ERROR(file.write(tensor->data(), tensor->byteSize()));
  return file.publish();
}

} // namespace moert
