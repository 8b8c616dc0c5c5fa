//===- NvrtcApi.h - NVRTC, loaded at run time -----------------------------===//

#ifndef MOEC_RUNTIME_JIT_NVRTCAPI_H
#define MOEC_RUNTIME_JIT_NVRTCAPI_H

#include "runtime/Support/Status.h"

#include <cstddef>
#include <string>

struct _nvrtcProgram;

namespace moert::nvrtc {

using ProgramHandle = ::_nvrtcProgram *;

/// nvrtcResult; the codes that are told apart here.
enum NvrtcResult : int { kSuccess = 0, kErrorInvalidOption = 5, kErrorCompilation = 6 };

/// The entry points of libnvrtc. Immutable once loaded.
struct NvrtcApi {
#define MOERT_NVRTC_SYMBOL(symbol, parameters) NvrtcResult(*symbol) parameters = nullptr;
#include "runtime/Jit/NvrtcApi.def"
  const char *(*nvrtcGetErrorString)(NvrtcResult result) = nullptr;

  std::string path; ///< of the library that was loaded

  /// Loads the library; see NvrtcCompiler::load for the places. The library is never unloaded: it
  /// keeps threads and thread-local state.
  static Result<NvrtcApi> load();
};

} // namespace moert::nvrtc

#endif // MOEC_RUNTIME_JIT_NVRTCAPI_H
