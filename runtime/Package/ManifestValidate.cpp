//===- ManifestValidate.cpp - The rules of the package format -------------===//
//
// Everything that the manifest alone can tell. The executor relies on it: after `validate` every
// index is in range and every shape grows with T.
//
//===----------------------------------------------------------------------===//

#include "runtime/Package/Manifest.h"
#include "runtime/Package/ManifestNames.h"
#include "runtime/Support/File.h"

#include <fmt/format.h>

#include <set>

namespace moert {

/// Limits of every CUDA device since compute capability 8.0.
static constexpr uint64_t kMaxThreadsPerBlock = 1024;
static constexpr uint32_t kMaxBlockZ = 64;
static constexpr uint64_t kMaxClusterBlocks = 16;
static constexpr uint32_t kMaxSharedBytes = 1u << 20;
/// How long a name may be.
static constexpr size_t kMaxNameLength = 256;

template <typename... Args>
static Status invalid(const std::string &path, fmt::format_string<Args...> format, Args &&...args) {
  return Status(StatusCode::InvalidInput,
                path + ": " + fmt::format(format, std::forward<Args>(args)...));
}

/// Names are shown in messages and compared with `moe.name`: printable ASCII, not empty.
static Status checkName(const std::string &path, std::string_view text) {
  if (text.empty() || text.size() > kMaxNameLength)
    return invalid(path, "expects 1 to {} characters, but got {}", kMaxNameLength, text.size());
  for (char c : text)
    if (c < ' ' || c > '~')
      return invalid(path, "expects printable ASCII characters only");
  return Status::ok();
}

/// Kernel names become file names, entries become symbols.
static Status checkIdentifier(const std::string &path, std::string_view text) {
  MOERT_RETURN_IF_ERROR(checkName(path, text));
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9'))
      return invalid(path, "expects an identifier, but got '{}'", text);
  }
  return Status::ok();
}

static Status checkShape(const std::string &path, const std::vector<Expr> &shape) {
  if (shape.size() > kMaxRank)
    return invalid(path, "expects a rank of at most {}, but got {}", kMaxRank, shape.size());
  for (size_t i = 0; i < shape.size(); ++i)
    if (!shape[i].isNonNegativeNonDecreasing())
      return invalid(
          fmt::format("{}/{}", path, i),
          "expects an extent that is never negative and never shrinks as T grows, but got "
          "'{}'",
          shape[i].str());
  return Status::ok();
}

static Status checkArguments(const Manifest &manifest) {
  if (manifest.arguments.size() > kMaxArguments)
    return invalid("/arguments", "expects at most {} elements, but got {}", kMaxArguments,
                   manifest.arguments.size());
  std::set<std::string_view> names;
  bool hasOutput = false;
  for (size_t i = 0; i < manifest.arguments.size(); ++i) {
    const Argument &argument = manifest.arguments[i];
    std::string path = fmt::format("/arguments/{}", i);
    MOERT_RETURN_IF_ERROR(checkName(path + "/name", argument.name));
    if (!names.insert(argument.name).second)
      return invalid(path + "/name", "expects a name of its own, but got '{}' again",
                     argument.name);
    MOERT_RETURN_IF_ERROR(checkShape(path + "/shape", argument.shape));
    hasOutput |= argument.isOutput;
  }
  if (!hasOutput)
    return invalid("/arguments", "expects at least one output");
  return Status::ok();
}

