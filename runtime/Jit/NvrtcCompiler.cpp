//===- NvrtcCompiler.cpp - CUDA C++ to PTX and cubin ----------------------===//

#include "runtime/Jit/NvrtcCompiler.h"

#include "runtime/Jit/NvrtcApi.h"
#include "runtime/Support/Log.h"
#include "runtime/Support/Parallel.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

namespace moert {

using nvrtc::NvrtcApi;
using nvrtc::NvrtcResult;

struct NvrtcCompiler::Library {
  NvrtcApi api;
  int major = 0, minor = 0;
  std::vector<int> architectures;
};

namespace {
/// An NVRTC program that destroys itself.
class Program {
public:
  explicit Program(const NvrtcApi &api) : api(api) {}
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;
  ~Program() {
    if (handle)
      api.nvrtcDestroyProgram(&handle);
  }
  nvrtc::ProgramHandle handle = nullptr;

  using SizeFunction = NvrtcResult (*)(nvrtc::ProgramHandle, size_t *);
  using ReadFunction = NvrtcResult (*)(nvrtc::ProgramHandle, char *);
  /// One output of the program; empty where NVRTC has none.
  std::string read(SizeFunction sizeOf, ReadFunction readInto) const {
    size_t size = 0;
    if (sizeOf(handle, &size) != nvrtc::kSuccess || size == 0)
      return {};
    std::string output(size, '\0');
    if (readInto(handle, output.data()) != nvrtc::kSuccess)
      return {};
    return output;
  }

private:
  const NvrtcApi &api;
};
} // namespace

/// Texts come with their terminating NUL.
static void dropTrailingNul(std::string &text) {
  while (!text.empty() && text.back() == '\0')
    text.pop_back();
}

const KernelResources *CompiledKernel::findEntry(std::string_view entry) const {
  for (const KernelResources &resources : entries)
    if (resources.entry == entry)
      return &resources;
  return nullptr;
}

uint32_t CompiledKernel::spillBytes() const {
  uint32_t bytes = 0;
  for (const KernelResources &resources : entries)
    bytes += resources.spillBytes();
  return bytes;
}

NvrtcCompiler::NvrtcCompiler(std::shared_ptr<const Library> library)
    : library(std::move(library)) {}

const std::string &NvrtcCompiler::path() const { return library->api.path; }
int NvrtcCompiler::majorVersion() const { return library->major; }
int NvrtcCompiler::minorVersion() const { return library->minor; }
const std::vector<int> &NvrtcCompiler::architectures() const { return library->architectures; }

std::string NvrtcCompiler::fullVersion() const {
  const NvrtcApi &api = library->api;
  Program program(api);
  std::string ptx;
  if (api.nvrtcCreateProgram(&program.handle, "__global__ void empty() {}", "version.cu", 0, nullptr,
                             nullptr) == nvrtc::kSuccess &&
      api.nvrtcCompileProgram(program.handle, 0, nullptr) == nvrtc::kSuccess)
    ptx = program.read(api.nvrtcGetPTXSize, api.nvrtcGetPTX);
  // "// Cuda compilation tools, release 13.0, V13.0.88"
  std::string prefix = fmt::format(", V{}.{}.", library->major, library->minor);
  size_t begin = ptx.find(prefix);
  if (begin == std::string::npos)
    return fmt::format("{}.{}", library->major, library->minor);
  size_t end = ptx.find_first_not_of("0123456789", begin + prefix.size());
  return ptx.substr(begin + 3, end - begin - 3);
}

Result<NvrtcCompiler> NvrtcCompiler::load() {
  auto library = std::make_shared<Library>();
  MOERT_ASSIGN_OR_RETURN(library->api, NvrtcApi::load());
  const NvrtcApi &api = library->api;
  auto check = [&](NvrtcResult result, const char *call) {
    if (result == nvrtc::kSuccess)
      return Status::ok();
    return Status(StatusCode::Toolchain, fmt::format("{} of '{}' failed: {}", call, api.path,
                                                     api.nvrtcGetErrorString(result)));
  };
  MOERT_RETURN_IF_ERROR(check(api.nvrtcVersion(&library->major, &library->minor), "nvrtcVersion"));
  int count = 0;
  MOERT_RETURN_IF_ERROR(check(api.nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs"));
  library->architectures.resize(static_cast<size_t>(std::max(count, 0)));
  MOERT_RETURN_IF_ERROR(
      check(api.nvrtcGetSupportedArchs(library->architectures.data()), "nvrtcGetSupportedArchs"));
  return NvrtcCompiler(std::move(library));
}

std::vector<std::string> NvrtcCompiler::standardOptions(std::string_view arch) {
  return {
      fmt::format("-arch={}", arch),
      "-std=c++20",
      // Functions without an annotation are device functions: constexpr helpers need no macro.
      "-default-device",
      // Registers, spills and shared memory in the log.
      "-Xptxas=-v",
      // Where there is a driver, NVRTC keeps a cache of its own, which returns no such report.
      "--no-cache",
      // NVRTC would change the stack limit of the whole process during a compile.
      "--modify-stack-limit=false",
  };
}

Result<CompiledKernel> NvrtcCompiler::compile(const CompileRequest &request) const {
  // At its default, 5, the assembler works at many values at once and may run out of registers
  // where accumulators take most of them; at 3 and below it works at fewer. What does not spill
  // stays as it was measured, so it is asked only here.
  constexpr const char *kSparing = "-Xptxas=--register-usage-level=3";
  Result<CompiledKernel> kernel = compileOnce(request);
  if (!kernel || kernel->spillBytes() == 0)
    return kernel;
  CompileRequest again = request;
  again.options.push_back(kSparing);
  Result<CompiledKernel> sparing = compileOnce(again);
  if (!sparing || sparing->spillBytes() >= kernel->spillBytes())
    return kernel;
  log(LogLevel::Debug, "jit", "{} spills {} bytes in place of {} with {}", request.name,
      sparing->spillBytes(), kernel->spillBytes(), kSparing);
  sparing->seconds += kernel->seconds;
  return sparing;
}

Result<CompiledKernel> NvrtcCompiler::compileOnce(const CompileRequest &request) const {
  auto begin = std::chrono::steady_clock::now();
  const NvrtcApi &api = library->api;
  auto failure = [&](std::string message) {
    return Status(StatusCode::Toolchain,
                  fmt::format("kernel '{}': {}", request.name, std::move(message)));
  };

  // NVRTC wants NUL-terminated texts; the views need not be.
  std::vector<std::string> names, texts;
  std::vector<const char *> namePointers, textPointers;
  for (const SourceHeader &header : request.headers) {
    names.emplace_back(header.name);
    texts.emplace_back(header.text);
  }
  for (size_t i = 0; i < names.size(); ++i) {
    namePointers.push_back(names[i].c_str());
    textPointers.push_back(texts[i].c_str());
  }
  std::vector<std::string> options = standardOptions(request.arch);
  options.insert(options.end(), request.options.begin(), request.options.end());
  std::vector<const char *> optionPointers;
  for (const std::string &option : options)
    optionPointers.push_back(option.c_str());

  Program program(api);
  std::string fileName = request.name + ".cu";
  if (NvrtcResult result = api.nvrtcCreateProgram(&program.handle, request.source.c_str(),
                                                  fileName.c_str(), static_cast<int>(names.size()),
                                                  textPointers.data(), namePointers.data());
      result != nvrtc::kSuccess)
    return failure(fmt::format("nvrtcCreateProgram failed: {}", api.nvrtcGetErrorString(result)));

  NvrtcResult result = api.nvrtcCompileProgram(
      program.handle, static_cast<int>(optionPointers.size()), optionPointers.data());
  CompiledKernel kernel;
  kernel.name = request.name;
  kernel.log = program.read(api.nvrtcGetProgramLogSize, api.nvrtcGetProgramLog);
  dropTrailingNul(kernel.log);
  if (result != nvrtc::kSuccess)
    return failure(fmt::format("NVRTC {}.{} refuses it ({})\n{}", library->major, library->minor,
                               api.nvrtcGetErrorString(result), kernel.log));
  if (std::string_view advisory = findFatalAdvisory(kernel.log); !advisory.empty())
    return failure(fmt::format("the assembler gives up performance: {}\n{}", advisory, kernel.log));

  kernel.ptx = program.read(api.nvrtcGetPTXSize, api.nvrtcGetPTX);
  dropTrailingNul(kernel.ptx);
  kernel.cubin = program.read(api.nvrtcGetCUBINSize, api.nvrtcGetCUBIN);
  if (kernel.ptx.empty() && kernel.cubin.empty())
    return failure("NVRTC gives neither PTX nor a cubin");
  kernel.entries = parseAssemblerReport(kernel.log);
  kernel.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  log(LogLevel::Debug, "jit", "compiled {} for {} in {:.3f} s", request.name, request.arch,
      kernel.seconds);
  return kernel;
}

std::vector<Result<CompiledKernel>>
NvrtcCompiler::compileAll(std::span<const CompileRequest> requests, unsigned jobs,
                          const CompileProgress &progress) const {
  std::vector<std::optional<Result<CompiledKernel>>> slots(requests.size());
  std::mutex progressMutex;
  size_t done = 0;
  parallelFor(int64_t(requests.size()), 1, jobs, [&](int64_t i, int64_t) {
    slots[i].emplace(compile(requests[i]));
    std::lock_guard<std::mutex> lock(progressMutex);
    ++done;
    if (progress)
      progress(done, requests.size(), requests[i], *slots[i]);
  });

  std::vector<Result<CompiledKernel>> results;
  results.reserve(slots.size());
  for (std::optional<Result<CompiledKernel>> &slot : slots)
    results.push_back(*std::move(slot));
  return results;
}

} // namespace moert
