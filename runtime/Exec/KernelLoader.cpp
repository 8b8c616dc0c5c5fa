//===- KernelLoader.cpp - From the code of a package to functions on a device -===//

#include "runtime/Exec/KernelLoader.h"

#include <fmt/format.h>

#include <cstring>

#include <elf.h>

namespace moert {

Result<CodeForm> chooseForm(const Architecture &target, std::string_view targetName, int ccMajor,
                            int ccMinor, bool hasCubin, bool hasPtx) {
  bool exact = target.major == ccMajor && target.minor == ccMinor;
  bool sameFamily = target.major == ccMajor && target.minor <= ccMinor;
  bool later = target.major < ccMajor || sameFamily;
  bool cubinRuns = target.suffix == 'a' ? exact : sameFamily;
  bool ptxRuns = target.suffix == 'a' ? exact : target.suffix == 'f' ? sameFamily : later;
  if (hasCubin && cubinRuns)
    return CodeForm::Cubin;
  if (hasPtx && ptxRuns)
    return CodeForm::Ptx;
  const char *range = target.suffix == 'a'   ? ""
                      : target.suffix == 'f' ? " or its family"
                                             : " or later";
  std::string has = hasCubin && !hasPtx ? " and no PTX for other architectures" : "";
  return Status(
      StatusCode::NoDevice,
      fmt::format("expects a device of compute capability {}.{}{} for {} code{}, but got {}.{}",
                  target.major, target.minor, range, targetName, has, ccMajor, ccMinor));
}

/// The driver reads a cubin by the offsets in its ELF headers and is not told its size. Refuses one
/// whose headers point beyond its end.
static bool isCompleteElf(const std::string &image) {
  Elf64_Ehdr header;
  if (image.size() < sizeof header)
    return false;
  std::memcpy(&header, image.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return false;
  auto inside = [&](uint64_t offset, uint64_t size) {
    return offset <= image.size() && size <= image.size() - offset;
  };
  if (!inside(header.e_phoff, uint64_t(header.e_phnum) * header.e_phentsize) ||
      !inside(header.e_shoff, uint64_t(header.e_shnum) * header.e_shentsize))
    return false;
  if (header.e_shnum && header.e_shentsize < sizeof(Elf64_Shdr))
    return false;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, image.data() + header.e_shoff + uint64_t(i) * header.e_shentsize,
                sizeof section);
    if (section.sh_type != SHT_NOBITS && !inside(section.sh_offset, section.sh_size))
      return false;
  }
  return true;
}

static size_t parameterBytes(ParameterKind kind) {
  switch (kind) {
  case ParameterKind::Pointer:
    return 8;
  case ParameterKind::I32:
    return 4;
  case ParameterKind::TensorMap:
    return sizeof(cuda::EncodedTensorMap);
  }
  return 0;
}

/// Compares the parameters that the code declares with those of the manifest. Drivers before CUDA
/// 12.4 do not tell.
static Status checkParameters(const cuda::DriverApi &api, cuda::FunctionHandle function,
                              const Kernel &kernel) {
  if (!api.cuFuncGetParamInfo)
    return Status::ok();
  size_t offset = 0, size = 0;
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    if (api.cuFuncGetParamInfo(function, i, &offset, &size) != cuda::kSuccess)
      return Status(
          StatusCode::InvalidInput,
          fmt::format("expects {} parameters, but the code has {}", kernel.parameters.size(), i));
    if (size_t expected = parameterBytes(kernel.parameters[i]); size != expected)
      return Status(StatusCode::InvalidInput,
                    fmt::format("expects parameter {} to have {} bytes, but the code has {}", i,
                                expected, size));
  }
  if (api.cuFuncGetParamInfo(function, kernel.parameters.size(), &offset, &size) == cuda::kSuccess)
    return Status(
        StatusCode::InvalidInput,
        fmt::format("expects {} parameters, but the code has more", kernel.parameters.size()));
  return Status::ok();
}