static Status checkKernels(const Manifest &manifest) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < manifest.kernels.size(); ++i) {
    const Kernel &kernel = manifest.kernels[i];
    std::string path = fmt::format("/kernels/{}", i);
    MOERT_RETURN_IF_ERROR(checkIdentifier(path + "/name", kernel.name));
    if (!names.insert(kernel.name).second)
      return invalid(path + "/name", "expects a name of its own, but got '{}' again", kernel.name);
    MOERT_RETURN_IF_ERROR(checkIdentifier(path + "/entry", kernel.entry));
    if (kernel.parameters.size() > kMaxParameters)
      return invalid(path + "/parameters", "expects at most {} elements, but got {}",
                     kMaxParameters, kernel.parameters.size());
    if (kernel.threads < 1 || kernel.threads > kMaxThreadsPerBlock)
      return invalid(path + "/threads", "expects 1 to {}, but got {}", kMaxThreadsPerBlock,
                     kernel.threads);
    if (kernel.staticSharedBytes > kMaxSharedBytes)
      return invalid(path + "/static_shared_bytes", "expects at most {}, but got {}",
                     kMaxSharedBytes, kernel.staticSharedBytes);
    if (kernel.dynamicSharedBytes > kMaxSharedBytes)
      return invalid(path + "/dynamic_shared_bytes", "expects at most {}, but got {}",
                     kMaxSharedBytes, kernel.dynamicSharedBytes);
  }
  return Status::ok();
}

/// The rules of cuTensorMapEncodeTiled that do not depend on T.
static Status checkTensorMap(const std::string &path, const TensorMap &map,
                             const Manifest &manifest, const Variant &variant) {
  size_t sources = map.fromBuffer ? variant.buffers.size() : manifest.arguments.size();
  const char *field = map.fromBuffer ? "/buffer" : "/tensor";
  if (map.index >= sources)
    return invalid(path + field, "expects an index below {}, but got {}", sources, map.index);
  DType stored =
      map.fromBuffer ? variant.buffers[map.index].dtype : manifest.arguments[map.index].dtype;
  if (byteSize(stored) != byteSize(map.dtype))
    return invalid(path + "/dtype", "expects elements of the size of {}, but got {}", name(stored),
                   name(map.dtype));
  if (map.offset % kTensorAlignment != 0)
    return invalid(path + "/offset", "expects a multiple of {} bytes, but got {}",
                   kTensorAlignment, map.offset);
  size_t rank = map.dims.size();
  if (rank < 1 || rank > kMaxTensorMapRank)
    return invalid(path + "/dims", "expects 1 to {} elements, but got {}", kMaxTensorMapRank, rank);
  if (map.strides.size() != rank - 1)
    return invalid(path + "/strides", "expects {} elements, but got {}", rank - 1,
                   map.strides.size());
  if (map.box.size() != rank)
    return invalid(path + "/box", "expects {} elements, but got {}", rank, map.box.size());
  for (const auto &[key, list] : {std::pair{"dims", &map.dims}, std::pair{"strides", &map.strides}})
    for (size_t i = 0; i < list->size(); ++i)
      if (!(*list)[i].isNonNegativeNonDecreasing())
        return invalid(fmt::format("{}/{}/{}", path, key, i),
                       "expects a value that is never negative and never shrinks as T grows, but "
                       "got '{}'",
                       (*list)[i].str());
  for (size_t i = 0; i < rank; ++i)
    if (map.box[i] < 1 || map.box[i] > 256)
      return invalid(fmt::format("{}/box/{}", path, i), "expects 1 to 256, but got {}", map.box[i]);
  uint64_t innerBytes = uint64_t(map.box[0]) * byteSize(map.dtype);
  if (innerBytes % 16 != 0)
    return invalid(path + "/box/0", "expects a multiple of 16 bytes, but got {}", innerBytes);
  constexpr uint64_t kSwizzleBytes[] = {UINT64_MAX, 32, 64, 128};
  if (innerBytes > kSwizzleBytes[static_cast<unsigned>(map.swizzle)])
    return invalid(path + "/box/0", "expects at most the {} of the swizzle, but got {} bytes",
                   name(map.swizzle), innerBytes);
  return Status::ok();
}

