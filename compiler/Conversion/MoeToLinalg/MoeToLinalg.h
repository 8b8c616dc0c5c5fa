//===- MoeToLinalg.h - lowering of moe to stock dialects ------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_MOETOLINALG_H
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_MOETOLINALG_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace moec {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/MoeToLinalg/Passes.h.inc"
} // namespace moec

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_MOETOLINALG_H
