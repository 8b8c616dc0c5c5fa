//===- DType.h - The element types of the project -------------------------===//
//
// One enumeration for host tensors, package manifests, kernel arguments and the C API, so that no
// two parts can disagree about a name or a size.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SUPPORT_DTYPE_H
#define MOEC_RUNTIME_SUPPORT_DTYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moert {

/// An element type. The values are part of the C API (`moec_dtype`) and never change.
enum class DType : uint8_t {
  BF16 = 0,
  F16 = 1,
  F32 = 2,
  F64 = 3,
  F8E4M3 = 4,
  F8E5M2 = 5,
  I8 = 6,
  U8 = 7,
  I32 = 8,
  I64 = 9,
};

/// How many element types there are; their values are 0 .. kNumDTypes-1.
inline constexpr unsigned kNumDTypes = 10;

/// The size of one element in bytes.
constexpr size_t byteSize(DType type) {
  switch (type) {
  case DType::F8E4M3:
  case DType::F8E5M2:
  case DType::I8:
  case DType::U8:
    return 1;
  case DType::BF16:
  case DType::F16:
    return 2;
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::F64:
  case DType::I64:
    return 8;
  }
  return 0;
}

/// The name used in manifests, messages and options.
constexpr std::string_view name(DType type) {
  switch (type) {
  case DType::BF16:
    return "bf16";
  case DType::F16:
    return "f16";
  case DType::F32:
    return "f32";
  case DType::F64:
    return "f64";
  case DType::F8E4M3:
    return "f8e4m3";
  case DType::F8E5M2:
    return "f8e5m2";
  case DType::I8:
    return "i8";
  case DType::U8:
    return "u8";
  case DType::I32:
    return "i32";
  case DType::I64:
    return "i64";
  }
  return "unknown";
}

/// The element type of that name, or nothing.
constexpr std::optional<DType> parseDType(std::string_view text) {
  for (unsigned i = 0; i < kNumDTypes; ++i)
    if (name(static_cast<DType>(i)) == text)
      return static_cast<DType>(i);
  return std::nullopt;
}

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_DTYPE_H
