//===- LoadedPackage.cpp - A package ready to launch on a device ----------===//

#include "runtime/Exec/LoadedPackage.h"

#include "runtime/Cuda/Launch.h"
#include "runtime/Exec/KernelLoader.h"
#include "runtime/Exec/LaunchPlan.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>

namespace moert {

using cuda::DevicePtr;

struct LoadedPackage::State {
  std::shared_ptr<const cuda::Device> device;
  Manifest manifest;
  LoadedKernels kernels;
  int64_t maxTokens = 0;
  WorkspaceNeed workspace;
};

namespace {
/// Everything a launch has computed before it puts the first kernel on the stream. On the stack.
struct PreparedLaunch {
  WorkspaceLayout layout;
  std::array<uint64_t, kMaxArguments> argumentBytes;
  std::array<std::array<unsigned, 3>, kMaxLaunches> grids;
  std::array<cuda::EncodedTensorMap, kMaxTensorMaps> tensorMaps;
};
} // namespace

template <typename... Args>
static Status misuse(fmt::format_string<Args...> format, Args &&...args) {
  return Status(StatusCode::Usage, fmt::format(format, std::forward<Args>(args)...));
}

static bool isEmptyGrid(const std::array<unsigned, 3> &grid) {
  return grid[0] == 0 || grid[1] == 0 || grid[2] == 0;
}

LoadedPackage::LoadedPackage(std::unique_ptr<State> state) : state(std::move(state)) {}
LoadedPackage::~LoadedPackage() = default;

const Manifest &LoadedPackage::manifest() const { return state->manifest; }
const std::shared_ptr<const cuda::Device> &LoadedPackage::device() const { return state->device; }
int64_t LoadedPackage::maxTokens() const { return state->maxTokens; }

Result<std::shared_ptr<const LoadedPackage>>
LoadedPackage::load(std::shared_ptr<const cuda::Device> device, const Package &package) {
  MOERT_RETURN_IF_ERROR(validate(package.manifest));
  auto state = std::make_unique<State>();
  state->device = std::move(device);
  state->manifest = package.manifest;
  state->maxTokens = greatestTokens(package.manifest);
  if (state->maxTokens < 0)
    return Status(StatusCode::InvalidInput, "a tensor of the package is too large even at T = 0");
  MOERT_ASSIGN_OR_RETURN(state->workspace,
                         WorkspaceNeed::of(package.manifest, state->maxTokens));
  MOERT_ASSIGN_OR_RETURN(state->kernels, loadKernels(state->device, package));
  log(LogLevel::Info, "exec", "loaded package {} with {} kernels on device {}",
      package.manifest.block, package.manifest.kernels.size(), state->device->properties().ordinal);
  return std::shared_ptr<const LoadedPackage>(new LoadedPackage(std::move(state)));
}

static Status checkTokens(int64_t tokens, int64_t most) {
  if (tokens < 0 || tokens > most)
    return misuse("expects 0 to {} tokens, but got {}", most, tokens);
  return Status::ok();
}

Result<uint64_t> LoadedPackage::argumentBytes(size_t index, int64_t tokens) const {
  MOERT_RETURN_IF_ERROR(checkTokens(tokens, state->maxTokens));
  if (index >= state->manifest.arguments.size())
    return misuse("expects an argument index below {}, but got {}",
                  state->manifest.arguments.size(), index);
  const Argument &argument = state->manifest.arguments[index];
  return byteSizeAt(argument.dtype, argument.shape, tokens);
}

Result<uint64_t> LoadedPackage::workspaceBytes(int64_t tokens) const {
  MOERT_RETURN_IF_ERROR(checkTokens(tokens, state->maxTokens));
  return state->workspace.at(state->manifest, tokens);
}

/// One address: null only without content, aligned, and memory of this device.
static Status checkAddress(const cuda::Device &device, DevicePtr address, uint64_t bytes,
                           uint64_t alignment, const char *kind, const std::string &name) {
  if (bytes == 0)
    return Status::ok();
  if (!address)
    return misuse("expects the address of {} bytes for {} '{}', but got null", bytes, kind, name);
  if (address % alignment != 0)
    return misuse("expects the address of {} '{}' to be a multiple of {}, but got {:#x}", kind,
                  name, alignment, address);
  // A wild address would end the whole context in an error that nothing clears.
  constexpr unsigned kMemoryTypeDevice = 2;
  const cuda::DriverApi &api = device.api();
  unsigned type = 0;
  int ordinal = 0;
  if (api.cuPointerGetAttribute(&type, cuda::kPointerMemoryType, address) != cuda::kSuccess ||
      api.cuPointerGetAttribute(&ordinal, cuda::kPointerDeviceOrdinal, address) != cuda::kSuccess)
    return misuse("expects CUDA memory for {} '{}', but got {:#x}", kind, name, address);
  if (type == kMemoryTypeDevice && ordinal != device.properties().ordinal)
    return misuse("expects memory of device {} for {} '{}', but got memory of device {}",
                  device.properties().ordinal, kind, name, ordinal);
  return Status::ok();
}

static bool overlap(DevicePtr a, uint64_t aBytes, DevicePtr b, uint64_t bBytes) {
  return aBytes != 0 && bBytes != 0 && a < b + bBytes && b < a + aBytes;
}

/// The workspace and every output must share no byte with anything else.
static Status checkOverlaps(const Manifest &manifest, std::span<const DevicePtr> tensors,
                            const PreparedLaunch &prepared, DevicePtr workspace) {
  const std::vector<Argument> &arguments = manifest.arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (overlap(tensors[i], prepared.argumentBytes[i], workspace, prepared.layout.bytes))
      return misuse("expects tensor '{}' and the workspace to share no memory", arguments[i].name);
    for (size_t j = 0; j < i; ++j)
      if ((arguments[i].isOutput || arguments[j].isOutput) &&
          overlap(tensors[i], prepared.argumentBytes[i], tensors[j], prepared.argumentBytes[j]))
        return misuse("expects tensors '{}' and '{}' to share no memory, as one is an output",
                      arguments[j].name, arguments[i].name);
  }
  return Status::ok();
}

