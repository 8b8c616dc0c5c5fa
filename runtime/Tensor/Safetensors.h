//===- Safetensors.h - Reading and writing of safetensors files
//-----------------------------------===//
//
// The format in which the weights of the models exist: 8 bytes header length (little endian), a
// JSON header {name: {dtype, shape, data_offsets}}, then the elements. A file is distrusted: every
// field is checked before anything is read through it, and an error names the file and the tensor.
//
// Source of the format and its limits: https://github.com/huggingface/safetensors, README "Format".
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_TENSOR_SAFETENSORS_H
#define MOEC_RUNTIME_TENSOR_SAFETENSORS_H

#include "runtime/Tensor/HostTensor.h"

#include <filesystem>

namespace moert {

/// The largest header that is read, in bytes: the limit of the reference implementation.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

/// The tensors of a file and the strings of its `__metadata__`.
struct SafetensorsFile {
  NamedTensors tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

/// The dtype name of the format ("BF16", "F8_E4M3", ...).
std::string_view safetensorsName(DType dtype);

/// Maps the file and returns read-only views of its tensors; no element is copied, except for
/// tensors that the file stores at an address unfit for their type. The mapping lives as long as
/// one of the tensors. The file must not be shortened in that time (the system would send SIGBUS).
/// Fails with InvalidInput where the file cannot be opened or any field is not as the format says:
/// offsets out of range, overlapping or with holes, a size that is not shape times element size, an
/// unknown dtype, duplicate names, text that is not JSON or not UTF-8, bytes missing or left over.
Result<SafetensorsFile> readSafetensors(const std::filesystem::path &path);

/// Checks and maps in-memory content the same way; `where` names it in errors and `owner` keeps it
/// alive. Exposed for tests and fuzzing.
Result<SafetensorsFile> parseSafetensors(std::span<const std::byte> content, std::string_view where,
                                         std::shared_ptr<const void> owner);

/// Writes all tensors atomically (temporary sibling, flush, rename): the file is complete or what
/// was there before stays. Elements are aligned to 8 bytes. Fails with Usage on names that the
/// format cannot hold (not UTF-8, `__metadata__`) and with Toolchain on errors of the file system.
Status writeSafetensors(const std::filesystem::path &path, const NamedTensors &tensors,
                        const std::map<std::string, std::string, std::less<>> &metadata = {});

} // namespace moert

#endif // MOEC_RUNTIME_TENSOR_SAFETENSORS_H