static Status checkLaunch(const std::string &path, const Launch &launch, const Manifest &manifest,
                          const Variant &variant) {
  if (launch.kernel >= manifest.kernels.size())
    return invalid(path + "/kernel", "expects an index below {}, but got {}",
                   manifest.kernels.size(), launch.kernel);
  const Kernel &kernel = manifest.kernels[launch.kernel];
  for (size_t i = 0; i < 3; ++i)
    if (launch.grid[i].isTooDeep())
      return invalid(fmt::format("{}/grid/{}", path, i), "expects a simpler expression");
  uint64_t threads = 1, blocks = 1;
  for (size_t i = 0; i < 3; ++i) {
    if (launch.block[i] < 1 || launch.block[i] > kMaxThreadsPerBlock)
      return invalid(fmt::format("{}/block/{}", path, i), "expects 1 to {}, but got {}",
                     kMaxThreadsPerBlock, launch.block[i]);
    if (launch.cluster[i] < 1 || launch.cluster[i] > kMaxClusterBlocks)
      return invalid(fmt::format("{}/cluster/{}", path, i), "expects 1 to {}, but got {}",
                     kMaxClusterBlocks, launch.cluster[i]);
    threads *= launch.block[i];
    blocks *= launch.cluster[i];
  }
  if (threads > kernel.threads)
    return invalid(path + "/block", "expects at most the kernel's {} threads, but got {}",
                   kernel.threads, threads);
  if (launch.block[2] > kMaxBlockZ)
    return invalid(path + "/block/2", "expects at most {}, but got {}", kMaxBlockZ,
                   launch.block[2]);
  if (blocks > kMaxClusterBlocks)
    return invalid(path + "/cluster", "expects at most {} blocks, but got {}", kMaxClusterBlocks,
                   blocks);
  if (launch.dynamicSharedBytes > kernel.dynamicSharedBytes)
    return invalid(path + "/dynamic_shared_bytes", "expects at most the kernel's {}, but got {}",
                   kernel.dynamicSharedBytes, launch.dynamicSharedBytes);
  if (launch.arguments.size() != kernel.parameters.size())
    return invalid(path + "/arguments", "expects the {} parameters of kernel '{}', but got {}",
                   kernel.parameters.size(), kernel.name, launch.arguments.size());
  for (size_t i = 0; i < launch.arguments.size(); ++i) {
    const LaunchArgument &argument = launch.arguments[i];
    std::string where = fmt::format("{}/arguments/{}", path, i);
    if (argument.parameterKind() != kernel.parameters[i])
      return invalid(where, "expects the {} of kernel '{}', but got a {}",
                     name(kernel.parameters[i]), kernel.name, name(argument.parameterKind()));
    if (argument.kind == LaunchArgument::Kind::Tensor &&
        argument.index >= manifest.arguments.size())
      return invalid(where + "/tensor", "expects an index below {}, but got {}",
                     manifest.arguments.size(), argument.index);
    if (argument.kind == LaunchArgument::Kind::Buffer && argument.index >= variant.buffers.size())
      return invalid(where + "/buffer", "expects an index below {}, but got {}",
                     variant.buffers.size(), argument.index);
    if (argument.kind == LaunchArgument::Kind::TensorMap)
      MOERT_RETURN_IF_ERROR(
          checkTensorMap(where + "/tensormap", argument.tensorMap, manifest, variant));
  }
  return Status::ok();
}

