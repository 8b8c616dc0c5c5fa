//===- HostTensor.cpp - A dense row-major tensor in host memory
//----------------------------------===//

#include "runtime/Tensor/HostTensor.h"
#include "runtime/Tensor/Float.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include <sys/mman.h>

namespace moert {

std::optional<int64_t> countElements(std::span<const int64_t> shape, DType dtype) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
    // Zero dimensions are left out, so that a huge dimension is refused wherever it stands.
    if (dim != 0 && __builtin_mul_overflow(count, dim, &count))
      return std::nullopt;
  }
  int64_t bytes = 0;
  if (__builtin_mul_overflow(count, static_cast<int64_t>(byteSize(dtype)), &bytes))
    return std::nullopt;
  return empty ? 0 : count;
}

std::string describe(DType dtype, std::span<const int64_t> shape) {
  return fmt::format("{}[{}]", name(dtype), fmt::join(shape, ", "));
}

/// Anonymous mapped memory: zero pages that exist on first touch. Large blocks ask for huge pages,
/// which makes filling tens of gigabytes several times cheaper.
static std::shared_ptr<const void> allocateZeroed(size_t size) {
  constexpr size_t kHugePage = size_t{2} << 20;
  void *memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  if (size >= 2 * kHugePage)
    (void)::madvise(memory, size, MADV_HUGEPAGE);
  return std::shared_ptr<const void>(
      memory, [size](const void *p) { ::munmap(const_cast<void *>(p), size); });
}

Result<HostTensor> HostTensor::allocate(DType dtype, std::vector<int64_t> shape) {
  for (int64_t dim : shape)
    if (dim < 0)
      return Status(StatusCode::Usage, fmt::format("expects dimensions of at least 0, but got {}",
                                                   describe(dtype, shape)));
  std::optional<int64_t> count = countElements(shape, dtype);
  if (!count)
    return Status(
        StatusCode::Unsupported,
        fmt::format("expects a tensor below 2^63 bytes, but got {}", describe(dtype, shape)));
  HostTensor tensor;
  tensor.elementType = dtype;
  tensor.dims = std::move(shape);
  tensor.count = *count;
  tensor.writable = true;
  if (*count == 0)
    return tensor;
  tensor.owner = allocateZeroed(tensor.byteSize());
  if (!tensor.owner)
    return Status(StatusCode::Unsupported, fmt::format("no memory for a tensor {} of {} bytes",
                                                       describe(tensor), tensor.byteSize()));
  tensor.bytes = static_cast<const std::byte *>(tensor.owner.get());
  return tensor;
}

HostTensor HostTensor::view(DType dtype, std::vector<int64_t> shape, const void *data,
                            std::shared_ptr<const void> owner) {
  std::optional<int64_t> count = countElements(shape, dtype);
  assert(count && "a view of existing memory cannot overflow");
  HostTensor tensor;
  tensor.elementType = dtype;
  tensor.dims = std::move(shape);
  tensor.count = count.value_or(0);
  tensor.bytes = static_cast<const std::byte *>(data);
  tensor.owner = std::move(owner);
  return tensor;
}

HostTensor HostTensor::wrap(DType dtype, std::vector<int64_t> shape, void *data) {
  HostTensor tensor = view(dtype, std::move(shape), data, nullptr);
  tensor.writable = true;
  return tensor;
}

double HostTensor::at(int64_t i) const {
  switch (elementType) {
  case DType::BF16:
    return bf16ToFloat(as<uint16_t>()[i]);
  case DType::F16:
    return halfToFloat(as<uint16_t>()[i]);
  case DType::F32:
    return as<float>()[i];
  case DType::F64:
    return as<double>()[i];
  case DType::F8E4M3:
    return f8E4M3ToFloat(as<uint8_t>()[i]);
  case DType::F8E5M2:
    return f8E5M2ToFloat(as<uint8_t>()[i]);
  case DType::I8:
    return as<int8_t>()[i];
  case DType::U8:
    return as<uint8_t>()[i];
  case DType::I32:
    return as<int32_t>()[i];
  case DType::I64:
    return static_cast<double>(as<int64_t>()[i]);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

template <typename T>
static T toInteger(double value) {
  if (std::isnan(value))
    return 0;
  // Comparing with 2^63 as a double keeps the cast of every value that passes defined.
  if (value >= static_cast<double>(std::numeric_limits<T>::max()))
    return std::numeric_limits<T>::max();
  if (value <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  return static_cast<T>(value);
}

/// Rounds to f32 so that a second rounding to a narrower type is still right: an inexact result
/// whose last bit is even gets its last bit set ("round to odd", Boldo and Melquiond 2008).
static float roundToOdd(double value) {
  float nearest = static_cast<float>(value);
  if (std::isnan(value) || static_cast<double>(nearest) == value || std::isinf(nearest))
    return nearest;
  float below = std::fabs(static_cast<double>(nearest)) > std::fabs(value)
                    ? std::nextafter(nearest, 0.0f)
                    : nearest;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(below) | 1u);
}

void HostTensor::set(int64_t i, double value) {
  switch (elementType) {
  case DType::BF16:
    asMutable<uint16_t>()[i] = floatToBf16(roundToOdd(value));
    return;
  case DType::F16:
    asMutable<uint16_t>()[i] = floatToHalf(roundToOdd(value));
    return;
  case DType::F32:
    asMutable<float>()[i] = static_cast<float>(value);
    return;
  case DType::F64:
    asMutable<double>()[i] = value;
    return;
  case DType::F8E4M3:
    asMutable<uint8_t>()[i] = floatToF8E4M3(roundToOdd(value));
    return;
  case DType::F8E5M2:
    asMutable<uint8_t>()[i] = floatToF8E5M2(roundToOdd(value));
    return;
  case DType::I8:
    asMutable<int8_t>()[i] = toInteger<int8_t>(value);
    return;
  case DType::U8:
    asMutable<uint8_t>()[i] = toInteger<uint8_t>(value);
    return;
  case DType::I32:
    asMutable<int32_t>()[i] = toInteger<int32_t>(value);
    return;
  case DType::I64:
    asMutable<int64_t>()[i] = toInteger<int64_t>(value);
    return;
  }
}

Result<HostTensor> HostTensor::gatherRows(std::span<const int64_t> rows) const {
  if (dims.empty())
    return Status(StatusCode::Usage, "expects a tensor of rank 1 or more to take rows from");
  std::vector<int64_t> shape = dims;
  shape[0] = static_cast<int64_t>(rows.size());
  MOERT_ASSIGN_OR_RETURN(HostTensor result, allocate(elementType, std::move(shape)));
  size_t rowBytes = dims[0] == 0 ? 0 : byteSize() / static_cast<uint64_t>(dims[0]);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= dims[0])
      return Status(StatusCode::Usage,
                    fmt::format("expects rows below {}, but got {}", dims[0], rows[i]));
    if (rowBytes != 0)
      std::memcpy(result.mutableData() + i * rowBytes, bytes + rows[i] * rowBytes, rowBytes);
  }
  return result;
}

} // namespace moert
