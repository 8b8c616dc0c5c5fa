//===- KernelKey.h - what decides the code of one kernel --------------------===//

#ifndef MOEC_COMPILER_CACHE_KERNELKEY_H
#define MOEC_COMPILER_CACHE_KERNELKEY_H

#include "runtime/Cache/CacheKey.h"
#include "runtime/Cache/Entry.h"
#include "runtime/Jit/NvrtcCompiler.h"

#include "llvm/ADT/StringRef.h"

namespace moec {

/// The content key of a compile: source, the headers that it includes, options, architecture, the
/// version of NVRTC (empty: unknown). No path, no time, no driver: the same on every machine.
moert::CacheKey kernelKey(const moert::CompileRequest &request, llvm::StringRef nvrtc);

/// A compiled kernel as an entry, and back; the report is read from the log again.
moert::Entry kernelToEntry(const moert::CacheKey &key, const moert::CompiledKernel &kernel);
moert::Result<moert::CompiledKernel> kernelFromEntry(llvm::StringRef name,
                                                     const moert::Entry &entry);

} // namespace moec

#endif // MOEC_COMPILER_CACHE_KERNELKEY_H
