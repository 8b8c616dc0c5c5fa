//===- VariantKey.h - what decides a package --------------------------------===//

#ifndef MOEC_COMPILER_ENGINE_VARIANTKEY_H
#define MOEC_COMPILER_ENGINE_VARIANTKEY_H

#include "compiler/Engine/Compiler.h"
#include "runtime/Cache/CacheKey.h"

namespace moec {

/// The key of the package that the text of a block compiles to: a digest of its bytes, every option
/// that decides code, the build of this compiler and the version of NVRTC (empty: unknown). It
/// needs no MLIR: nothing is parsed.
moert::CacheKey variantKey(llvm::StringRef block, const CompilerOptions &options,
                           llvm::StringRef nvrtc);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_VARIANTKEY_H
