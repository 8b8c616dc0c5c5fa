//===- SafetensorsWriter.cpp - Atomic writing of safetensors files
//--------------------------------===//

#include "runtime/Support/File.h"
#include "runtime/Tensor/Safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moert {

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

  MOERT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  auto put = [&](const void *data, uint64_t size) {
    return file.write({static_cast<const char *>(data), size});
  };
  uint64_t headerSize = text.size();
  MOERT_RETURN_IF_ERROR(put(&headerSize, sizeof(headerSize)));
  MOERT_RETURN_IF_ERROR(file.write(text));
  for (const auto &[name, tensor] : order)
    MOERT_RETURN_IF_ERROR(put(tensor->data(), tensor->byteSize()));
  return file.commit();
}

} // namespace moert
