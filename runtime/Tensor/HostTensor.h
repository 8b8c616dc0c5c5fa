//===- HostTensor.h - A dense row-major tensor in host memory
//------------------------------------===//
//
// What files, generated inputs, executors and the reference evaluator hand to each other. A tensor
// either owns its memory or views memory that something else keeps alive (a mapped file); copies of
// it are cheap and share the elements.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_TENSOR_HOSTTENSOR_H
#define MOEC_RUNTIME_TENSOR_HOSTTENSOR_H

#include "runtime/Support/DType.h"
#include "runtime/Support/Status.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moert {

/// A typed, shaped block of host memory. Thread-safe to read; writers must agree among themselves.
class HostTensor {
public:
  /// A tensor of rank 1 and no elements.
  HostTensor() = default;

  /// A writable, zero-filled tensor, aligned to 64 bytes. Pages of large tensors are touched on
  /// first use only. Fails with Usage on a negative dimension and with Unsupported where the byte
  /// size does not fit 63 bits or the system has no memory for it.
  static Result<HostTensor> allocate(DType dtype, std::vector<int64_t> shape);

  /// A read-only view of `data`, which `owner` keeps alive. `data` holds the product of `shape`
  /// elements and is aligned to the element size.
  static HostTensor view(DType dtype, std::vector<int64_t> shape, const void *data,
                         std::shared_ptr<const void> owner);

  /// A writable view of memory that outlives the tensor (a caller's buffer).
  static HostTensor wrap(DType dtype, std::vector<int64_t> shape, void *data);

  DType dtype() const { return elementType; }
  std::span<const int64_t> shape() const { return dims; }
  size_t rank() const { return dims.size(); }
  int64_t dim(size_t i) const { return dims[i]; }
  int64_t numElements() const { return count; }
  uint64_t byteSize() const { return static_cast<uint64_t>(count) * moert::byteSize(elementType); }

  const std::byte *data() const { return bytes; }
  /// The elements for writing; null for a read-only view.
  std::byte *mutableData() { return writable ? const_cast<std::byte *>(bytes) : nullptr; }

  /// The elements as values of T, whose size must be the element size. Bf16 and f16 elements are
  /// uint16_t, f8 elements uint8_t.
  template <typename T>
  std::span<const T> as() const {
    assert(sizeof(T) == moert::byteSize(elementType) && "element size differs");
    return {reinterpret_cast<const T *>(bytes), static_cast<size_t>(count)};
  }
  template <typename T>
  std::span<T> asMutable() {
    assert(sizeof(T) == moert::byteSize(elementType) && "element size differs");
    assert(writable && "a view of a file is read-only");
    return {reinterpret_cast<T *>(const_cast<std::byte *>(bytes)), static_cast<size_t>(count)};
  }

  /// Element `index` of the row-major order, widened exactly (i64 beyond 2^53 rounds).
  double at(int64_t index) const;
  /// Stores `value` rounded to nearest even; integers truncate toward zero and saturate.
  void set(int64_t index, double value);

  /// A new tensor of rows `rows[i]` of the leading dimension, in that order.
  Result<HostTensor> gatherRows(std::span<const int64_t> rows) const;

private:
  DType elementType = DType::F32;
  bool writable = false;
  std::vector<int64_t> dims = {0};
  int64_t count = 0;
  const std::byte *bytes = nullptr;
  std::shared_ptr<const void> owner;
};

/// Tensors by name: the content of a safetensors file, the inputs or outputs of a run.
using NamedTensors = std::map<std::string, HostTensor, std::less<>>;

/// The number of elements of a shape, or nothing where a dimension is negative or the bytes of
/// `dtype` elements do not fit 63 bits.
std::optional<int64_t> countElements(std::span<const int64_t> shape, DType dtype);

/// "bf16[3, 2048]", for messages.
std::string describe(DType dtype, std::span<const int64_t> shape);
inline std::string describe(const HostTensor &tensor) {
  return describe(tensor.dtype(), tensor.shape());
}

} // namespace moert

#endif // MOEC_RUNTIME_TENSOR_HOSTTENSOR_H
