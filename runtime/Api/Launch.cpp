//===- Launch.cpp - The C interface: launching ----------------------------===//

#include "runtime/Api/Handles.h"

#include <fmt/format.h>

#include <array>

using namespace moert;
using namespace moert::api;

static_assert(sizeof(void *) == sizeof(cuda::DevicePtr));
static_assert(sizeof(moec_tensor) == 48 && offsetof(moec_tensor, shape) == 24,
              "expects the layout of DLTensor");

/// Values of DLPack's enumerations.
static constexpr int32_t kDlCuda = 2, kDlCudaManaged = 13;

namespace {
struct DlType {
  uint8_t code, bits;
};
} // namespace

/// DLPack's name of an element type; float8 has codes of its own since DLPack 1.1.
static DlType dlType(DType dtype) {
  switch (dtype) {
  case DType::BF16:
    return {4, 16};
  case DType::F16:
    return {2, 16};
  case DType::F32:
    return {2, 32};
  case DType::F64:
    return {2, 64};
  case DType::F8E4M3:
    return {10, 8};
  case DType::F8E5M2:
    return {12, 8};
  case DType::I8:
    return {0, 8};
  case DType::U8:
    return {1, 8};
  case DType::I32:
    return {0, 32};
  case DType::I64:
    return {0, 64};
  }
  return {0, 0};
}

template <typename... Args>
static Status misuse(fmt::format_string<Args...> format, Args &&...args) {
  return Status(StatusCode::Usage, fmt::format(format, std::forward<Args>(args)...));
}

/// The address of a tensor that is what the argument is at T = `tokens`.
static Result<cuda::DevicePtr> addressOf(const moec_tensor *tensor, const Argument &argument,
                                         int64_t tokens, int ordinal) {
  if (!tensor)
    return misuse("expects a tensor for '{}', but got null", argument.name);
  if (tensor->device.device_type != kDlCuda && tensor->device.device_type != kDlCudaManaged)
    return misuse("expects tensor '{}' on a CUDA device, but got DLPack device type {}",
                  argument.name, tensor->device.device_type);
  if (tensor->device.device_type == kDlCuda && tensor->device.device_id != ordinal)
    return misuse("expects tensor '{}' on device {}, but got device {}", argument.name, ordinal,
                  tensor->device.device_id);
  DlType expected = dlType(argument.dtype);
  if (tensor->dtype.code != expected.code || tensor->dtype.bits != expected.bits ||
      tensor->dtype.lanes != 1)
    return misuse("expects tensor '{}' to be {} (DLPack code {}, {} bits), but got code {}, {} "
                  "bits, {} lanes",
                  argument.name, name(argument.dtype), expected.code, expected.bits,
                  tensor->dtype.code, tensor->dtype.bits, tensor->dtype.lanes);
  if (tensor->ndim != static_cast<int32_t>(argument.shape.size()))
    return misuse("expects tensor '{}' to have {} dimensions, but got {}", argument.name,
                  argument.shape.size(), tensor->ndim);
  if (tensor->ndim > 0 && !tensor->shape)
    return misuse("expects a shape for tensor '{}', but got null", argument.name);
  bool isEmpty = false;
  for (int32_t i = 0; i < tensor->ndim; ++i) {
    MOERT_ASSIGN_OR_RETURN(int64_t extent, argument.shape[i].evaluate(tokens));
    if (tensor->shape[i] != extent)
      return misuse("expects dimension {} of tensor '{}' to be {} for {} tokens, but got {}", i,
                    argument.name, extent, tokens, tensor->shape[i]);
    isEmpty |= extent == 0;
  }
  int64_t stride = 1;
  for (int32_t i = tensor->ndim; tensor->strides && !isEmpty && i-- > 0;) {
    // The stride of a dimension of one element says nothing.
    if (tensor->shape[i] != 1 && tensor->strides[i] != stride)
      return misuse("expects tensor '{}' to be compact and row-major with stride {} in dimension "
                    "{}, but got {}",
                    argument.name, stride, i, tensor->strides[i]);
    stride *= tensor->shape[i];
  }
  if (isEmpty)
    return cuda::DevicePtr(0);
  return reinterpret_cast<cuda::DevicePtr>(tensor->data) + tensor->byte_offset;
}

/// A count beyond the limit of the format is a wrong count.
static Status checkCount(const ServedBlock &block, size_t count) {
  size_t expected = block.manifest().arguments.size();
  return count == expected ? Status::ok()
                           : misuse("expects {} tensors, but got {}", expected, count);
}

extern "C" {

moec_status moec_package_launch(const moec_package *package, int64_t tokens, void *const *tensors,
                                size_t count, void *workspace, uint64_t workspace_bytes,
                                moec_stream stream, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE_ARRAY(tensors, count);
  if (Status status = checkCount(*package->block, count); !status.isOk())
    return report(std::move(status), error);
  std::array<cuda::DevicePtr, kMaxArguments> addresses;
  for (size_t i = 0; i < count; ++i)
    addresses[i] = reinterpret_cast<cuda::DevicePtr>(tensors[i]);
  return report(package->block->launch(tokens, std::span(addresses).first(count),
                                       reinterpret_cast<cuda::DevicePtr>(workspace),
                                       workspace_bytes, stream),
                error);
}

moec_status moec_package_launch_tensors(const moec_package *package, int64_t tokens,
                                        const moec_tensor *const *tensors, size_t count,
                                        void *workspace, uint64_t workspace_bytes,
                                        moec_stream stream, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE_ARRAY(tensors, count);
  ServedBlock &block = *package->block;
  if (Status status = checkCount(block, count); !status.isOk())
    return report(std::move(status), error);
  std::array<cuda::DevicePtr, kMaxArguments> addresses;
  for (size_t i = 0; i < count; ++i) {
    Result<cuda::DevicePtr> address =
        addressOf(tensors[i], block.manifest().arguments[i], tokens,
                  block.device().properties().ordinal);
    if (!address)
      return report(std::move(address).status(), error);
    addresses[i] = *address;
  }
  return report(block.launch(tokens, std::span(addresses).first(count),
                             reinterpret_cast<cuda::DevicePtr>(workspace), workspace_bytes, stream),
                error);
}

} // extern "C"
