//===- Splice.h - one package of several lowerings ---------------------------===//

#ifndef MOEC_COMPILER_ENGINE_SPLICE_H
#define MOEC_COMPILER_ENGINE_SPLICE_H

#include "compiler/Engine/Compiler.h"

namespace moec {

/// Gives the token counts of `interval` to what `part` made of the same block with other fusions.
/// Kernels of equal source are shared; others that are called alike get the interval into their
/// names ("moe_grouped_matmul_0_768_1535"), which name files: a kernel's symbol stays.
void splice(Compilation &whole, Compilation part, const TokenInterval &interval);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_SPLICE_H