static cuda::TensorMapDataType tensorMapType(DType dtype) {
  switch (dtype) {
  case DType::BF16:
    return cuda::kTensorMapBfloat16;
  case DType::F16:
    return cuda::kTensorMapFloat16;
  case DType::F32:
    return cuda::kTensorMapFloat32;
  case DType::F64:
    return cuda::kTensorMapFloat64;
  case DType::I32:
    return cuda::kTensorMapInt32;
  case DType::I64:
    return cuda::kTensorMapInt64;
  case DType::F8E4M3:
  case DType::F8E5M2:
  case DType::I8:
  case DType::U8:
    break;
  }
  return cuda::kTensorMapUint8;
}

/// Encodes one TMA descriptor for the memory at `address`.
static Status encodeTensorMap(const cuda::DriverApi &api, const TensorMap &map, DevicePtr address,
                              int64_t tokens, cuda::EncodedTensorMap &encoded) {
  if (!api.cuTensorMapEncodeTiled)
    return Status(StatusCode::Toolchain,
                  "expects a driver of CUDA 12.0 or newer, which has cuTensorMapEncodeTiled");
  std::array<uint64_t, kMaxTensorMapRank> dims = {}, strides = {};
  std::array<uint32_t, kMaxTensorMapRank> elementStrides;
  elementStrides.fill(1);
  for (size_t i = 0; i < map.dims.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(int64_t dim, map.dims[i].evaluate(tokens));
    dims[i] = static_cast<uint64_t>(dim);
  }
  for (size_t i = 0; i < map.strides.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(int64_t stride, map.strides[i].evaluate(tokens));
    strides[i] = static_cast<uint64_t>(stride);
  }
  // No interleaving; elements out of bounds read as zero.
  return MOERT_CUDA(api, cuTensorMapEncodeTiled, &encoded, tensorMapType(map.dtype),
                    static_cast<uint32_t>(map.dims.size()), reinterpret_cast<void *>(address),
                    dims.data(), strides.data(), map.box.data(), elementStrides.data(), 0,
                    static_cast<int>(map.swizzle), static_cast<int>(map.l2Promotion), 0);
}

