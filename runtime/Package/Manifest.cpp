//===- Manifest.cpp - What a compiled package promises: derived facts -----===//

#include "runtime/Package/Manifest.h"

#include <fmt/format.h>

#include <charconv>

namespace moert {

ParameterKind LaunchArgument::parameterKind() const {
  switch (kind) {
  case Kind::Tensor:
  case Kind::Buffer:
    return ParameterKind::Pointer;
  case Kind::Tokens:
  case Kind::I32:
    return ParameterKind::I32;
  case Kind::TensorMap:
    break;
  }
  return ParameterKind::TensorMap;
}

Result<uint64_t> byteSizeAt(DType dtype, const std::vector<Expr> &shape, int64_t tokens) {
  int64_t bytes = static_cast<int64_t>(byteSize(dtype));
  bool overflow = false;
  for (const Expr &dim : shape) {
    Result<int64_t> extent = dim.evaluate(tokens);
    if (!extent)
      return std::move(extent).status();
    overflow |= *extent < 0 || __builtin_mul_overflow(bytes, *extent, &bytes);
  }
  if (overflow)
    return Status(StatusCode::InvalidInput,
                  fmt::format("the size of a tensor is beyond 64 bits at T = {}", tokens));
  return static_cast<uint64_t>(bytes);
}

uint32_t variantFor(const Manifest &manifest, int64_t tokens) {
  uint32_t index = 0;
  while (index + 1 < manifest.variants.size() && manifest.variants[index].maxTokens < tokens)
    ++index;
  return index;
}

Result<Architecture> Architecture::parse(std::string_view text) {
  auto refuse = [&] {
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects an architecture such as sm_90a, but got '{}'", text));
  };
  if (!text.starts_with("sm_"))
    return refuse();
  std::string_view digits = text.substr(3);
  Architecture arch;
  if (!digits.empty() && (digits.back() == 'a' || digits.back() == 'f')) {
    arch.suffix = digits.back();
    digits.remove_suffix(1);
  }
  if (digits.size() < 2 || digits.size() > 3)
    return refuse();
  int number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 10)
    return refuse();
  arch.major = number / 10;
  arch.minor = number % 10;
  return arch;
}

} // namespace moert
