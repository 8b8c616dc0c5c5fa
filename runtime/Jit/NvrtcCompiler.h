//===- NvrtcCompiler.h - CUDA C++ to PTX and cubin ------------------------===//
//
// One NVRTC program with a real architecture yields both the PTX and the cubin, and with
// -Xptxas=-v the assembler's report. Independent kernels compile at once on several threads.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_JIT_NVRTCCOMPILER_H
#define MOEC_RUNTIME_JIT_NVRTCCOMPILER_H

#include "runtime/Support/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moert {

/// A header that `#include <name>` or `#include "name"` finds without a file system.
struct SourceHeader {
  std::string_view name;
  std::string_view text;
};

/// What to compile.
struct CompileRequest {
  std::string name;   ///< of the kernel, in errors and as the file name in NVRTC's messages
  std::string source; ///< CUDA C++; entry points are extern "C"
  std::string arch = "sm_90a";
  std::span<const SourceHeader> headers; ///< borrowed for the time of the call
  std::vector<std::string> options;      ///< added to the standard ones, such as "-lineinfo"
};

/// What the assembler reported about one entry point.
struct KernelResources {
  std::string entry;
  uint32_t registers = 0;         ///< a thread
  uint32_t spillStoreBytes = 0;   ///< a thread
  uint32_t spillLoadBytes = 0;    ///< a thread
  uint32_t stackBytes = 0;        ///< a thread
  uint32_t staticSharedBytes = 0; ///< a block

  /// Stores and loads of spilled registers, a thread.
  uint32_t spillBytes() const { return spillStoreBytes + spillLoadBytes; }
};

/// The result of one compile.
struct CompiledKernel {
  std::string name;
  std::string ptx;
  std::string cubin;
  std::string log; ///< the whole log, with warnings and the assembler's report
  std::vector<KernelResources> entries;
  double seconds = 0; ///< wall time of this compile

  /// The report on `entry`; null where there is none.
  const KernelResources *findEntry(std::string_view entry) const;
  /// Of all entries.
  uint32_t spillBytes() const;
};

/// Reports a finished compile; calls come one at a time, from any thread.
using CompileProgress = std::function<void(size_t done, size_t total, const CompileRequest &request,
                                           const Result<CompiledKernel> &result)>;

/// A loaded NVRTC. Immutable and thread-safe.
class NvrtcCompiler {
public:
  /// Loads NVRTC from $MOEC_NVRTC or, in this order, the loader's search path, $CUDA_HOME,
  /// $CUDA_PATH and /usr/local/cuda. Toolchain failure with the list of places where there is none.
  static Result<NvrtcCompiler> load();

  /// The path of the library, or its soname where the loader found it.
  const std::string &path() const;
  int majorVersion() const;
  int minorVersion() const;
  /// The version to the last digit ("13.0.88"), which nvrtcVersion does not tell but PTX does;
  /// "13.0" where it does not either. Compiles an empty program to find out.
  std::string fullVersion() const;
  /// Architectures that can be compiled for, such as 80, 90, 100; a suffix a or f is not listed.
  const std::vector<int> &architectures() const;

  /// The standard options of every compile for `arch`, in order; part of a cache key.
  static std::vector<std::string> standardOptions(std::string_view arch);

  /// Compiles one kernel. Toolchain failure with kernel name and log where NVRTC refuses, or where
  /// the assembler warns that it serialised warpgroup matrix instructions (see
  /// `findFatalAdvisory`). A kernel that spills is compiled a second time with an assembler that is
  /// more sparing of registers, and the one that spills less is given.
  Result<CompiledKernel> compile(const CompileRequest &request) const;

  /// Compiles all on up to `jobs` threads (0: one for each core); results in the order of the
  /// requests.
  std::vector<Result<CompiledKernel>> compileAll(std::span<const CompileRequest> requests,
                                                 unsigned jobs,
                                                 const CompileProgress &progress = nullptr) const;

private:
  struct Library;
  explicit NvrtcCompiler(std::shared_ptr<const Library> library);
  Result<CompiledKernel> compileOnce(const CompileRequest &request) const;
  std::shared_ptr<const Library> library;
};

/// Reads registers, spills, stack and shared memory of each entry from a -Xptxas=-v log.
std::vector<KernelResources> parseAssemblerReport(std::string_view log);

/// The first line of the log with an advisory that must not pass: C7504, C7508, C7510, C7511, C7512
/// or C7520 (wgmma serialised or setmaxnreg ignored). Empty where there is none.
std::string_view findFatalAdvisory(std::string_view log);

} // namespace moert

#endif // MOEC_RUNTIME_JIT_NVRTCCOMPILER_H
