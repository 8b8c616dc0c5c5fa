//===- Inputs.cpp - Binding of given tensors and the memory plan
//----------------------------------===//

#include "compiler/Inputs/Inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace moec {

using moert::DType;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;
using moert::NamedTensors;

InputSpec guessInputSpec(std::string name, DType dtype, std::vector<int64_t> shape) {
  InputSpec spec;
  spec.name = std::move(name);
  spec.dtype = dtype;
  spec.shape = std::move(shape);
  if (spec.shape.size() == 3) {
    spec.role = InputRole::Weight;
    spec.fanIn = std::max<int64_t>(spec.shape.back(), 1);
  } else if (spec.shape.size() == 2 && spec.name.ends_with("logits")) {
    spec.role = InputRole::RouterLogits;
    spec.hasTokenRows = true;
  }
  return spec;
}

static bool isDynamic(int64_t dim) { return dim < 0; }

bool dependsOnTokens(const InputSpec &spec) {
  return spec.hasTokenRows || spec.role == InputRole::Offsets ||
         std::ranges::any_of(spec.shape, isDynamic);
}

/// The rows that the type of `spec` fixes for all tokens together, or nothing where it fixes none.
static std::optional<int64_t> staticTokenRows(const InputSpec &spec) {
  if (!spec.hasTokenRows || spec.rowsPerToken < 1 || spec.shape.empty() || isDynamic(spec.shape[0]))
    return std::nullopt;
  return spec.shape[0];
}

Status checkTokens(std::span<const InputSpec> specs, int64_t tokens) {
  for (const InputSpec &spec : specs) {
    std::optional<int64_t> rows = staticTokenRows(spec);
    if (rows && *rows % spec.rowsPerToken != 0)
      return Status(StatusCode::InvalidInput,
                    fmt::format("argument '{}': expects {} rows for each token, but has {} rows",
                                spec.name, spec.rowsPerToken, *rows));
    if (rows && *rows / spec.rowsPerToken != tokens)
      return Status(StatusCode::Usage,
                    fmt::format("expects {} tokens, as '{}' is {}, but got {}",
                                *rows / spec.rowsPerToken, spec.name,
                                moert::describe(spec.dtype, spec.shape), tokens));
  }
  return Status::ok();
}

Status checkRouting(std::span<const InputSpec> specs, const Routing &routing) {
  for (const InputSpec &spec : specs) {
    if (spec.shape.size() != 2)
      continue;
    if (spec.role == InputRole::RouterLogits)
      MOERT_RETURN_IF_ERROR(checkRouting(routing, spec.shape[1], spec.topK));
    if (spec.role == InputRole::ExpertIds)
      MOERT_RETURN_IF_ERROR(checkRouting(routing, spec.numExperts, spec.shape[1]));
  }
  return Status::ok();
}

Result<std::vector<int64_t>> resolveShape(const InputSpec &spec, int64_t tokens) {
  std::vector<int64_t> shape = spec.shape;
  for (int64_t &dim : shape)
    if (isDynamic(dim) && __builtin_mul_overflow(tokens, spec.rowsPerToken, &dim))
      return Status(StatusCode::Unsupported,
                    fmt::format("argument '{}': expects at most 2^63 rows, but {} tokens need more",
                                spec.name, tokens));
  return shape;
}

/// Whether `tensor` is what `spec` wants for that many tokens.
static Status checkGiven(const InputSpec &spec, const HostTensor &tensor, int64_t tokens) {
  MOERT_ASSIGN_OR_RETURN(std::vector<int64_t> shape, resolveShape(spec, tokens));
  if (tensor.dtype() == spec.dtype && std::ranges::equal(tensor.shape(), shape))
    return Status::ok();
  return Status(StatusCode::InvalidInput,
                fmt::format("tensor '{}': expects {}, but got {}", spec.name,
                            moert::describe(spec.dtype, shape), moert::describe(tensor)));
}