static Status checkVariants(const Manifest &manifest) {
  if (manifest.variants.empty())
    return invalid("/variants", "expects at least one element");
  int64_t next = 0;
  for (size_t i = 0; i < manifest.variants.size(); ++i) {
    const Variant &variant = manifest.variants[i];
    std::string path = fmt::format("/variants/{}", i);
    bool last = i + 1 == manifest.variants.size();
    if (variant.minTokens != next)
      return invalid(path + "/min_tokens", "expects {}, so that every T is served once, but got {}",
                     next, variant.minTokens);
    if (last && variant.maxTokens != -1)
      return invalid(path + "/max_tokens", "expects -1 (unbounded) in the last variant, but got {}",
                     variant.maxTokens);
    if (!last && (variant.maxTokens < variant.minTokens || variant.maxTokens == INT64_MAX))
      return invalid(path + "/max_tokens", "expects at least min_tokens {}, but got {}",
                     variant.minTokens, variant.maxTokens);
    next = variant.maxTokens + 1;
    if (variant.buffers.size() > kMaxBuffers)
      return invalid(path + "/buffers", "expects at most {} elements, but got {}", kMaxBuffers,
                     variant.buffers.size());
    for (size_t b = 0; b < variant.buffers.size(); ++b) {
      std::string where = fmt::format("{}/buffers/{}", path, b);
      MOERT_RETURN_IF_ERROR(checkName(where + "/name", variant.buffers[b].name));
      MOERT_RETURN_IF_ERROR(checkShape(where + "/shape", variant.buffers[b].shape));
    }
    if (variant.launches.size() > kMaxLaunches)
      return invalid(path + "/launches", "expects at most {} elements, but got {}", kMaxLaunches,
                     variant.launches.size());
    unsigned maps = 0;
    for (size_t l = 0; l < variant.launches.size(); ++l) {
      MOERT_RETURN_IF_ERROR(checkLaunch(fmt::format("{}/launches/{}", path, l), variant.launches[l],
                                        manifest, variant));
      for (const LaunchArgument &argument : variant.launches[l].arguments)
        maps += argument.kind == LaunchArgument::Kind::TensorMap;
    }
    if (maps > kMaxTensorMaps)
      return invalid(path + "/launches", "expects at most {} tensor maps, but got {}",
                     kMaxTensorMaps, maps);
  }
  return Status::ok();
}

Status validate(const Manifest &manifest) {
  MOERT_RETURN_IF_ERROR(checkName("/producer", manifest.producer));
  MOERT_RETURN_IF_ERROR(checkName("/block", manifest.block));
  if (Result<Architecture> arch = Architecture::parse(manifest.targetArch); !arch)
    return std::move(arch).status().withContext("/target");
  if (manifest.maxTokens < 0 || manifest.maxTokens > INT32_MAX)
    return invalid("/max_tokens", "expects 0 to {}, but got {}", INT32_MAX, manifest.maxTokens);
  MOERT_RETURN_IF_ERROR(checkArguments(manifest));
  MOERT_RETURN_IF_ERROR(checkKernels(manifest));
  return checkVariants(manifest);
}

/// One file record: a path below one of `folders`, not listed twice, of a size that can be read.
static Status checkFile(const std::string &path, const FileRecord &record,
                        std::initializer_list<std::string_view> folders,
                        std::set<std::string_view> &seen) {
  if (Status status = checkRelativePath(record.file); !status.isOk())
    return std::move(status).withContext(path + "/file");
  MOERT_RETURN_IF_ERROR(checkName(path + "/file", record.file));
  bool inside = false;
  for (std::string_view folder : folders)
    inside |= record.file.starts_with(folder) && record.file.size() > folder.size();
  if (!inside)
    return invalid(path + "/file", "expects a file below {}, but got '{}'",
                   fmt::join(folders, " or "), record.file);
  if (record.bytes > kMaxFileBytes)
    return invalid(path + "/bytes", "expects at most {}, but got {}", kMaxFileBytes, record.bytes);
  if (!seen.insert(record.file).second)
    return invalid(path + "/file", "expects a file of its own, but got '{}' again", record.file);
  return Status::ok();
}

Status validateFiles(const Manifest &manifest) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < manifest.kernels.size(); ++i) {
    const Kernel &kernel = manifest.kernels[i];
    std::string path = fmt::format("/kernels/{}", i);
    if (!kernel.cubin.isPresent() && !kernel.ptx.isPresent())
      return invalid(path, "expects a cubin or a ptx");
    for (const auto &[key, record] :
         {std::pair{"source", &kernel.source}, std::pair{"ptx", &kernel.ptx},
          std::pair{"cubin", &kernel.cubin}})
      if (record->isPresent())
        MOERT_RETURN_IF_ERROR(
            checkFile(fmt::format("{}/{}", path, key), *record, {"kernels/"}, seen));
  }
  for (size_t i = 0; i < manifest.files.size(); ++i)
    MOERT_RETURN_IF_ERROR(
        checkFile(fmt::format("/files/{}", i), manifest.files[i], {"include/", "ir/"}, seen));
  return Status::ok();
}

} // namespace moert