/// Computes grids and descriptors of all launches, so that a failure comes before the first one.
static Status prepareLaunches(const cuda::DriverApi &api, const Manifest &manifest,
                              const Variant &variant, int64_t tokens,
                              std::span<const DevicePtr> tensors, DevicePtr workspace,
                              PreparedLaunch &prepared) {
  size_t nextMap = 0;
  for (size_t i = 0; i < variant.launches.size(); ++i) {
    const Launch &launch = variant.launches[i];
    const std::string &kernel = manifest.kernels[launch.kernel].name;
    Result<std::array<unsigned, 3>> grid = gridAt(launch, tokens);
    if (!grid)
      return std::move(grid).status().withContext(fmt::format("kernel '{}'", kernel));
    prepared.grids[i] = *grid;
    for (const LaunchArgument &argument : launch.arguments) {
      if (argument.kind != LaunchArgument::Kind::TensorMap)
        continue;
      size_t slot = nextMap++;
      if (isEmptyGrid(*grid))
        continue;
      const TensorMap &map = argument.tensorMap;
      DevicePtr address =
          map.fromBuffer ? workspace + prepared.layout.offsets[map.index] : tensors[map.index];
      address += map.offset;
      if (Status status = encodeTensorMap(api, map, address, tokens, prepared.tensorMaps[slot]);
          !status.isOk())
        return std::move(status).withContext(fmt::format("kernel '{}'", kernel));
    }
  }
  return Status::ok();
}

Status LoadedPackage::launch(int64_t tokens, std::span<const DevicePtr> tensors,
                             DevicePtr workspace, uint64_t workspaceBytes,
                             cuda::StreamHandle stream) const {
  const Manifest &manifest = state->manifest;
  const cuda::Device &device = *state->device;
  const cuda::DriverApi &api = device.api();
  PreparedLaunch prepared;

  MOERT_RETURN_IF_ERROR(checkTokens(tokens, state->maxTokens));
  if (tensors.size() != manifest.arguments.size())
    return misuse("expects {} tensors, but got {}", manifest.arguments.size(), tensors.size());
  uint32_t variantIndex = variantFor(manifest, tokens);
  const Variant &variant = manifest.variants[variantIndex];
  MOERT_ASSIGN_OR_RETURN(prepared.layout, layoutWorkspace(variant, tokens));
  if (uint64_t needed = state->workspace.atLeast(variantIndex, prepared.layout.bytes);
      workspaceBytes < needed)
    return misuse("expects a workspace of {} bytes for {} tokens, but got {}", needed, tokens,
                  workspaceBytes);

  cuda::ContextScope scope(device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  MOERT_RETURN_IF_ERROR(checkAddress(device, workspace, prepared.layout.bytes, kWorkspaceAlignment,
                                     "the", "workspace"));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Argument &argument = manifest.arguments[i];
    MOERT_ASSIGN_OR_RETURN(prepared.argumentBytes[i],
                           byteSizeAt(argument.dtype, argument.shape, tokens));
    MOERT_RETURN_IF_ERROR(checkAddress(device, tensors[i], prepared.argumentBytes[i],
                                       kTensorAlignment, "tensor", argument.name));
  }
  MOERT_RETURN_IF_ERROR(checkOverlaps(manifest, tensors, prepared, workspace));
  MOERT_RETURN_IF_ERROR(
      prepareLaunches(api, manifest, variant, tokens, tensors, workspace, prepared));

  union Value {
    DevicePtr address;
    int32_t number;
  };
  std::array<Value, kMaxParameters> values;
  std::array<void *, kMaxParameters> parameters;
  size_t nextMap = 0;
  for (size_t i = 0; i < variant.launches.size(); ++i) {
    const Launch &launch = variant.launches[i];
    for (size_t p = 0; p < launch.arguments.size(); ++p) {
      const LaunchArgument &argument = launch.arguments[p];
      parameters[p] = &values[p];
      switch (argument.kind) {
      case LaunchArgument::Kind::Tensor:
        values[p].address = tensors[argument.index];
        break;
      case LaunchArgument::Kind::Buffer:
        values[p].address = workspace + prepared.layout.offsets[argument.index];
        break;
      case LaunchArgument::Kind::Tokens:
        values[p].number = static_cast<int32_t>(tokens);
        break;
      case LaunchArgument::Kind::I32:
        values[p].number = argument.value;
        break;
      case LaunchArgument::Kind::TensorMap:
        parameters[p] = &prepared.tensorMaps[nextMap++];
        break;
      }
    }
    if (isEmptyGrid(prepared.grids[i]))
      continue;
    cuda::KernelLaunch kernelLaunch = {state->kernels.functions[launch.kernel],
                                       prepared.grids[i],
                                       launch.block,
                                       launch.cluster,
                                       launch.dynamicSharedBytes,
                                       launch.overlapsPrevious};
    cuda::DriverResult result = cuda::launchKernel(api, kernelLaunch, parameters.data(), stream);
    if (result != cuda::kSuccess)
      return api.status(result, "cuLaunchKernelEx")
          .withContext(fmt::format("kernel '{}'", manifest.kernels[launch.kernel].name));
  }
  return Status::ok();
}

} // namespace moert