Result<std::vector<HostTensor>> bindInputs(std::span<const InputSpec> specs, const NamedTensors &given,
                                           const InputOptions &options) {
  for (const auto &[name, tensor] : given) {
    auto wanted = [&, &name = name](const InputSpec &spec) { return spec.name == name; };
    if (std::ranges::none_of(specs, wanted)) {
      std::string names;
      for (const InputSpec &spec : specs)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", spec.name);
      return Status(StatusCode::InvalidInput,
                    fmt::format("tensor '{}': expects one of the arguments {}", name, names));
    }
  }
  MOERT_RETURN_IF_ERROR(checkTokens(specs, options.tokens));
  // Everything given is checked before the first element is made.
  for (const InputSpec &spec : specs)
    if (auto found = given.find(spec.name); found != given.end())
      MOERT_RETURN_IF_ERROR(checkGiven(spec, found->second, options.tokens));
  std::vector<HostTensor> tensors;
  for (const InputSpec &spec : specs) {
    if (auto found = given.find(spec.name); found != given.end()) {
      tensors.push_back(found->second);
      continue;
    }
    MOERT_ASSIGN_OR_RETURN(HostTensor tensor, generateInput(spec, options));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<std::vector<std::vector<HostTensor>>>
bindInputSets(std::span<const InputSpec> specs, NamedTensors &constants,
              const InputOptions &options, size_t count) {
  std::vector<std::vector<HostTensor>> sets;
  for (size_t set = 0; set < count; ++set) {
    InputOptions own = options;
    own.seed = options.seed + set;
    MOERT_RETURN_IF_ERROR(planMemory(specs, constants, options.tokens, 0).status());
    MOERT_ASSIGN_OR_RETURN(std::vector<HostTensor> tensors, bindInputs(specs, constants, own));
    for (size_t i = 0; i < specs.size(); ++i)
      if (!dependsOnTokens(specs[i]))
        constants.emplace(specs[i].name, tensors[i]);
    sets.push_back(std::move(tensors));
  }
  return sets;
}

std::optional<int64_t> inferTokens(std::span<const InputSpec> specs, const NamedTensors &given) {
  for (const InputSpec &spec : specs)
    if (std::optional<int64_t> rows = staticTokenRows(spec))
      return *rows / spec.rowsPerToken;
  for (const InputSpec &spec : specs) {
    auto found = given.find(spec.name);
    if (found == given.end() || found->second.rank() != spec.shape.size())
      continue;
    for (size_t d = 0; d < spec.shape.size(); ++d)
      if (isDynamic(spec.shape[d]) && spec.rowsPerToken > 0)
        return found->second.dim(d) / spec.rowsPerToken;
  }
  return std::nullopt;
}

/// The number in the one-line file, or nothing ("max", no such file).
static std::optional<uint64_t> readNumber(const std::string &path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

/// The value of `key` in a file of "key value" lines, or 0.
static uint64_t readField(const std::string &path, std::string_view key) {
  std::ifstream file(path);
  std::string word;
  while (file >> word)
    if (uint64_t value = 0; word == key && file >> value)
      return value;
  return 0;
}

/// What the control groups (version 2) of this process leave; all parents have a say.
static uint64_t controlGroupRoom() {
  uint64_t room = UINT64_MAX;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::/"))
      continue;
    for (std::string path = line.substr(3);; path = path.substr(0, path.rfind('/'))) {
      std::string folder = "/sys/fs/cgroup" + path;
      std::optional<uint64_t> limit = readNumber(folder + "/memory.max");
      std::optional<uint64_t> used = readNumber(folder + "/memory.current");
      if (limit && used) {
        // Cached file pages count as used but are given back on demand.
        uint64_t cached = readField(folder + "/memory.stat", "inactive_file");
        uint64_t kept = *used - std::min(*used, cached);
        room = std::min(room, *limit - std::min(*limit, kept));
      }
      if (path.empty() || path == "/")
        break;
    }
  }
  return room;
}

uint64_t availableMemory() {
  uint64_t kibibytes = readField("/proc/meminfo", "MemAvailable:");
  uint64_t available = kibibytes == 0 ? UINT64_MAX : kibibytes * 1024;
  return std::min(available, controlGroupRoom());
}

Result<MemoryPlan> planMemory(std::span<const InputSpec> specs, const NamedTensors &given,
                              int64_t tokens, uint64_t extraBytes,
                              std::optional<uint64_t> available) {
  MemoryPlan plan;
  plan.extraBytes = extraBytes;
  plan.availableBytes = available ? *available : availableMemory();
  auto tooLarge = [&](std::string need) {
    return Status(StatusCode::Unsupported,
                  fmt::format("{} tokens need {} of host memory, but {:.1f} GiB are available",
                              tokens, need,
                              static_cast<double>(plan.availableBytes) / (uint64_t{1} << 30)));
  };
  for (const InputSpec &spec : specs) {
    if (given.contains(spec.name))
      continue;
    MOERT_ASSIGN_OR_RETURN(std::vector<int64_t> shape, resolveShape(spec, tokens));
    std::optional<int64_t> count = moert::countElements(shape, spec.dtype);
    if (!count || __builtin_add_overflow(plan.inputBytes,
                                         static_cast<uint64_t>(*count) * byteSize(spec.dtype),
                                         &plan.inputBytes))
      return tooLarge("more than 2^63 bytes");
  }
  uint64_t total = 0;
  if (__builtin_add_overflow(plan.inputBytes, plan.extraBytes, &total) ||
      total > plan.availableBytes)
    return tooLarge(fmt::format(
        "{:.1f} GiB", (static_cast<double>(plan.inputBytes) + static_cast<double>(extraBytes)) /
                          (uint64_t{1} << 30)));
  return plan;
}

} // namespace moec
