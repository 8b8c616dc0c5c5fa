//===- CacheExplain.h - moec cache explain ------------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_CACHEEXPLAIN_H
#define MOEC_COMPILER_TOOLS_MOEC_CACHEEXPLAIN_H

#include "runtime/Support/Status.h"

#include <string>

namespace moec::cli {

/// Prints the parts of the key that the block has with the options at hand, whether its package and
/// each of its kernels are cached and, where not, which part differs from the nearest entry.
moert::Status explainBlock(const std::string &path);

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_CACHEEXPLAIN_H