/// Checks the limits of a function and grants what its launches need.
static Status prepareFunction(const cuda::Device &device, cuda::FunctionHandle function,
                              const Manifest &manifest, size_t index) {
  const cuda::DriverApi &api = device.api();
  const Kernel &kernel = manifest.kernels[index];
  MOERT_RETURN_IF_ERROR(checkParameters(api, function, kernel));
  int threads = 0, staticShared = 0;
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(api, cuFuncGetAttribute, &threads, cuda::kFunctionMaxThreadsPerBlock, function));
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(api, cuFuncGetAttribute, &staticShared, cuda::kFunctionSharedSizeBytes, function));
  if (kernel.threads > static_cast<uint32_t>(threads))
    return Status(
        StatusCode::InvalidInput,
        fmt::format("expects {} threads a block, but the code admits {}", kernel.threads, threads));
  uint64_t shared = uint64_t(staticShared) + kernel.dynamicSharedBytes;
  if (shared > device.properties().sharedBytesPerBlock)
    return Status(StatusCode::Unsupported,
                  fmt::format("expects {} bytes of shared memory a block, but the device grants {}",
                              shared, device.properties().sharedBytesPerBlock));
  if (kernel.dynamicSharedBytes > 0)
    MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuFuncSetAttribute, function,
                                     cuda::kFunctionMaxDynamicSharedSizeBytes,
                                     static_cast<int>(kernel.dynamicSharedBytes)));
  // Clusters of more than 8 blocks are not portable and need to be asked for.
  bool largeCluster = false;
  for (const Variant &variant : manifest.variants)
    for (const Launch &launch : variant.launches)
      largeCluster |=
          launch.kernel == index && launch.cluster[0] * launch.cluster[1] * launch.cluster[2] > 8;
  if (largeCluster)
    MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuFuncSetAttribute, function,
                                     cuda::kFunctionNonPortableClusterSizeAllowed, 1));
  return Status::ok();
}

/// Loads one kernel into `kernels`.
static Status loadKernel(const std::shared_ptr<const cuda::Device> &device, const Package &package,
                         size_t index, const Architecture &target, LoadedKernels &kernels) {
  const Manifest &manifest = package.manifest;
  const KernelCode &code = package.code[index];
  const cuda::DeviceProperties &props = device->properties();
  MOERT_ASSIGN_OR_RETURN(CodeForm form,
                         chooseForm(target, manifest.targetArch, props.ccMajor, props.ccMinor,
                                    !code.cubin.empty(), !code.ptx.empty()));
  if (form == CodeForm::Cubin && !isCompleteElf(code.cubin))
    return Status(StatusCode::InvalidInput, "expects the cubin to be a complete ELF file");
  MOERT_ASSIGN_OR_RETURN(
      cuda::Module module,
      cuda::Module::load(device, form == CodeForm::Cubin ? code.cubin : code.ptx));
  MOERT_ASSIGN_OR_RETURN(cuda::FunctionHandle function,
                         module.function(manifest.kernels[index].entry));
  MOERT_RETURN_IF_ERROR(prepareFunction(*device, function, manifest, index));
  kernels.modules.push_back(std::move(module));
  kernels.functions.push_back(function);
  return Status::ok();
}

Result<LoadedKernels> loadKernels(const std::shared_ptr<const cuda::Device> &device,
                                  const Package &package) {
  if (package.code.size() != package.manifest.kernels.size())
    return Status(StatusCode::InvalidInput,
                  fmt::format("expects the code of {} kernels, but got {}",
                              package.manifest.kernels.size(), package.code.size()));
  MOERT_ASSIGN_OR_RETURN(Architecture target, Architecture::parse(package.manifest.targetArch));
  cuda::ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  LoadedKernels kernels;
  for (size_t i = 0; i < package.manifest.kernels.size(); ++i)
    MOERT_RETURN_IF_ERROR(loadKernel(device, package, i, target, kernels)
                              .withContext(fmt::format(
                                  "kernel '{}' on device {} ({})", package.manifest.kernels[i].name,
                                  device->properties().ordinal, device->properties().name)));
  return kernels;
}

} // namespace moert
